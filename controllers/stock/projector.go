package stock

import (
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// How many projections a namespace writes a second: few while orders wait, so
// that they cost a small part of what the orders cost; more when none do.
const (
	projectionsBusy = 10
	projectionsIdle = 100
)

// projector remembers which items' projections may be out of date. Each is
// written at most once an interval, and all together within a budget.
type projector struct {
	interval time.Duration
	budget   *rate.Limiter
	items    map[string]*projection
	dirty    map[string]struct{}
}

type projection struct {
	tried time.Time // when it was last written, or tried
	wrote string    // resourceVersion of the last write
}

func newProjector(interval time.Duration) projector {
	p := projector{interval: interval, budget: rate.NewLimiter(projectionsIdle, projectionsIdle)}
	p.clear()
	return p
}

func (p *projector) clear() {
	p.items, p.dirty = map[string]*projection{}, map[string]struct{}{}
}

func (p *projector) forget(product string) {
	delete(p.items, product)
	delete(p.dirty, product)
}

// touch notes that a product's projection may be out of date.
func (p *projector) touch(product string) {
	p.dirty[product] = struct{}{}
	if p.items[product] == nil {
		p.items[product] = &projection{}
	}
}

// due are the products to be written now, within the budget. They stay due
// until clean is called.
func (p *projector) due(now time.Time, busy bool) (products []string) {
	limit := rate.Limit(projectionsIdle)
	if busy {
		limit = projectionsBusy
	}
	p.budget.SetLimitAt(now, limit)
	for product := range p.dirty {
		i := p.items[product]
		if now.Sub(i.tried) < p.interval {
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

// clean notes that a product's projection was brought up to date.
func (p *projector) clean(product string) { delete(p.dirty, product) }

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
	for product := range p.dirty {
		wait := max(p.interval-now.Sub(p.items[product].tried), time.Second/projectionsIdle)
		if !ok || wait < in {
			in, ok = wait, true
		}
	}
	return in, ok
}
