// Package stock decides who gets stock. It is the pure half of the stock
// controller: no client, no clock, no logger. controllers/stock gathers what it
// needs and writes what it decides.
//
// # Protocol
//
// All stock decisions of a namespace pass through one object, its StockJournal,
// the way a database's pass through its write-ahead log. Kubernetes has no
// transaction over several objects; it has one fence, the resourceVersion of
// one object, and the journal is where that fence is used.
//
// Acquire. A process becomes the leader of a namespace in three steps:
//
//   - Fence: it reads the journal live and swaps in epoch + 1, keeping the entries. From
//     then on every swap of an earlier leader fails.
//   - Replay: it carries out every entry again, from live objects.
//   - Load: only then it lists items, reservations and documents, consistently, and makes
//     a [Ledger] of them.
//
// Decide. One goroutine, in order of arrival: [Ledger.DecideReservation] and
// [Ledger.DecideDocument] turn what somebody wants into a journal entry, and
// the ledger remembers it at once. A reservation that takes a basket over gets two entries,
// the basket's release and its own grant, which go into the journal in one swap. Phases and quantities come from the ledger
// alone; objects seen through an informer give intents, new objects and
// deletions, never phases.
//
// Journal. The batch is written by one compare-and-swap of the journal:
// entries whose effects were not yet all seen durable, then the new ones
// ([journal.Next]). Whoever loses the swap forgets everything and acquires the journal
// again. When the answer of a swap is unclear the journal is read: only if it
// is to the letter what was written ([journal.Same]) does the leader go on.
//
// Carry out. Each effect is a PUT with resourceVersion and uid, worked out from the
// object itself by [journal.ApplyToReservation], [journal.ApplyToItem] and
// [journal.ApplyToDocument]. They can be repeated by anybody at any time: what is done is
// seen to be done. An entry is dropped only by a swap after this leader saw all its
// effects. Effects are written while later batches are decided; [journal.WriteOrder] says
// which have to wait for which.
//
// # Invariants
//
//   - After every decision the sum of the lines of Reserved reservations of an
//     item is at most what is on hand, unless a count found less (Oversold),
//     and then nothing is granted until that is over.
//   - A reservation is resolved once; phases move only along
//     Pending → Reserved | Rejected | Released, Reserved → Committed | Released,
//     Committed → Restocked, and Restocked as often as more comes back.
//   - A basket that is taken over is released if and only if its taker is granted.
//   - Every Commit, Restock and Adjust changes onHand exactly once.
//   - What is reserved is derived, the sum over Reserved reservations. There is
//     no counter that could drift; StockItem.status.reserved is a projection.
//   - A number is given once. A journal that is made anew numbers by the clock
//     ([journal.FirstSeq]), and behind every number found in the lists.
//   - What is deleted and kept, as by the mirror's finalizer, is decided: a reservation
//     that is Pending or Reserved is released, a Pending document is refused (Withdrawn).
//
// # Failure rules
//
// A crash between any two writes leaves entries in the journal; the next leader
// carries them out. A leader that was replaced can finish effects of entries it
// journaled (they are due anyway) and can do nothing else: its next swap fails.
// An object that is gone, or has another uid, needs nothing more; the item side
// of its journaled Commit, Restock or Adjust is still carried out, which is why
// entries carry their lines. An item made again under its old name has another
// uid: reservations of the old one never debit it.
//
// # What is checked
//
// The tests of this package explore the protocol, breadth first, over the functions that
// the controller calls: the decisions of [Ledger], [MayBeDue], and journal's Keep, Next,
// Same, Overlay, WriteOrder and Apply functions (modelcheck_*_test.go).
package stock
