package faults

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// holding is a wire that holds the write that brings a reservation to a phase,
// until let go.
func holding(name string, phase v1alpha1.StockReservationPhase) (held *wire, letGo func()) {
	held, gate := newWire(), make(chan struct{})
	held.judge = func(w write) fate {
		if w.plural == "stockreservations" && w.name == name && strings.Contains(w.site, string(phase)) {
			<-gate
		}
		return pass
	}
	return held, func() { close(gate) }
}

// A write that hangs keeps nobody waiting but those who rely on it: decisions
// about others are made, journaled and written meanwhile.
func TestAHeldWriteHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wire, letGo := holding("held", v1alpha1.ReservationReserved)
	w.start(settings{wire: wire})
	w.item("mug", 10)
	w.item("cup", 10)
	w.reserve("held", line{"mug", 1})
	w.Eventually(func() []string { return w.book.unsettled() }).ShouldNot(BeEmpty())
	for _, name := range []string{"one", "two", "three"} {
		w.reserve(name, line{"mug", 1}, line{"cup", 1})
		w.Eventually(w.reservation(name)).Should(Equal(v1alpha1.ReservationReserved))
	}
	w.document("delivery", "mug", v1alpha1.AdjustmentReceived, 5)
	w.Eventually(w.verdict("delivery")).Should(Equal("Applied Applied"))
	w.Expect(w.reservation("held")()).To(Equal(v1alpha1.ReservationPending))
	letGo()
	w.Eventually(w.reservation("held")).Should(Equal(v1alpha1.ReservationReserved))
	w.settled()
	w.Expect(w.level("mug")()).To(Equal("15/4/11"))
}

// What was granted thanks to a release is not shown before the release is:
// whoever adds up reservations would find more than there is.
func TestAGrantWaitsForTheReleaseItReliesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wire, letGo := holding("gives", v1alpha1.ReservationReleased)
	w.start(settings{wire: wire})
	w.item("mug", 1)
	w.item("cup", 1)
	w.reserve("gives", line{"mug", 1})
	w.Eventually(w.reservation("gives")).Should(Equal(v1alpha1.ReservationReserved))
	w.want("gives", v1alpha1.IntentRelease)
	w.reserve("takes", line{"mug", 1})
	w.reserve("other", line{"cup", 1})
	w.Eventually(w.reservation("other")).Should(Equal(v1alpha1.ReservationReserved))
	w.Consistently(w.reservation("takes")).WithTimeout(300 * time.Millisecond).Should(Equal(v1alpha1.ReservationPending))
	letGo()
	w.Eventually(w.reservation("takes")).Should(Equal(v1alpha1.ReservationReserved))
	w.settled()
	w.Expect(w.level("mug")()).To(Equal("1/1/0"))
}
