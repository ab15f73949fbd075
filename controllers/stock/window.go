package stock

import (
	"time"

	"github.com/orderplane/orderplane/controllers/stock/internal/pacing"
)

// A batch is decided when so many wait for it, or so long after the one before it
// began: what arrives meanwhile shares a write of the journal, at eighty orders a
// second ten of them. One that arrives after a rest waits for nobody.
const (
	batchWorth = 12
	batchGap   = 120 * time.Millisecond
)

// batchWindow says when the next batch may be decided.
type batchWindow struct {
	began time.Time // when the last batch did
	// crowded is true when the last batch left somebody waiting: then it is not who
	// waits that has the next one decided sooner, but that the last one's effects are written.
	crowded bool
}

// remaining is how long until the next batch may be decided in any case.
func (w batchWindow) remaining(now time.Time) time.Duration {
	return pacing.Remaining(w.began, batchGap, now)
}

// isOpen reports whether a batch may be decided now, for so many who wait.
func (w batchWindow) isOpen(waiting, inFlight int, now time.Time) bool {
	switch {
	case waiting == 0:
		return false
	case w.crowded && inFlight == 0, !w.crowded && waiting >= batchWorth:
		return true
	default:
		return w.remaining(now) == 0
	}
}
