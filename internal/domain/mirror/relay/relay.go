// Package relay says which event of an outbox is published next, so that the first appearances of a key's
// events are in order whatever crashes, and however many relays are alive (rules 15 to 17 of
// docs/design/0015-mirror.md).
//
// Rows of a key are inserted under the lock of the row that orders the key. So what a relay reads of a key
// is, by place, an unbroken run of what is unpublished, from its beginning. A relay may forget the
// end of such a run at any time and read it again; it never forgets a row before it has deleted it.
package relay

import (
	"cmp"
	"slices"
)

// State is how far a relay is with a row that it holds.
type State uint8

const (
	// Waiting is a row that was read.
	Waiting State = iota
	// Sent is a row whose event was handed to the broker, which has not answered.
	Sent
	// Acked is a row whose event the broker has acknowledged, and which has not been deleted.
	Acked
)

// Row is one row of the outbox, as a relay holds it.
type Row struct {
	// No is its place.
	No    int64
	State State
}

// Next gives the row of a key that is sent now, as an index; -1 when none is. The rows are all that the relay
// holds of the key, by place. The first that is not acknowledged goes, and only while none is on
// its way: one event of a key is in flight, whatever its topic (rule 15).
func Next(key []Row) int {
	for i := range key {
		switch key[i].State {
		case Acked:
			continue
		case Sent:
			return -1
		default:
			return i
		}
	}
	return -1
}

// Merge adds rows of a key that were read to those that are held, by place. What is held already stays as
// it is.
func Merge(key []Row, read ...int64) []Row {
	for _, no := range read {
		at, held := slices.BinarySearchFunc(key, no, func(r Row, no int64) int { return cmp.Compare(r.No, no) })
		if !held {
			key = slices.Insert(key, at, Row{No: no})
		}
	}
	return key
}

// Trim forgets the waiting rows at the end of a key beyond its first keep rows, and returns what stays. They
// are read again later.
func Trim(key []Row, keep int) []Row {
	for len(key) > keep && key[len(key)-1].State == Waiting {
		key = key[:len(key)-1]
	}
	return key
}

// Deleted takes out the rows that were deleted from the outbox: those at places, which were acknowledged.
func Deleted(key []Row, places func(no int64) bool) []Row {
	return slices.DeleteFunc(key, func(r Row) bool { return r.State == Acked && places(r.No) })
}
