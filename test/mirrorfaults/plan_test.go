package mirrorfaults

import (
	"slices"
	"sync"

	"github.com/orderplane/orderplane/test/testenv"
)

// when is when a mirror crashes at a write.
type when string

const (
	never  when = ""
	before when = "before" // the write is never sent
	after  when = "after"  // it is carried out, and its sender gets no answer
)

// fault is a crash that is to happen.
type fault struct {
	when when
	site string
}

// plan is where the mirrors of a world are to crash, once each, and at which sites they wrote.
type plan struct {
	mu      sync.Mutex
	pending map[fault]struct{}
	sites   map[string]struct{}
}

func newPlan(faults []fault) *plan {
	p := &plan{pending: map[fault]struct{}{}, sites: map[string]struct{}{}}
	for _, f := range faults {
		p.pending[f] = struct{}{}
	}
	return p
}

// left are the faults whose sites were not reached.
func (p *plan) left() (left []fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for f := range p.pending {
		left = append(left, f)
	}
	return left
}

// found are the sites there were.
func (p *plan) found() (sites []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.sites {
		sites = append(sites, s)
	}
	slices.Sort(sites)
	return sites
}

// life is a mirror from its start to its crash. All its connections go through it.
type life struct {
	*testenv.Plug
	plan *plan
	// doomed is true once it was decided where it crashes.
	doomed bool
}

func newLife(p *plan) *life { return &life{Plug: testenv.NewPlug(), plan: p} }

// writes says what becomes of a write that is at these sites. Whoever is told before or after pulls
// the plug then. One life has one crash.
func (l *life) writes(sites ...string) when {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	for _, site := range sites {
		l.plan.sites[site] = struct{}{}
	}
	if l.doomed {
		return never
	}
	for _, site := range sites {
		for _, w := range []when{before, after} {
			f := fault{w, site}
			if _, waits := l.plan.pending[f]; waits {
				delete(l.plan.pending, f)
				l.doomed = true
				return w
			}
		}
	}
	return never
}

// cutWith closes something when the plug is pulled, unless it ended before.
func (l *life) cutWith(ended <-chan struct{}, end func()) {
	select {
	case <-l.Pulled():
	case <-ended:
	}
	end()
}
