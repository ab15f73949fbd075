// Package stockdb reads and writes what the mirror tells of stock in the database
// ops_inventory: how far it told (the cursor), the ledger of movements, and the rows of
// items, reservations and documents. Its SQL is here and in the migrations alone.
//
// Every write happens in a transaction that has locked the cursor first ([Lock]). So writers
// of this database are one after the other, and none of them can deadlock.
package stockdb
