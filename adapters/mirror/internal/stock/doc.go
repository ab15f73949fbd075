// Package stock is the part of the mirror that tells what is decided about stock, in the
// order of the stock journal, and books what moved. Rules are cited as in
// docs/design/0015-mirror.md; those that need no client are in internal/domain/mirror/stock.
//
// A view holds what the watches showed last of the journal, reservations, stock documents and
// items: objects of the informers, not copies. It knows which decisions beyond the cursor were
// seen, which rows may be out of date, which objects wait to be let go, and which lack the
// mirror's finalizer.
//
// A teller has one connection to the database and writes all there is to write, in
// transactions that lock the cursor first. In each it tells the decisions that follow the
// cursor without a gap, books their movements, and writes rows. When the next decision is
// nowhere it syncs. What it remembers of the database ends with the connection (rule 7).
//
// After a commit a keeper lets go what may go, by the very version that was committed, and
// gives the finalizer to what lacks it. A sweeper finds rows whose object is gone unseen.
//
// Any number of mirrors may be alive, and each may stop between any two steps.
package stock
