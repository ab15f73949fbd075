// Package protocol says in Go what the statements of ops_notifications do with the notifications of one order on one
// channel (docs/design/0016-notifications.md). Only tests import it: its own explore every way in which notifiers may
// get into each other, and those of notificationdb hold the statements to it.
package protocol

import "github.com/orderplane/orderplane/internal/domain/notification"

// Events is how many events the order has, and Senders how many senders there are.
const (
	Events  = 3
	Senders = 3
)

// Status is a [notification.Status] in one byte: there are many states to remember. The zero value is none.
type Status uint8

// The statuses.
const (
	Pending Status = iota + 1
	Delivered
	Failed
	Skipped
)

// Of is the status of that name.
func Of(name notification.Status) Status {
	switch name {
	case notification.Pending:
		return Pending
	case notification.Delivered:
		return Delivered
	case notification.Failed:
		return Failed
	case notification.Skipped:
		return Skipped
	default:
		return 0
	}
}

// Row is a notification. The zero value is none.
type Row struct {
	Status   Status
	Attempts uint8
	// Sender is who claimed it, from 1; 0 is nobody.
	Sender uint8
	// Told: its end is on the topics.
	Told bool
}

// Table is ops_notifications. Events are numbered from 0.
type Table struct {
	Inbox [Events]bool
	Rows  [Events]Row
	// Alive are the senders that are alive by the database's clock; Alive[0] is nobody.
	Alive [Senders + 1]bool
}

// Known is how many events were handled, by the highest one.
func (t *Table) Known() int {
	for e := Events; e > 0; e-- {
		if t.Inbox[e-1] {
			return e
		}
	}
	return 0
}

// Record handles the events from one on, up to and without another, as they were planned.
func (t *Table) Record(from, to int, planned [Events]Row) {
	for e := from; e < to; e++ {
		if t.Inbox[e] {
			continue
		}
		t.Inbox[e] = true
		if t.Rows[e] == (Row{}) {
			t.Rows[e] = planned[e]
		}
	}
}

// Claim gives a sender the event whose turn it is, unless it holds it already or somebody else alive does; -1 is none. All
// are due.
func (t *Table) Claim(sender uint8, holding int) int {
	for e := range t.Rows {
		r := &t.Rows[e]
		if r.Status != Pending {
			continue
		}
		if e == holding || r.Sender != 0 && r.Sender != sender && t.Alive[r.Sender] {
			return -1
		}
		r.Sender = sender
		return e
	}
	return -1
}

// Finish keeps what became of an event that a sender claimed, and says whether it was still the sender's.
func (t *Table) Finish(sender uint8, e int, step notification.Step) bool {
	r := &t.Rows[e]
	if r.Status != Pending || r.Sender != sender {
		return false
	}
	r.Status, r.Attempts, r.Sender = Of(step.Status), uint8(step.Attempts), 0 //nolint:gosec // there are few
	return true
}

// Leave gives back what a sender claimed, and ends it.
func (t *Table) Leave(sender uint8) {
	for e := range t.Rows {
		if r := &t.Rows[e]; r.Status == Pending && r.Sender == sender {
			r.Sender = 0
		}
	}
	t.Alive[sender] = false
}

// Again has an event that failed sent once more.
func (t *Table) Again(e int) bool {
	r := &t.Rows[e]
	if r.Status != Failed {
		return false
	}
	*r = Row{Status: Pending}
	return true
}

// Tell marks the ends that are to be told, and gives them.
func (t *Table) Tell() (told [Events]bool) {
	for e := range t.Rows {
		if r := &t.Rows[e]; (r.Status == Delivered || r.Status == Failed) && !r.Told {
			r.Told, told[e] = true, true
		}
	}
	return told
}

// Forget deletes what does not wait, and the inbox.
func (t *Table) Forget() {
	for e := range t.Rows {
		t.Inbox[e] = false
		if t.Rows[e].Status != Pending {
			t.Rows[e] = Row{}
		}
	}
}
