package performance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// server decides orders one after the other, each in the same time.
type server struct {
	each time.Duration
	free chan struct{}
}

func newServer(each time.Duration) *server {
	s := &server{each: each, free: make(chan struct{}, 1)}
	s.free <- struct{}{}
	return s
}

func (s *server) submit(ctx context.Context) (submission, error) {
	start := time.Now()
	<-s.free
	pause(ctx, s.each)
	s.free <- struct{}{}
	end := time.Now()
	return submission{create: end.Sub(start), decided: end.Sub(start), end: end}, nil
}

func windowFromNow(ramp, length time.Duration) window {
	begin := time.Now().Add(ramp)
	return window{begin: begin, end: begin.Add(length)}
}

func TestClosedModelSaturates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := windowFromNow(time.Second, 10*time.Second)
		l, err := closed(t.Context(), newServer(10*time.Millisecond).submit, 8, w)
		if err != nil {
			t.Fatal(err)
		}
		if rate := l.perSecond(w); rate < 99 || rate > 101 {
			t.Errorf("a server of 100 a second was measured at %.1f", rate)
		}
		if _, decided := l.latencies(); decided.P50 != 80 {
			t.Errorf("8 in flight at 10 ms each: waited %v ms", decided.P50)
		}
		if l.orders < 1100 {
			t.Errorf("%d orders in 11 s; those outside the window count too", l.orders)
		}
	})
}

func TestOpenModelDoesNotWaitForTheServer(t *testing.T) {
	for name, tc := range map[string]struct {
		rate   float64
		keptUp bool
	}{
		"below what the server can": {70, true},
		"above it":                  {150, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := windowFromNow(time.Second, 10*time.Second)
				l, err := open(t.Context(), newServer(10*time.Millisecond).submit, arrivals{rate: tc.rate, most: 100, seed: 7}, w)
				if err != nil {
					t.Fatal(err)
				}
				offered := float64(l.offered) / 10
				if offered < 0.9*tc.rate || offered > 1.1*tc.rate {
					t.Errorf("offered %.1f a second, want about %.1f", offered, tc.rate)
				}
				r := Measurement{Offered: offered, PerSecond: l.perSecond(w), Dropped: l.dropped}
				_, r.Decided = l.latencies()
				if keptUp(r) != tc.keptUp {
					t.Errorf("kept up: %t at %.1f of %.1f a second, p99 %.0f ms", keptUp(r), r.PerSecond, r.Offered, r.Decided.P99)
				}
			})
		})
	}
}

func TestWhatTheServerHasNoRoomForIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(10 * time.Millisecond)
		room := make(chan struct{}, 20)
		l, err := open(t.Context(), func(ctx context.Context) (submission, error) {
			select {
			case room <- struct{}{}:
				defer func() { <-room }()
				return s.submit(ctx)
			default:
				return submission{}, fmt.Errorf("submit: %w", &refusal{status: http.StatusTooManyRequests})
			}
		}, arrivals{rate: 150, most: 1000, seed: 7}, windowFromNow(time.Second, 10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if l.dropped < 400 || l.dropped+l.orders < 1500 {
			t.Errorf("dropped %d, decided %d, of 150 a second in 11 s by a server of 100 a second", l.dropped, l.orders)
		}
	})
}

func TestAMeasurementWithFailuresIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("refused")
		calls := 0
		_, err := closed(t.Context(), func(ctx context.Context) (submission, error) {
			calls++
			pause(ctx, time.Millisecond)
			return submission{}, broken
		}, 1, windowFromNow(0, time.Hour))
		if !errors.Is(err, broken) {
			t.Errorf("want the failure, got %v", err)
		}
		if calls > tolerated+1 {
			t.Errorf("%d orders were tried, although every one failed", calls)
		}
	})
}

func TestDecksDealTheirWorkload(t *testing.T) {
	const deals = 20_000
	for name, tc := range map[string]struct {
		workload     Workload
		lowest, most int // of the first product, in percent of the orders
	}{
		"uniform": {Workload{Spread: Uniform, Lines: 1}, 0, 1},
		"zipf":    {Workload{Spread: Zipf, Lines: 1}, 10, 30},
		"hot":     {Workload{Spread: Hot, Lines: 4}, 100, 100},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDeck(tc.workload, 1000, rand.Uint64())
			first := 0
			for range deals {
				seen := map[string]bool{}
				for _, i := range d.next() {
					seen[i.ProductID] = true
				}
				if len(seen) != tc.workload.Lines {
					t.Fatalf("%d products in an order of %d lines", len(seen), tc.workload.Lines)
				}
				if seen[productID(0)] {
					first++
				}
			}
			if percent := first * 100 / deals; percent < tc.lowest || percent > tc.most {
				t.Errorf("the first product is in %d %% of the orders, want %d to %d", percent, tc.lowest, tc.most)
			}
		})
	}
	t.Run("short", func(t *testing.T) {
		d := newDeck(Workload{Spread: Uniform, Lines: 1, ShortPercent: 30}, 1000, 1)
		short := 0
		for range deals {
			if d.next()[0].Quantity > openingQuantity {
				short++
			}
		}
		if percent := short * 100 / deals; percent < 29 || percent > 31 {
			t.Errorf("%d %% run short, want 30", percent)
		}
	})
}
