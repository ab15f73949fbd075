package faults

import (
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// A write that failed is tried again later. Decisions about the same item that
// are made meanwhile wait for it: an item that says it contains decision 6 is
// taken to contain 5.
func TestAFailedWriteOfAnItemIsNotOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var failing atomic.Bool
	var lost atomic.Int32
	wire := newWire()
	wire.judge = func(this write) fate {
		if failing.Load() && (this.at("PUT stockitems/status stock") || this.name == "first") {
			lost.Add(1)
			return loseRequest
		}
		return pass
	}
	w.start(settings{wire: wire})
	w.item("mug", 10)
	w.reserve("first", line{"mug", 3})
	w.reserve("second", line{"mug", 2})
	w.Eventually(w.level("mug")).Should(Equal("10/5/5"))

	failing.Store(true)
	w.want("first", v1alpha1.IntentCommit)
	w.Eventually(lost.Load).Should(BeNumerically(">=", 4))
	failing.Store(false)
	w.want("second", v1alpha1.IntentCommit)
	w.Eventually(w.level("mug")).Should(Equal("5/0/5"))
	w.quiet(time.Second)
}

// What gives stock back is seen before what takes it, also when a write fails
// in between: somebody who adds up phases never sees more reserved than there is.
func TestAFailedReleaseIsNotOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var failing atomic.Bool
	var lost atomic.Int32
	wire := newWire()
	wire.judge = func(this write) fate {
		if failing.Load() && (this.name == "first" || this.name == "second") {
			lost.Add(1)
			return loseRequest
		}
		return pass
	}
	w.start(settings{wire: wire})
	w.item("mug", 10)
	w.reserve("first", line{"mug", 4})
	w.reserve("second", line{"mug", 6})
	w.Eventually(w.level("mug")).Should(Equal("10/10/0"))

	failing.Store(true)
	w.want("first", v1alpha1.IntentRelease)
	w.want("second", v1alpha1.IntentCommit)
	w.Eventually(lost.Load).Should(BeNumerically(">=", 2))
	w.reserve("third", line{"mug", 4})
	w.Eventually(lost.Load).Should(BeNumerically(">=", 4))
	failing.Store(false)
	w.Eventually(w.reservation("third")).Should(Equal(v1alpha1.ReservationReserved))
	w.Eventually(w.level("mug")).Should(Equal("4/4/0"))
	w.settled()
}

// The projection of a leader that was replaced may arrive when everything is
// over. What people see is put right.
func TestALateProjectionIsPutRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held, release := make(chan struct{}), make(chan struct{})
	var holding atomic.Bool
	wire := newWire()
	wire.judge = func(this write) fate {
		if this.at("PUT stockitems/status projection") && holding.CompareAndSwap(true, false) {
			close(held)
			<-release
			return sendAnyway
		}
		return pass
	}
	old := w.start(settings{wire: wire, holder: "old"})
	w.item("mug", 10)
	w.Eventually(w.level("mug")).Should(Equal("10/0/10"))
	w.quiet(200 * time.Millisecond)
	holding.Store(true)
	w.reserve("basket", line{"mug", 4})
	w.Eventually(held).Should(BeClosed())
	w.want("basket", v1alpha1.IntentRelease)

	w.start(settings{holder: "new"})
	w.Eventually(w.reservation("basket")).Should(Equal(v1alpha1.ReservationReleased))
	w.quiet(200 * time.Millisecond)
	old.wire.Pull() // it ends, but for what it has sent
	before := w.book.count()
	close(release)
	<-old.Ended()
	w.Eventually(w.book.count).Should(BeNumerically(">", before))
	w.quiet(500 * time.Millisecond)
}

// A document whose product does not exist says so, also when the first try to
// write that failed.
func TestAFailedMarkOfAWaitingDocumentIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var lost atomic.Int32
	wire := newWire()
	wire.judge = func(this write) fate {
		if this.at("PUT stockadjustments/status waits") && lost.Add(1) <= 2 {
			return loseRequest
		}
		return pass
	}
	w.start(settings{wire: wire})
	w.document("early", "mug", v1alpha1.AdjustmentReceived, 5)
	w.Eventually(w.verdict("early")).WithTimeout(10 * time.Second).Should(Equal("Pending UnknownProduct"))
	w.Expect(lost.Load()).To(BeNumerically(">", 2), "writes, of which two were lost")
	w.quiet(200 * time.Millisecond)
}
