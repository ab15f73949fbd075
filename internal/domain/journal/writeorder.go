package journal

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// WriteOrder says which effects of pending decisions may be written, so that whoever
// adds up the objects they see never finds more reserved of an item than is on
// hand. A decision may rely on every one before it about the same items, and on
// none after it; so what takes waits for what gives, by seq and not by batch:
//
//   - a grant is written when every earlier release and commit of its items is on
//     its reservation, and every earlier change of them in the item;
//   - an item takes a change in when every release and commit of it up to and
//     including that one is on its reservation;
//   - everything else is written at any time.
type WriteOrder struct {
	// By item, the first decision that gives stock back and is not on its
	// reservation yet, and the first that the item does not contain yet.
	given, moved map[types.UID]int64
}

// NewWriteOrder looks at pending decisions, in order of seq. Nobody waits for objects
// that are given up on, such as those whose writes the API server refuses.
func NewWriteOrder(pending []*Pending, givenUp func(uid string) bool) *WriteOrder {
	w := &WriteOrder{given: map[types.UID]int64{}, moved: map[types.UID]int64{}}
	for _, p := range pending {
		gives := p.Entry.Kind == v1alpha1.EntryRelease || p.Entry.Kind == v1alpha1.EntryCommit
		if gives && !p.Object && !givenUp(p.Entry.UID) {
			for i := range p.Entry.Lines {
				first(w.given, types.UID(p.Entry.Lines[i].ItemUID), p.Entry.Seq)
			}
		}
		for _, uid := range p.items {
			if !givenUp(string(uid)) {
				first(w.moved, uid, p.Entry.Seq)
			}
		}
	}
	return w
}

func first(seqs map[types.UID]int64, uid types.UID, seq int64) {
	if have, ok := seqs[uid]; !ok || seq < have {
		seqs[uid] = seq
	}
}

// hasBefore reports whether the first decision about an item comes before seq.
func hasBefore(seqs map[types.UID]int64, uid types.UID, seq int64) bool {
	have, ok := seqs[uid]
	return ok && have < seq
}

// Object reports whether a reservation or document may be written, for all
// pending decisions about it at once. Only a mere grant takes; one that is followed
// by a release or the like, since an answer was lost, ends up giving.
func (w *WriteOrder) Object(about []*Pending) bool {
	for _, p := range about {
		if p.Entry.Kind != v1alpha1.EntryGrant {
			return true
		}
	}
	for _, p := range about {
		for i := range p.Entry.Lines {
			uid := types.UID(p.Entry.Lines[i].ItemUID)
			if hasBefore(w.given, uid, p.Entry.Seq) || hasBefore(w.moved, uid, p.Entry.Seq) {
				return false
			}
		}
	}
	return true
}

// Item is how many of the pending decisions about an item, in order of seq, it may
// take in now. An item that contains one is taken to contain all before it, so
// that none may be passed over.
func (w *WriteOrder) Item(uid types.UID, about []*Pending) int {
	for n, p := range about {
		if hasBefore(w.given, uid, p.Entry.Seq+1) {
			return n
		}
	}
	return len(about)
}
