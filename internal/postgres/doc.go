// Package postgres opens the databases of Orderplane and migrates them. Each concern has a database
// of its own, with a user that may be the same; no transaction spans two of them.
//
// Packages beneath it hold the queries of one database each, or of what two of them have in common
// (outbox). SQL is written by hand and read by pgx; nothing else knows a table's name.
package postgres
