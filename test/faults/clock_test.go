package faults

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// nudge has the stock controller look at its clock: a fake one wakes nobody.
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
	clock := testclock.NewFakeClock(start)
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
	w.start(settings{clock: testclock.NewFakeClock(now), holder: "slow"})
	w.item("mug", 10)
	for _, name := range []string{"a", "b", "c"} {
		w.basket(name, now.Add(time.Hour), line{"mug", 3})
		w.Eventually(w.reservation(name)).Should(Equal(v1alpha1.ReservationReserved))
	}
	w.want("c", v1alpha1.IntentCommit)
	w.start(settings{clock: testclock.NewFakeClock(now.Add(24 * time.Hour)), holder: "fast"})
	for _, name := range []string{"a", "b"} {
		w.Eventually(w.reservation(name)).Should(Equal(v1alpha1.ReservationReleased))
	}
	w.basket("d", now.Add(time.Hour), line{"mug", 1})
	w.Eventually(w.reservation("d")).Should(BeElementOf(v1alpha1.ReservationReserved, v1alpha1.ReservationReleased))
	w.nudge()
	w.quiet(500 * time.Millisecond)
	w.Expect(w.reservation("c")()).To(Equal(v1alpha1.ReservationCommitted))
}

// Decisions go by the clock; how long a write waits for its turn does not. A
// clock that stands still or was set back keeps nobody from seeing stock.
func TestAStoppedClockStopsNoWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(settings{clock: testclock.NewFakeClock(time.Now().Add(-24 * time.Hour))})
	w.item("mug", 100)
	for n := range 20 { // more than the burst of projections
		name := fmt.Sprintf("basket-%d", n)
		w.basket(name, time.Now().Add(time.Hour), line{"mug", 1})
		w.Eventually(w.reservation(name)).Should(Equal(v1alpha1.ReservationReserved))
		w.Eventually(w.level("mug")).Should(Equal(fmt.Sprintf("100/%d/%d", n+1, 99-n)))
	}
	w.settled()
}

// With the real clock nobody has to nudge.
func TestABasketExpiresByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(settings{})
	w.item("mug", 1)
	w.basket("basket", time.Now().Add(2*time.Second), line{"mug", 1})
	w.Eventually(w.reservation("basket")).Should(Equal(v1alpha1.ReservationReserved))
	w.Eventually(w.reservation("basket")).WithTimeout(10 * time.Second).Should(Equal(v1alpha1.ReservationReleased))
	w.settled()
	w.Expect(w.level("mug")()).To(Equal("1/0/1"))
}
