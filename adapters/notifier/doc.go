// Package notifier tells customers what happens to their orders
// (docs/design/0016-notifications.md).
//
// Three parts work side by side, and know each other through ops_notifications alone: intake records what the
// topics tell, a sender for each channel sends what waits, and telling writes to the topics what became of
// it. Any number of notifiers may run.
package notifier
