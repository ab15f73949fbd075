package performance

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// window is what a measurement is about: load comes before it, so that it begins in
// the middle of things, and what is under way at its end is still waited for.
type window struct {
	begin, end time.Time
}

func (w window) holds(t time.Time) bool { return !t.Before(w.begin) && t.Before(w.end) }

// load is what came of the orders of a measurement.
type load struct {
	orders   int // all of the measurement
	inWindow []submission
	offered  int // arrivals in the window; only in the open model
	dropped  int // arrivals, of the whole measurement, that found too many before them, here or at the API server
	errs     []error
}

// perSecond is how many orders were decided a second in the window.
func (l load) perSecond(w window) float64 {
	return float64(len(l.inWindow)) / w.end.Sub(w.begin).Seconds()
}

func (l load) latencies() (create, decided latencies) {
	creates, decisions := make([]time.Duration, 0, len(l.inWindow)), make([]time.Duration, 0, len(l.inWindow))
	for _, p := range l.inWindow {
		creates, decisions = append(creates, p.create), append(decisions, p.decided)
	}
	return latenciesOf(creates), latenciesOf(decisions)
}

func (l load) outcomes() map[v1alpha1.OrderPhase]int {
	out := map[v1alpha1.OrderPhase]int{}
	for _, p := range l.inWindow {
		out[p.phase]++
	}
	return out
}

// collector gathers what several goroutines submitted.
type collector struct {
	mu     sync.Mutex
	window window
	load   load
}

func (c *collector) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.load.dropped++
}

func (c *collector) add(p submission, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.load.errs = append(c.load.errs, err)
		return
	}
	c.load.orders++
	if c.window.holds(p.end) {
		c.load.inWindow = append(c.load.inWindow, p)
	}
}

// tolerated is how many orders of a measurement may fail; more, and the measurement says nothing.
const tolerated = 10

func (c *collector) failed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.load.errs) > tolerated
}

func (c *collector) result() (load, error) {
	if len(c.load.errs) > 0 {
		return c.load, errors.Join(c.load.errs[:min(len(c.load.errs), 3)]...)
	}
	return c.load, nil
}

// closed keeps a number of orders in flight: whoever has one decided submits the
// next. It saturates what it is pointed at without ever drowning it.
func closed(ctx context.Context, submit submitter, inFlight int, w window) (load, error) {
	c := &collector{window: w}
	var workers sync.WaitGroup
	for range inFlight {
		workers.Go(func() {
			for time.Now().Before(w.end) && ctx.Err() == nil && !c.failed() {
				c.add(submit(ctx))
			}
		})
	}
	workers.Wait()
	return c.result()
}

// mostInFlight bounds what waits in the open model: what is that far behind has drowned.
const mostInFlight = 4000

// arrivals are orders that arrive on their own, whether or not earlier ones are
// decided, as customers do: independently of each other at a mean rate a second. One
// that finds most of them waiting is dropped, and one that the server has no room for.
type arrivals struct {
	rate float64
	most int
	seed uint64
}

// open submits orders as they arrive.
func open(ctx context.Context, submit submitter, a arrivals, w window) (load, error) {
	c := &collector{window: w}
	slots := make(chan struct{}, a.most)
	var orders sync.WaitGroup
	gap := rand.New(rand.NewPCG(a.seed, 1))
	offered := 0
	for due := time.Now(); due.Before(w.end) && !c.failed(); due = due.Add(time.Duration(gap.ExpFloat64() / a.rate * float64(time.Second))) {
		if !pause(ctx, time.Until(due)) {
			break
		}
		if w.holds(due) {
			offered++
		}
		select {
		case slots <- struct{}{}:
			orders.Go(func() {
				if p, err := submit(ctx); isTooMany(err) {
					c.drop()
				} else {
					c.add(p, err)
				}
				<-slots
			})
		default:
			c.drop()
		}
	}
	orders.Wait()
	l, err := c.result()
	l.offered = offered
	return l, err
}
