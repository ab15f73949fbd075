package publish

import (
	"math"
	"slices"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/orderplane/orderplane/controllers/stock/internal/effects"
	"github.com/orderplane/orderplane/controllers/stock/internal/pacing"
)

// How many projections a namespace writes a second: they yield to decisions, so that
// they cost a small part of what the orders cost, and never cease.
const (
	// projectionsIdle is how many there are while nothing is decided.
	projectionsIdle = 100
	// projectionsYield is how many fewer for each decision of the last second.
	projectionsYield = 5
	// projectionsBusy is how many there are at least.
	projectionsBusy = 2
	// projectionsBurst is how many may be written at once after a rest: enough for
	// the lines of an order, too few to weigh when a crowd arrives.
	projectionsBurst = 10
	// flipWorth is how much longer a product counts as waiting that is sold out, or back in
	// stock, and is not shown so: it goes first and yet holds up nobody for ever.
	flipWorth = time.Minute
)

// Schedule remembers which items' projections may be out of date. Each is
// written at most once an interval, and all together within a budget.
type Schedule struct {
	interval time.Duration
	budget   *rate.Limiter
	items    map[string]*projection
	dirty    map[string]uint64 // by product, when it was last touched
	touches  uint64
	pace     pace
}

type projection struct {
	since time.Time // since when it waits its turn
	tried time.Time // when it was last written, or tried
	wrote string    // resourceVersion of the last write
	// inStock says whether any is available; flipped is the last touch that changed it, zero
	// when that was shown.
	inStock bool
	flipped uint64
	backoff effects.Backoff
}

// before orders projections by whose turn is first.
func (i *projection) before(j *projection) int {
	return i.waitsSince().Compare(j.waitsSince())
}

func (i *projection) waitsSince() time.Time {
	if i.flipped > 0 {
		return i.since.Add(-flipWorth)
	}
	return i.since
}

// pace is how many decisions the last second saw, older ones counting less and less.
type pace struct {
	decisions float64
	at        time.Time
}

func (p *pace) add(decisions int, now time.Time) {
	p.decisions, p.at = p.seen(now)+float64(decisions), now
}

func (p *pace) seen(now time.Time) float64 {
	passed := now.Sub(p.at)
	if passed < 0 {
		return 0 // the clock was set back: what it says of the last second is worth nothing
	}
	return p.decisions * math.Exp(-passed.Seconds())
}

// NewSchedule makes an empty schedule of projections that are written once an interval
// each, at most.
func NewSchedule(interval time.Duration) *Schedule {
	p := &Schedule{interval: interval, budget: rate.NewLimiter(projectionsIdle, projectionsBurst)}
	p.clear()
	return p
}

func (p *Schedule) clear() {
	p.items, p.dirty = map[string]*projection{}, map[string]uint64{}
}

func (p *Schedule) forget(product string) {
	delete(p.items, product)
	delete(p.dirty, product)
}

// touch notes that a product's projection may be out of date, and whether any of it
// is available now.
func (p *Schedule) touch(product string, inStock bool, now time.Time) {
	i := p.items[product]
	if i == nil {
		i = &projection{inStock: inStock}
		p.items[product] = i
	}
	if p.dirty[product] == 0 {
		i.since = now
	}
	p.touches++
	p.dirty[product] = p.touches
	if i.inStock != inStock {
		i.inStock, i.flipped = inStock, p.touches
	}
}

// rate is how many projections a second there may be now.
func (p *Schedule) rate(now time.Time) rate.Limit {
	return rate.Limit(max(projectionsIdle-projectionsYield*p.pace.seen(now), projectionsBusy))
}

// due are the products to be written now, within the budget: first those that are sold
// out or back in stock, then those that waited longest. They stay due until Clean is called.
func (p *Schedule) due(now time.Time) (products []string) {
	p.budget.SetLimitAt(now, p.rate(now))
	room := int(p.budget.TokensAt(now))
	if room <= 0 {
		return nil
	}
	for product := range p.dirty {
		if p.wait(p.items[product], now) <= 0 {
			products = append(products, product)
		}
	}
	if len(products) > room {
		slices.SortFunc(products, func(a, b string) int { return p.items[a].before(p.items[b]) })
		products = products[:room]
	}
	p.budget.AllowN(now, len(products))
	for _, product := range products {
		i := p.items[product]
		i.tried, i.since = now, now // one that can't be written does not hold up the others
	}
	return products
}

// wait is how long until an item may be written again.
func (p *Schedule) wait(i *projection, now time.Time) time.Duration {
	return pacing.Remaining(i.tried, max(p.interval, i.backoff.Wait()), now)
}

// backoff is where the failures to write a product's projection count. They are not with the
// pool's: a projection is not tried when its wait is over, but when its turn comes.
func (p *Schedule) backoff(product string) *effects.Backoff { return &p.items[product].backoff }

// Decided notes that decisions were made, to which projections yield.
func (p *Schedule) Decided(decisions int, now time.Time) { p.pace.add(decisions, now) }

// Mark is the last touch of a product: what is worked out now takes it in.
func (p *Schedule) Mark(product string) uint64 { return p.dirty[product] }

// Clean notes that a product's projection was brought up to date as of a mark.
// What was touched since stays due.
func (p *Schedule) Clean(product string, mark uint64) {
	i := p.items[product]
	if i == nil {
		return
	}
	i.backoff = effects.Backoff{}
	if i.flipped <= mark {
		i.flipped = 0
	}
	if p.dirty[product] == mark {
		delete(p.dirty, product)
	}
}

// Wrote notes the resourceVersion of an item this leader wrote; empty when it
// wrote nothing.
func (p *Schedule) Wrote(product, version string) {
	if i := p.items[product]; i != nil && version != "" {
		i.wrote = version
	}
}

// isNews reports whether an item as seen is newer than what was last written.
func (p *Schedule) isNews(product, seen string) bool {
	i := p.items[product]
	if i == nil || i.wrote == "" {
		return true
	}
	order, err := resourceversion.CompareResourceVersion(seen, i.wrote)
	return err == nil && order > 0
}

// isStale reports whether an item as seen is older than what was last written: a
// projection worked out from it could look up to date by accident.
func (p *Schedule) isStale(product, seen string) bool {
	i := p.items[product]
	if i == nil || i.wrote == "" {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(seen, i.wrote)
	return err == nil && order < 0
}

// Next is how long until a projection is due; ok is false when none is out of date.
func (p *Schedule) Next(now time.Time) (in time.Duration, ok bool) {
	soonest := time.Duration(float64(time.Second) / float64(p.rate(now)))
	for product := range p.dirty {
		wait := max(p.wait(p.items[product], now), soonest)
		if !ok || wait < in {
			in, ok = wait, true
		}
	}
	return in, ok
}
