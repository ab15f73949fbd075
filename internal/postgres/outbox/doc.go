// Package outbox keeps what is to be published beside what it is about: an event is stored, and queued,
// in the transaction of the row that it tells of. A relay publishes what is queued and deletes it
// once the broker has acknowledged it; the events themselves stay (protocol rules 15 to 18 of
// docs/design/0015-mirror.md).
//
// Who puts events of a key holds the lock of the row that orders the key: the row of the order, or the
// cursor of the stock (rule 16). So the numbers in the queue ascend, within a key, in the order
// of the commits, and who sees an event queued has seen the one before it.
package outbox
