package faults

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// An item that is deleted stays while something is reserved of it, and nothing
// more is reserved meanwhile. Documents wait for the next of its name.
func TestAnItemIsDeletedWhileReserved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(settings{})
	w.item("mug", 10)
	w.reserve("held", line{"mug", 4})
	w.Eventually(w.level("mug")).Should(Equal("10/4/6"))
	remove[v1alpha1.StockItem](w, "mug")
	w.reserve("late", line{"mug", 1})
	w.Eventually(w.reservation("late")).Should(Equal(v1alpha1.ReservationRejected))
	r, err := read[v1alpha1.StockReservation](w, "late")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(r.Status.Shortages).To(ConsistOf(v1alpha1.StockShortage{ProductID: "mug", Requested: 1, Reason: v1alpha1.ShortageUnknownProduct}))
	w.document("delivery", "mug", v1alpha1.AdjustmentReceived, 5)
	w.Eventually(w.verdict("delivery")).Should(Equal("Pending UnknownProduct"))
	w.Expect(absent[v1alpha1.StockItem](w, "mug")()).To(BeFalse())

	w.want("held", v1alpha1.IntentRelease)
	w.Eventually(absent[v1alpha1.StockItem](w, "mug")).Should(BeTrue())
	w.quiet(300 * time.Millisecond)
	w.item("mug", 7)
	w.Eventually(w.verdict("delivery")).Should(Equal("Applied Applied"))
	w.Eventually(w.level("mug")).Should(Equal("12/0/12"))
	w.quiet(300 * time.Millisecond)
}

// Somebody forces the finalizer off, the item goes, and another of its name is
// made: what was reserved of the old one never debits the new one.
func TestAnItemIsForcedOffAndMadeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(settings{})
	w.item("mug", 10)
	for _, name := range []string{"commits", "releases", "stays", "restocks"} {
		w.reserve(name, line{"mug", 2})
		w.Eventually(w.reservation(name)).Should(Equal(v1alpha1.ReservationReserved))
	}
	w.want("restocks", v1alpha1.IntentCommit)
	w.Eventually(w.level("mug")).Should(Equal("8/6/2"))
	w.settled()
	w.book.forceOff("mug")
	remove[v1alpha1.StockItem](w, "mug")
	edit(w, "mug", func(i *v1alpha1.StockItem) { i.Finalizers = nil })
	w.Eventually(absent[v1alpha1.StockItem](w, "mug")).Should(BeTrue())
	w.item("mug", 7)
	w.want("commits", v1alpha1.IntentCommit)
	w.want("releases", v1alpha1.IntentRelease)
	w.want("restocks", v1alpha1.IntentRestock)
	w.Eventually(w.reservation("commits")).Should(Equal(v1alpha1.ReservationCommitted))
	w.Eventually(w.reservation("releases")).Should(Equal(v1alpha1.ReservationReleased))
	w.Eventually(w.reservation("restocks")).Should(Equal(v1alpha1.ReservationRestocked))
	w.quiet(300 * time.Millisecond)
	w.Expect(w.level("mug")()).To(Equal("7/0/7"))

	w.start(settings{holder: "successor"}) // which has never seen the old one
	w.reserve("all", line{"mug", 7})
	w.Eventually(w.reservation("all")).Should(Equal(v1alpha1.ReservationReserved))
	w.quiet(300 * time.Millisecond)
}

// A reservation that is deleted, in whatever phase, gives back what it holds and
// nothing else.
func TestReservationsAreDeletedByForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.start(settings{})
	w.item("mug", 10)
	w.reserve("reserved", line{"mug", 3})
	w.reserve("committed", line{"mug", 2})
	w.Eventually(w.level("mug")).Should(Equal("10/5/5"))
	w.reserve("rejected", line{"mug", 6})
	w.Eventually(w.reservation("rejected")).Should(Equal(v1alpha1.ReservationRejected))
	w.want("committed", v1alpha1.IntentCommit)
	w.Eventually(w.level("mug")).Should(Equal("8/3/5"))
	for _, name := range []string{"reserved", "committed", "rejected"} {
		remove[v1alpha1.StockReservation](w, name)
	}
	w.Eventually(w.level("mug")).Should(Equal("8/0/8"))
	w.quiet(300 * time.Millisecond)

	// And while nobody is there to see it.
	w.reserve("unseen", line{"mug", 8})
	w.Eventually(w.level("mug")).Should(Equal("8/8/0"))
	first.kill()
	w.reserve("never-decided", line{"mug", 1})
	remove[v1alpha1.StockReservation](w, "unseen")
	remove[v1alpha1.StockReservation](w, "never-decided")
	w.start(settings{holder: "successor"})
	w.Eventually(w.level("mug")).Should(Equal("8/0/8"))
	w.quiet(300 * time.Millisecond)
}

// A count finds less than is reserved: it is accepted, the item says that it is
// oversold, and nothing more is granted until what is reserved is covered again.
func TestOversoldByACountAndBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(settings{})
	w.item("mug", 10)
	w.reserve("a", line{"mug", 5})
	w.reserve("b", line{"mug", 4})
	w.Eventually(w.level("mug")).Should(Equal("10/9/1"))
	w.settled()
	w.document("count", "mug", v1alpha1.AdjustmentCounted, 6)
	w.Eventually(w.verdict("count")).Should(Equal("Applied Applied"))
	oversold := func() (string, error) {
		i, err := read[v1alpha1.StockItem](w, "mug")
		for _, c := range i.Status.Conditions {
			if c.Type == v1alpha1.StockItemConditionOversold {
				return string(c.Status) + " " + c.Message, err
			}
		}
		return "", err
	}
	w.Eventually(oversold).Should(And(HavePrefix("True"), ContainSubstring("Received")))
	w.Eventually(w.level("mug")).Should(Equal("6/9/-3"))
	w.reserve("c", line{"mug", 1})
	w.Eventually(w.reservation("c")).Should(Equal(v1alpha1.ReservationRejected))
	r, err := read[v1alpha1.StockReservation](w, "c")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(r.Status.Shortages).To(ConsistOf(v1alpha1.StockShortage{ProductID: "mug", Requested: 1, Available: -3, Reason: v1alpha1.ShortageOversold}))

	w.start(settings{holder: "successor"}) // a take-over does not forget it
	w.want("b", v1alpha1.IntentCommit)     // what was promised still goes out
	w.Eventually(w.level("mug")).Should(Equal("2/5/-3"))
	w.document("delivery", "mug", v1alpha1.AdjustmentReceived, 4)
	w.Eventually(w.level("mug")).Should(Equal("6/5/1"))
	w.Eventually(oversold).Should(HavePrefix("False"))
	w.reserve("d", line{"mug", 1})
	w.Eventually(w.reservation("d")).Should(Equal(v1alpha1.ReservationReserved))
	w.quiet(300 * time.Millisecond)
}
