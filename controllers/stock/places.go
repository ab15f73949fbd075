package stock

import "sync"

const (
	// sharers is how many effects share a place: what a batch decided is not written all
	// at once, since its orders are written at the same time, and somebody waits for those.
	sharers = 4
	// fewestPlaces are open however few effects there are.
	fewestPlaces = 2
)

// places is where effects are written, at most limit at a time. Whoever has to wait is
// let in by the one that leaves: the shard may be waiting for the journal just then.
type places struct {
	limit int

	mu      sync.Mutex
	taken   int
	waiting []chan struct{} // closed when its owner is let in
}

// take waits for a place, in order of arrival.
func (p *places) take() {
	turn := make(chan struct{})
	p.mu.Lock()
	p.waiting = append(p.waiting, turn)
	p.letIn()
	p.mu.Unlock()
	<-turn
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
		close(p.waiting[0])
		p.waiting = p.waiting[1:]
		p.taken++
	}
}

func (p *places) open() int {
	share := (p.taken + len(p.waiting) + sharers - 1) / sharers
	return min(max(share, fewestPlaces), p.limit)
}
