// Package relay publishes what the outboxes hold: every event once at least, and the first appearances of a
// key's events in order (rules 15 to 18 of docs/design/0015-mirror.md). The rules themselves are in
// internal/domain/mirror/relay.
//
// Each outbox has a line of its own, with three parts:
//
//   - a session, which is a connection that holds the advisory lock and is notified of new rows;
//   - turns, one at a time: each deletes what was acknowledged and reads further rows, in one transaction;
//   - a window of rows in memory, of each key of which one is on its way to the broker.
//
// A line that loses its database forgets its window and begins anew. A broker that is away is waited for
// inside the window, so memory stays bounded. A record that the broker refuses holds up its key,
// and is tried again apart from all others, so that it spoils no batch.
package relay
