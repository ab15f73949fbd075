package effects

import (
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/controllers/stock/internal/pacing"
)

const (
	// sharers is how many effects share a permit: what a batch decided is not written all
	// at once, since its orders are written at the same time, and somebody waits for those.
	sharers = 4
	// fewestPermits are given however few effects there are.
	fewestPermits = 2
	// sharesFor is how long an effect shares. After that those before it hang, or are very
	// slow, and it takes any permit there is.
	sharesFor = 500 * time.Millisecond
)

// limiter bounds how many effects are written at the same time, by how many there
// are: a quarter of them, two at least, limit at most. Whoever has to wait is admitted
// by the one that releases: the loop may be waiting for the journal just then.
// Safe for concurrent use.
type limiter struct {
	clock clock.Clock
	limit int

	mu      sync.Mutex
	taken   int
	waiting []waiter
}

type waiter struct {
	since    time.Time
	admitted chan struct{} // closed when it has a permit
}

// acquire waits for a permit, in order of arrival.
func (l *limiter) acquire() {
	w := waiter{l.clock.Now(), make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, w)
	l.admit()
	l.mu.Unlock()
	patience := l.clock.NewTimer(sharesFor)
	defer patience.Stop()
	select {
	case <-w.admitted:
		return
	case <-patience.C():
	}
	l.mu.Lock()
	l.admit()
	l.mu.Unlock()
	<-w.admitted
}

// release gives a permit back.
func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken--
	l.admit()
}

func (l *limiter) admit() {
	for len(l.waiting) > 0 && l.taken < l.permits() {
		close(l.waiting[0].admitted)
		l.waiting = l.waiting[1:]
		l.taken++
	}
}

// permits is how many there are for the one that waits first.
func (l *limiter) permits() int {
	if pacing.Over(l.waiting[0].since, sharesFor, l.clock.Now()) {
		return l.limit
	}
	share := (l.taken + len(l.waiting) + sharers - 1) / sharers
	return min(max(share, fewestPermits), l.limit)
}
