package stock

import (
	"sync"
	"time"
)

const (
	// sharers is how many effects share a place: what a batch decided is not written all
	// at once, since its orders are written at the same time, and somebody waits for those.
	sharers = 4
	// fewestPlaces are open however few effects there are.
	fewestPlaces = 2
	// sharesFor is how long an effect shares. After that those before it hang, or are very
	// slow, and it takes any place there is.
	sharesFor = 500 * time.Millisecond
)

// places is where effects are written, at most limit at a time. Whoever has to wait is
// let in by the one that leaves: the shard may be waiting for the journal just then.
type places struct {
	limit int

	mu      sync.Mutex
	taken   int
	waiting []waiter
}

type waiter struct {
	since time.Time
	turn  chan struct{} // closed when it is let in
}

// take waits for a place, in order of arrival.
func (p *places) take() {
	w := waiter{time.Now(), make(chan struct{})}
	p.mu.Lock()
	p.waiting = append(p.waiting, w)
	p.letIn()
	p.mu.Unlock()
	defer time.AfterFunc(sharesFor, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.letIn()
	}).Stop()
	<-w.turn
}

// free gives a place back.
func (p *places) free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	p.letIn()
}

func (p *places) letIn() {
	for len(p.waiting) > 0 && p.taken < p.open() {
		close(p.waiting[0].turn)
		p.waiting = p.waiting[1:]
		p.taken++
	}
}

// open is how many places there are for who waits.
func (p *places) open() int {
	if time.Since(p.waiting[0].since) >= sharesFor {
		return p.limit
	}
	share := (p.taken + len(p.waiting) + sharers - 1) / sharers
	return min(max(share, fewestPlaces), p.limit)
}
