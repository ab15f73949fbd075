// Package sending sends what waits in ops_notifications, on one channel each
// (rules 13 to 19 of docs/design/0016-notifications.md).
//
// A sender claims as many rows as it has places, has their texts made, sends them all at once, and keeps what
// became of each. A place is free again once that is kept: so memory is bounded whatever waits.
package sending
