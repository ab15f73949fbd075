package faults

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

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
	first.Kill()
	w.reserve("never-decided", line{"mug", 1})
	remove[v1alpha1.StockReservation](w, "unseen")
	remove[v1alpha1.StockReservation](w, "never-decided")
	w.start(settings{holder: "successor"})
	w.Eventually(w.level("mug")).Should(Equal("8/0/8"))
	w.quiet(300 * time.Millisecond)
}
