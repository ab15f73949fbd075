package faults

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// holding is a wire that holds the write that brings a reservation to a phase,
// until let go.
func holding(name string, phase v1alpha1.StockReservationPhase) (held *wire, letGo func()) {
	held, gate := newWire(), make(chan struct{})
	held.judge = func(w write) fate {
		if w.plural == "stockreservations" && w.name == name && w.at("PUT stockreservations/status "+string(phase)) {
			<-gate
		}
		return pass
	}
	return held, func() { close(gate) }
}

// gathering holds a wire's writes of the journal from gather to decide: what comes
// meanwhile is one batch.
func gathering(w *wire) (gather, decide func()) {
	next, gate, closed := w.judge, make(chan struct{}), atomic.Bool{}
	w.judge = func(x write) fate {
		if x.plural == "stockjournals" && closed.Load() {
			<-gate
		}
		return next(x)
	}
	return func() { closed.Store(true) }, func() { close(gate) }
}

// countAndRelease has it decided in one batch that 24 mugs were counted and that
// "gives" is released, and waits until the count is shown.
func (w *world) countAndRelease(gather, decide func()) {
	gather()
	w.reserve("other", line{"cup", 1})
	w.counted("count", "mug", 24)
	w.want("gives", v1alpha1.IntentRelease)
	w.Consistently(w.reservation("other")).WithTimeout(300 * time.Millisecond).Should(Equal(v1alpha1.ReservationPending))
	decide()
	w.Eventually(func() (int64, error) {
		i, err := read[v1alpha1.StockItem](w, "mug")
		return ptr.Deref(i.Status.OnHand, 0), err
	}).Should(Equal(int64(24)))
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

// What was decided goes on being written while the journal is slow to take what is
// decided next, also what was too much to be written at once.
func TestASlowJournalHoldsUpNoWriteOfWhatIsDecided(t *testing.T) {
	t.Parallel()
	const many = 40 // writers are 16
	w := newWorld(t)
	wire, effects := newWire(), make(chan struct{})
	wire.judge = func(x write) fate {
		if x.plural == "stockreservations" && strings.HasPrefix(x.name, "r-") {
			<-effects
		}
		return pass
	}
	gather, decide := gathering(wire)
	slow, journal := gathering(wire)
	w.start(settings{wire: wire})
	w.item("tea", many+2)
	w.reserve("first", line{"tea", 1})
	w.Eventually(w.reservation("first")).Should(Equal(v1alpha1.ReservationReserved))
	gather()
	for i := range many {
		w.reserve(fmt.Sprint("r-", i), line{"tea", 1})
	}
	decide()
	w.Eventually(w.book.grants).Should(HaveLen(1 + many))
	slow()
	before := wire.swaps()
	w.reserve("later", line{"tea", 1})
	w.Eventually(wire.swaps).Should(Equal(before + 1))
	close(effects)
	for i := range many {
		w.Eventually(w.reservation(fmt.Sprint("r-", i))).Should(Equal(v1alpha1.ReservationReserved))
	}
	w.Expect(w.reservation("later")()).To(Equal(v1alpha1.ReservationPending))
	journal()
	w.Eventually(w.reservation("later")).Should(Equal(v1alpha1.ReservationReserved))
	w.settled()
}

// A count that finds less than is reserved is shown when it is its turn, also
// while a release decided right behind it is not written yet.
func TestACountDoesNotWaitForALaterRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wire, letGo := holding("gives", v1alpha1.ReservationReleased)
	gather, decide := gathering(wire)
	w.start(settings{wire: wire})
	w.item("mug", 40)
	w.reserve("gives", line{"mug", 30})
	w.Eventually(w.reservation("gives")).Should(Equal(v1alpha1.ReservationReserved))
	w.countAndRelease(gather, decide)
	w.Expect(w.reservation("gives")()).To(Equal(v1alpha1.ReservationReserved))
	letGo()
	w.Eventually(w.reservation("gives")).Should(Equal(v1alpha1.ReservationReleased))
	w.settled()
	w.Expect(w.level("mug")()).To(Equal("24/0/24"))
}

// The same, and a reservation granted before the count is not written yet either:
// when it is, more is reserved than was counted, as it was by then.
func TestACountDoesNotWaitForAnEarlierGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wire, letRelease := holding("gives", v1alpha1.ReservationReleased)
	late, letLate := holding("late", v1alpha1.ReservationReserved)
	passRelease := wire.judge
	wire.judge = func(x write) fate {
		late.judge(x)
		return passRelease(x)
	}
	gather, decide := gathering(wire)
	w.start(settings{wire: wire})
	w.item("mug", 40)
	w.reserve("gives", line{"mug", 20})
	w.Eventually(w.reservation("gives")).Should(Equal(v1alpha1.ReservationReserved))
	w.reserve("late", line{"mug", 6})
	w.Eventually(w.book.grants).Should(ContainElement("late"))
	w.countAndRelease(gather, decide)
	letLate()
	w.Eventually(w.reservation("late")).Should(Equal(v1alpha1.ReservationReserved))
	w.Expect(w.reservation("gives")()).To(Equal(v1alpha1.ReservationReserved))
	letRelease()
	w.Eventually(w.reservation("gives")).Should(Equal(v1alpha1.ReservationReleased))
	w.settled()
	w.Expect(w.level("mug")()).To(Equal("24/6/18"))
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
