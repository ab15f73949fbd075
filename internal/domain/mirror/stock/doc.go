// Package stock has the rules by which the stock decisions of a namespace are told, once and
// in the order of their numbers. Rules are cited as in docs/design/0015-mirror.md.
//
// The cursor is the number of the last decision that was told. The next one is told from the
// journal's entry or from the object that shows it, whichever is seen first ([Follows]). A
// number that is nowhere is either late or gone. Only a sync can tell the two apart
// ([NeedsSync], [Sync]): it reads the journal, and after that lists the objects.
//
// What moved stock is booked in a ledger of movements ([MovementsOf], [Opening]). They add up
// to what is on hand. Where they do not, something was lost, and the difference is booked and
// reported ([Carry]).
//
// An object that is being deleted is let go once it is at its end and all about it was told
// ([MayLetGoReservation], [MayLetGoDocument], [MayLetGoItem]).
package stock
