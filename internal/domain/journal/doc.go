// Package journal is the stock journal: what its entries are, how they are carried out,
// in which order they are written, and how they are read. It has no client, no clock and
// no logger, and it does not know how stock is decided; that is domain/stock, whose
// documentation states the protocol.
//
// # Entries
//
// An entry of a StockJournal is one decision: a grant, rejection, release, commit or
// restock of a reservation, or the answer to a stock document. It carries everything that
// has to be known to carry it out, so that nothing has to be asked of the object it was
// decided from. A decision is made once its entry is in the journal.
//
// [Fenced] is the status by which a leader takes the journal; a new one begins to number at
// [FirstSeq]. [Next] is the status that a leader swaps in: the entries that must stay ([Keep]), then
// the new ones. An entry is [Pending] until every object it is about was seen to contain
// it. [Room] tells how many more decisions fit. When the answer to a swap is unclear,
// [Same] tells whether the journal is to the letter what was to be written.
//
// # Redo
//
// [ApplyToReservation], [ApplyToItem] and [ApplyToDocument] carry an entry out on an
// object. Anybody may do it, at any time and again: each of them sees on the object
// whether the entry was carried out, and then changes nothing. An object of another uid is
// another object and is left alone. [Overlay] does the same on listed copies, for objects
// that can't be written.
//
// # Write ordering
//
// Entries are carried out while later ones are decided. [WriteOrder] tells which writes
// have to wait for which others, so that whoever adds up the objects never finds more
// reserved of an item than is on hand.
//
// # Reading
//
// An object shows a decision one write after the journal has it. Who wants to know what
// was decided reads both: [AsDecided] is a reservation with its entries carried out on a
// copy, [DecidedSince] names the reservations that have new entries.
package journal
