package faults

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// A crash before and after every write the manager makes. Which writes there are
// is found by runs, not listed by hand: the first run records them, and a write
// that is first seen while the manager recovers from a crash is crashed at, too.
func TestCrashAtEveryWrite(t *testing.T) {
	want, wire := theRunWithoutAFault(t)

	found := &siteList{known: map[string]bool{}}
	found.add(wire)
	for round := 1; ; round++ {
		sites := found.take()
		if len(sites) == 0 {
			break
		}
		t.Run(fmt.Sprintf("round %d", round), func(t *testing.T) {
			for _, site := range sites {
				for _, fate := range []fate{crashBefore, crashAfter} {
					t.Run(fmt.Sprintf("%s %s", fate, site), func(t *testing.T) {
						t.Parallel()
						crashAt(t, site, fate, want, found)
					})
				}
			}
		})
	}
	t.Logf("crashed before and after each of %d sites:\n%q", len(found.known), slices.Sorted(maps.Keys(found.known)))
}

// theRunWithoutAFault is what the others are measured by: how it ends and what
// the manager wrote.
func theRunWithoutAFault(t *testing.T) (end string, writes *wire) {
	w := newWorld(t)
	writes = newWire()
	p := w.start(settings{wire: writes, orders: true})
	w.liveThrough()
	w.quiet(time.Second)
	w.Expect(p.Stop()).To(Succeed())
	end = w.summary()
	t.Logf("the run without a fault makes %d writes at %d sites and ends in\n%s", writes.total, len(writes.sites), end)
	return end, writes
}

// tries of a fault at a site. Which writes a run makes depends a little on timing: a
// site that was not reached is tried again.
const tries = 4

// crashAt crashes at a site and expects the same end.
func crashAt(t *testing.T, site string, how fate, want string, found *siteList) {
	for range tries {
		w := newWorld(t)
		crashed := w.keepRunning(found, func(this write) fate {
			if this.at(site) {
				return how
			}
			return pass
		})
		w.liveThrough()
		w.quiet(250 * time.Millisecond)
		if diff := cmp.Diff(want, w.summary()); diff != "" {
			t.Fatalf("it ends otherwise (-without, +with the crash):\n%s", diff)
		}
		if crashed() {
			return
		}
	}
	t.Fatalf("the site was not reached in %d runs", tries)
}

// keepRunning runs a manager with both controllers, and another without a fault
// when it has crashed, as a Deployment would.
func (w *world) keepRunning(found *siteList, judge func(write) fate) (crashed func() bool) {
	wire := newWire()
	wire.judge = judge
	first := w.start(settings{wire: wire, orders: true})
	over, done := make(chan struct{}), make(chan struct{})
	var after *process
	go func() {
		defer close(done)
		select {
		case <-wire.Pulled():
			after = w.start(settings{orders: true, holder: "successor"})
		case <-over:
		}
	}()
	w.t.Cleanup(func() {
		close(over)
		<-done
		_ = first.Stop() // a crashed one ends with errors
		found.add(first.wire)
		if after != nil {
			w.Expect(after.Stop()).To(Succeed())
			found.add(after.wire)
		}
	})
	return first.wire.IsPulled
}

// siteList is every kind of write that was ever seen.
type siteList struct {
	mu    sync.Mutex
	known map[string]bool // true once taken
}

func (l *siteList) add(w *wire) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	for site := range w.sites {
		if !l.known[site] {
			l.known[site] = false
		}
	}
}

// take are the sites that were not taken yet.
func (l *siteList) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for site, taken := range l.known {
		if !taken {
			out = append(out, site)
			l.known[site] = true
		}
	}
	slices.Sort(out)
	return out
}

