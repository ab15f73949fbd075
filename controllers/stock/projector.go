package stock

import (
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// How many projections a namespace writes a second: few while stock is decided,
// so that they cost a small part of what the orders cost; more once nothing was
// decided for a moment.
const (
	projectionsBusy = 10
	projectionsIdle = 100
	// projectionsBurst is how many may be written at once after a rest: enough for
	// the lines of an order, too few to weigh when a crowd arrives.
	projectionsBurst = 10
	busyFor          = time.Second
)

// projector remembers which items' projections may be out of date. Each is
// written at most once an interval, and all together within a budget.
type projector struct {
	interval time.Duration
	budget   *rate.Limiter
	items    map[string]*projection
	dirty    map[string]uint64 // by product, when it was last touched
	touches  uint64
	decided  time.Time // when stock was last decided
}

type projection struct {
	tried time.Time // when it was last written, or tried
	wrote string    // resourceVersion of the last write
}

func newProjector(interval time.Duration) projector {
	p := projector{interval: interval, budget: rate.NewLimiter(projectionsIdle, projectionsBurst)}
	p.clear()
	return p
}

func (p *projector) clear() {
	p.items, p.dirty = map[string]*projection{}, map[string]uint64{}
}

func (p *projector) forget(product string) {
	delete(p.items, product)
	delete(p.dirty, product)
}

// touch notes that a product's projection may be out of date.
func (p *projector) touch(product string) {
	p.touches++
	p.dirty[product] = p.touches
	if p.items[product] == nil {
		p.items[product] = &projection{}
	}
}

// rate is how many projections a second there may be now.
func (p *projector) rate(now time.Time) rate.Limit {
	if since := now.Sub(p.decided); since >= 0 && since < busyFor {
		return projectionsBusy
	}
	return projectionsIdle
}

// due are the products to be written now, within the budget. They stay due
// until clean is called.
func (p *projector) due(now time.Time) (products []string) {
	p.budget.SetLimitAt(now, p.rate(now))
	for product := range p.dirty {
		i := p.items[product]
		if p.wait(i, now) > 0 {
			continue
		}
		if !p.budget.AllowN(now, 1) {
			break
		}
		i.tried = now
		products = append(products, product)
	}
	return products
}

// wait is how long until an item may be written again. A clock that was set back
// makes nobody wait longer than the interval.
func (p *projector) wait(i *projection, now time.Time) time.Duration {
	since := now.Sub(i.tried)
	if since < 0 {
		return 0
	}
	return p.interval - since
}

// mark is the last touch of a product: what is worked out now takes it in.
func (p *projector) mark(product string) uint64 { return p.dirty[product] }

// clean notes that a product's projection was brought up to date as of a mark.
// What was touched since stays due.
func (p *projector) clean(product string, mark uint64) {
	if p.dirty[product] == mark {
		delete(p.dirty, product)
	}
}

// wrote notes the resourceVersion of an item this leader wrote; empty when it
// wrote nothing.
func (p *projector) wrote(product, version string) {
	if i := p.items[product]; i != nil && version != "" {
		i.wrote = version
	}
}

// isNews reports whether an item as seen is newer than what was last written.
func (p *projector) isNews(product, seen string) bool {
	i := p.items[product]
	if i == nil || i.wrote == "" {
		return true
	}
	order, err := resourceversion.CompareResourceVersion(seen, i.wrote)
	return err == nil && order > 0
}

// stale reports whether an item as seen is older than what was last written: a
// projection worked out from it could look up to date by accident.
func (p *projector) stale(product, seen string) bool {
	i := p.items[product]
	if i == nil || i.wrote == "" {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(seen, i.wrote)
	return err == nil && order < 0
}

// next is when to look again; ok is false when nothing is due any more.
func (p *projector) next(now time.Time) (in time.Duration, ok bool) {
	soonest := time.Second / time.Duration(p.rate(now))
	for product := range p.dirty {
		wait := max(p.wait(p.items[product], now), soonest)
		if !ok || wait < in {
			in, ok = wait, true
		}
	}
	return in, ok
}
