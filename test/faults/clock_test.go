package faults

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// nudge has the stock controller look at its clock: one that is set wakes nobody.
func (w *world) nudge() {
	w.t.Helper()
	edit(w, "mug", func(i *v1alpha1.StockItem) { i.Spec.LowStockThreshold++ })
}

func (w *world) extend(name string, to time.Time) {
	w.t.Helper()
	at := metav1.NewTime(to)
	edit(w, name, func(r *v1alpha1.StockReservation) { r.Spec.ExpiresAt = &at })
}

// A basket holds until its time is up by the controller's clock, whatever that
// clock does, and its owner may extend it while it holds.
func TestBasketsExpireOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	start := time.Now().Truncate(time.Second)
	clock := testenv.NewShiftedClock(start)
	w.start(settings{clock: clock})
	w.item("mug", 10)
	w.basket("short", start.Add(10*time.Minute), line{"mug", 1})
	w.basket("extended", start.Add(10*time.Minute), line{"mug", 2})
	w.basket("shipped", start.Add(10*time.Minute), line{"mug", 3})
	for _, name := range []string{"short", "extended", "shipped"} {
		w.Eventually(w.reservation(name)).Should(Equal(v1alpha1.ReservationReserved))
	}
	w.extend("extended", start.Add(time.Hour))
	w.want("shipped", v1alpha1.IntentCommit)
	w.Eventually(w.reservation("shipped")).Should(Equal(v1alpha1.ReservationCommitted))
	w.settled()

	clock.SetTime(start.Add(-24 * time.Hour))
	w.nudge()
	w.quiet(300 * time.Millisecond)
	w.Expect(w.reservation("short")()).To(Equal(v1alpha1.ReservationReserved), "the clock went back")

	clock.SetTime(start.Add(11 * time.Minute))
	w.nudge()
	w.Eventually(w.reservation("short")).Should(Equal(v1alpha1.ReservationReleased))
	w.quiet(300 * time.Millisecond)
	w.Expect(w.reservation("extended")()).To(Equal(v1alpha1.ReservationReserved))
	w.Expect(w.reservation("shipped")()).To(Equal(v1alpha1.ReservationCommitted))

	clock.SetTime(start)
	w.extend("short", start.Add(48*time.Hour))
	w.nudge()
	w.quiet(300 * time.Millisecond)
	w.Expect(w.reservation("short")()).To(Equal(v1alpha1.ReservationReleased), "what expired does not come back")

	clock.SetTime(start.Add(1000 * time.Hour))
	w.nudge()
	w.Eventually(w.reservation("extended")).Should(Equal(v1alpha1.ReservationReleased))
	w.settled()
	w.Expect(w.level("mug")()).To(Equal("7/0/7"))
}

// Two leaders whose clocks are a day apart: a basket may expire early, and is
// decided once.
func TestClocksApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now().Truncate(time.Second)
	w.start(settings{clock: testenv.NewShiftedClock(now), holder: "slow"})
	w.item("mug", 10)
	for _, name := range []string{"a", "b", "c"} {
		w.basket(name, now.Add(time.Hour), line{"mug", 3})
		w.Eventually(w.reservation(name)).Should(Equal(v1alpha1.ReservationReserved))
	}
	w.want("c", v1alpha1.IntentCommit)
	w.start(settings{clock: testenv.NewShiftedClock(now.Add(24 * time.Hour)), holder: "fast"})
	for _, name := range []string{"a", "b"} {
		w.Eventually(w.reservation(name)).Should(Equal(v1alpha1.ReservationReleased))
	}
	w.basket("d", now.Add(time.Hour), line{"mug", 1})
	w.Eventually(w.reservation("d")).Should(BeElementOf(v1alpha1.ReservationReserved, v1alpha1.ReservationReleased))
	w.nudge()
	w.quiet(500 * time.Millisecond)
	w.Expect(w.reservation("c")()).To(Equal(v1alpha1.ReservationCommitted))
}

// A clock that is set back by a day in the middle of work stops no work: what failed
// is tried again, decisions are made, written and shown to people as soon as before.
func TestAClockThatIsSetBackStopsNoWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := testenv.NewShiftedClock(time.Now())
	var failing atomic.Bool
	var lost atomic.Int32
	wire := newWire()
	wire.judge = func(this write) fate {
		if failing.Load() && this.subresource == "status" && this.plural != "stockjournals" {
			lost.Add(1)
			return loseRequest
		}
		return pass
	}
	w.start(settings{wire: wire, clock: clock})
	w.item("mug", 100)
	expires := time.Now().Add(time.Hour)
	work := func(from, to int) {
		for n := from; n < to; n++ {
			name := fmt.Sprintf("basket-%d", n)
			w.basket(name, expires, line{"mug", 1})
			w.Eventually(w.reservation(name)).Should(Equal(v1alpha1.ReservationReserved))
			w.Eventually(w.level("mug")).Should(Equal(fmt.Sprintf("100/%d/%d", n+1, 99-n)))
		}
	}
	work(0, 20) // more than the burst of projections
	failing.Store(true)
	w.basket("basket-20", expires, line{"mug", 1})
	w.Eventually(lost.Load).Should(BeNumerically(">=", 4))
	clock.Step(-24 * time.Hour) // while writes wait to be tried again
	failing.Store(false)
	w.Eventually(w.reservation("basket-20")).Should(Equal(v1alpha1.ReservationReserved))
	w.Eventually(w.level("mug")).Should(Equal("100/21/79"))
	work(21, 40)
	w.settled()
}
