// Package orders brings the orders of a namespace to the database ops_orders, and lets them leave
// the cluster (docs/design/0015-mirror.md, whose rules are cited by number). What is decided is
// decided by internal/domain/mirror/orders; here it is read and written.
//
// # From the watch to the database
//
// An informer says that an order has changed. Only its name is remembered, in a set: however long the
// database is away, there are never more names than orders. Of an order that is gone its last version
// is remembered as well, since the cache has it no more. An order with the mirror's finalizer is
// not gone before that version is in the database, so these are few.
//
// The applier takes names in batches. It reads the newest versions from the cache, and the rows from the
// database. Where something is to be done it locks the rows, in the order of their ids, decides
// again, and writes rows and events in one transaction (rule 4). A row that a step marks as gone or archived
// is written in it too (rule 22, rule 27). What a step wants of the cluster is written after the commit.
//
// # What holds when something fails
//
//   - A mirror that stops between any two of its writes begins again with every order of the cache.
//     Rows and plan say what is missing.
//   - Two mirrors at once repeat each other: rows are locked, an event is stored once, and every write
//     to the cluster has the uid and the resourceVersion that it was decided on.
//   - A transaction that fails is tried again, with longer and longer pauses. When it works again every
//     order is compared, since the database may have gone back meanwhile (rule 7). That it has is
//     also seen by its name: see orderdb.Incarnation.
//   - An order that can't be told, because the database refuses its text or its history makes no sense,
//     is parked alone. A new version of it is tried, and all of them every hour.
//   - An order of which the cache could not decode what is told is parked as well (package cachedclient).
//
// # At rest
//
// Nothing is asked of the API server and nothing is written. Every few seconds the database is asked
// for its name. Every hour all rows are compared with the cache.
package orders
