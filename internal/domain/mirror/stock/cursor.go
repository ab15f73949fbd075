package stock

import (
	"cmp"
	"slices"
	"time"

	"github.com/orderplane/orderplane/internal/domain/event"
)

// SyncAfter is how long a decision may be nowhere before it is looked for (rule 11). A watch
// that works shows it within milliseconds.
const SyncAfter = 5 * time.Second

// Follows reports whether a decision is the next to be told (rule 10).
func Follows(cursor, seq int64) bool { return seq == cursor+1 }

// NeedsSync reports whether the decision that follows the cursor has to be looked for: a later
// one is known, and it was nowhere for SyncAfter. A cursor that never moved does not wait:
// what came before the mirror is in no order that could be followed (rule 11).
func NeedsSync(cursor, known int64, missing time.Duration) bool {
	return known > cursor && (cursor == 0 || missing >= SyncAfter)
}

// Sync is a search for decisions: where the cursor was when it began, and the number of the
// last decision in the journal, as it was read after that. What the search finds has to be
// read later still: a decision that the journal no longer has is on its object by then.
type Sync struct {
	Cursor, Upto int64
}

// Tells returns which of the decisions that were found are to be told now, in their order, and
// where the cursor is after the first n of them: next(n). What is missing between two of them,
// or behind the last, was forced away (rule 11). When the cursor is not where it was,
// somebody else told meanwhile, and nothing is told: the search begins again.
func (s Sync) Tells(cursor int64, found []event.Decision) (tell []event.Decision, next func(n int) int64) {
	if cursor != s.Cursor {
		return nil, func(int) int64 { return cursor }
	}
	tell = slices.Clone(found)
	tell = slices.DeleteFunc(tell, func(d event.Decision) bool { return d.Seq <= s.Cursor || d.Seq > s.Upto })
	slices.SortStableFunc(tell, func(a, b event.Decision) int { return cmp.Compare(a.Seq, b.Seq) })
	tell = slices.CompactFunc(tell, func(a, b event.Decision) bool { return a.Seq == b.Seq })
	return tell, func(n int) int64 {
		if n < len(tell) {
			return max(s.Cursor, tell[n].Seq-1)
		}
		return max(s.Cursor, s.Upto)
	}
}