// liveThrough is a namespace's life with one of everything in it. It waits for
// the outcome of each step, so that every run makes the same decisions.
func (w *world) liveThrough() {
	w.t.Helper()
	w.document("early", "late", v1alpha1.AdjustmentReceived, 5)
	w.Eventually(w.verdict("early")).Should(Equal("Pending UnknownProduct"))
	w.item("mug", 100)
	w.item("tea", 50)
	w.item("kettle", 6)
	w.item("late", 10)
	w.Eventually(w.verdict("early")).Should(Equal("Applied Applied"))
	w.Eventually(w.level("late")).Should(Equal("15/0/15"))

	w.place("shipped", line{"mug", 2}, line{"tea", 1})
	w.place("short", line{"mug", 1}, line{"kettle", 7})
	w.place("cancelled", line{"mug", 3})
	w.place("returned", line{"mug", 4}, line{"tea", 2})
	w.place("deleted", line{"mug", 5})
	for _, name := range []string{"shipped", "cancelled", "returned", "deleted"} {
		w.Eventually(w.order(name)).Should(Equal(v1alpha1.OrderConfirmed))
	}
	w.Eventually(w.order("short")).Should(Equal(v1alpha1.OrderCancelled))

	edit(w, "cancelled", func(o *v1alpha1.Order) {
		o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
	})
	remove[v1alpha1.Order](w, "deleted")
	for _, name := range []string{"shipped", "returned"} {
		edit(w, name, func(o *v1alpha1.Order) { o.Spec.Fulfillment = &v1alpha1.Fulfillment{Carrier: "DHL"} })
		w.Eventually(w.order(name)).Should(Equal(v1alpha1.OrderFulfilled))
	}
	edit(w, "returned", func(o *v1alpha1.Order) {
		o.Spec.Return = &v1alpha1.Return{RequestID: "r-1", Reason: "too blue"}
	})
	w.Eventually(w.order("returned")).Should(Equal(v1alpha1.OrderReturnRequested))
	edit(w, "returned", func(o *v1alpha1.Order) {
		o.Spec.Return.Decision = &v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove}
	})
	w.Eventually(w.order("returned")).Should(Equal(v1alpha1.OrderReturned))
	w.Eventually(w.order("cancelled")).Should(Equal(v1alpha1.OrderCancelled))
	w.Eventually(absent[v1alpha1.Order](w, "deleted")).Should(BeTrue())

	w.document("delivery", "mug", v1alpha1.AdjustmentReceived, 10)
	w.document("broken", "kettle", v1alpha1.AdjustmentAdjusted, -100)
	w.Eventually(w.verdict("delivery")).Should(Equal("Applied Applied"))
	w.Eventually(w.verdict("broken")).Should(Equal("Refused BelowZero"))
	w.settled()
	w.counted("count", "mug", 90)
	w.Eventually(w.verdict("count")).Should(Equal("Applied Applied"))

	w.basket("expired", time.Now().Add(-time.Hour), line{"tea", 1})
	w.Eventually(w.reservation("expired")).Should(Equal(v1alpha1.ReservationReleased))
	w.reserve("basket", line{"kettle", 4})
	w.Eventually(w.reservation("basket")).Should(Equal(v1alpha1.ReservationReserved))
	w.takeOver("ordered", "basket", line{"kettle", 5})
	w.Eventually(w.reservation("ordered")).Should(Equal(v1alpha1.ReservationReserved))
	w.Eventually(w.reservation("basket")).Should(Equal(v1alpha1.ReservationReleased))
	w.want("ordered", v1alpha1.IntentCommit)
	w.Eventually(w.reservation("ordered")).Should(Equal(v1alpha1.ReservationCommitted))
	w.bringBack("ordered", line{"kettle", 1})
	w.bringBack("ordered", line{"kettle", 3})

	w.reserve("kept", line{"kettle", 2})
	w.Eventually(w.reservation("kept")).Should(Equal(v1alpha1.ReservationReserved))
	w.settled()
	remove[v1alpha1.StockItem](w, "late")
	w.Eventually(absent[v1alpha1.StockItem](w, "late")).Should(BeTrue())
}
