package orders

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Why an order is looked at.
type reason uint8

const (
	// changed says that the watch showed something.
	changed reason = iota
	// compared says that everything is looked at, after a start or a reconnect.
	compared
	// swept says that everything is looked at, although nothing seems to have changed.
	swept
)

// entry is an order that waits to be looked at.
type entry struct {
	name  string
	since time.Time
	why   reason
	// ends are the last versions of objects of this name that are gone.
	ends []*v1alpha1.Order
	// archive is the uid of the object whose retention seems to be over; empty mostly.
	archive types.UID
}

// dirty is the set of orders that wait to be looked at. What has changed comes before what is only
// compared. Safe for concurrent use.
type dirty struct {
	clock clock.PassiveClock
	// wake has something in it when there may be something to take.
	wake chan struct{}

	mu      sync.Mutex
	waiting map[string]*entry
	// Names in the order in which they came. An entry that moved from rest to fresh stands in
	// both, and counts in the first.
	fresh, rest []string
}

func newDirty(c clock.PassiveClock) *dirty {
	return &dirty{clock: c, wake: make(chan struct{}, 1), waiting: map[string]*entry{}}
}

// add has an order looked at.
func (d *dirty) add(name string, why reason) { d.put(name, why, func(*entry) {}) }

// addEnd has the last version of an order that is gone looked at.
func (d *dirty) addEnd(last *v1alpha1.Order) {
	d.put(last.Name, changed, func(e *entry) { e.ends = append(e.ends, last) })
}

// addArchive has an order looked at whose retention seems to be over.
func (d *dirty) addArchive(name string, uid types.UID) {
	d.put(name, changed, func(e *entry) { e.archive = uid })
}

func (d *dirty) put(name string, why reason, and func(*entry)) {
	d.mu.Lock()
	e := d.waiting[name]
	switch {
	case e == nil:
		e = &entry{name: name, since: d.clock.Now(), why: why}
		d.waiting[name] = e
		d.queue(e)
	case e.why != changed && why == changed:
		e.why, e.since = changed, d.clock.Now()
		d.queue(e)
	}
	and(e)
	d.mu.Unlock()
	d.signal()
}

func (d *dirty) queue(e *entry) {
	if e.why == changed {
		d.fresh = append(d.fresh, e.name)
	} else {
		d.rest = append(d.rest, e.name)
	}
}

func (d *dirty) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// take removes up to n entries and returns them.
func (d *dirty) take(n int) []*entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	var taken []*entry
	for _, from := range []*[]string{&d.fresh, &d.rest} {
		for len(*from) > 0 && len(taken) < n {
			name := (*from)[0]
			*from = (*from)[1:]
			if e := d.waiting[name]; e != nil {
				delete(d.waiting, name)
				taken = append(taken, e)
			}
		}
		if len(*from) == 0 {
			*from = nil // what was taken is free memory now
		}
	}
	return taken
}

// putBack has entries looked at again that could not be. What has come meanwhile is kept.
func (d *dirty) putBack(entries []*entry) {
	d.mu.Lock()
	var fresh, rest []string
	for _, e := range entries {
		if newer := d.waiting[e.name]; newer != nil {
			newer.ends = append(e.ends, newer.ends...)
			newer.since = e.since
			if newer.archive == "" {
				newer.archive = e.archive
			}
			continue
		}
		d.waiting[e.name] = e
		if e.why == changed {
			fresh = append(fresh, e.name)
		} else {
			rest = append(rest, e.name)
		}
	}
	d.fresh, d.rest = append(fresh, d.fresh...), append(rest, d.rest...)
	d.mu.Unlock()
	d.signal()
}

// len is how many wait, and since when the one that has changed first does. What is only compared
// does not lag.
func (d *dirty) len() (n int, oldest time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.fresh) > 0 {
		if e := d.waiting[d.fresh[0]]; e != nil {
			return len(d.waiting), e.since
		}
		d.fresh = d.fresh[1:]
	}
	return len(d.waiting), d.clock.Now()
}
