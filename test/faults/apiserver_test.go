package faults

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// The tests of this file act on the whole control plane and run one by one,
// before those that run side by side.

// The API server stops in the middle of a batch and comes back.
func TestAPIServerRestartsMidBatch(t *testing.T) {
	w := newWorld(t)
	w.start(settings{maxBatch: 16})
	w.item("mug", 100)
	w.item("tea", 400)
	var people sync.WaitGroup
	people.Go(func() {
		for n := range 60 {
			w.reserve(fmt.Sprint("before-", n), line{"mug", 2}, line{"tea", 1})
		}
	})
	granted := func() int { return len(w.book.grants()) }
	w.Eventually(granted).WithPolling(time.Millisecond).Should(BeNumerically(">=", 5))
	w.Expect(granted()).To(BeNumerically("<", 50), "of those that can be granted")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w.Expect(w.env.ControlPlane.RestartAPIServer(ctx)).To(Succeed())
	people.Wait()
	w.settled()
	for n := range 10 {
		w.reserve(fmt.Sprint("after-", n), line{"tea", 1})
	}
	w.document("delivery", "mug", v1alpha1.AdjustmentReceived, 5)
	w.quiet(time.Second)
	w.Expect(w.level("mug")()).To(Equal("105/100/5"))
	w.Expect(w.level("tea")()).To(Equal("400/60/340"))
}

// A second API server lags: it is stopped while the first serves another leader,
// reservations come and go, items are made again under their names, and history
// is compacted. A manager that was connected to it goes on there and is alone
// from then on.
func TestASecondAPIServerLags(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	second, err := w.env.ControlPlane.StartAPIServer(ctx)
	w.Expect(err).NotTo(HaveOccurred())
	defer func() { w.Expect(second.Stop()).To(Succeed()) }()
	cfg, err := second.Config()
	w.Expect(err).NotTo(HaveOccurred())

	behind := w.start(settings{cfg: cfg, holder: "behind"})
	w.item("mug", 10)
	w.item("tea", 10)
	w.reserve("early", line{"mug", 4})
	w.Eventually(w.reservation("early")).Should(Equal(v1alpha1.ReservationReserved))
	w.settled()

	w.Expect(second.Signal(syscall.SIGSTOP)).To(Succeed())
	defer func() { _ = second.Signal(syscall.SIGCONT) }()
	ahead := w.start(settings{holder: "ahead"})
	w.want("early", v1alpha1.IntentRelease)
	w.reserve("all", line{"mug", 10})
	w.Eventually(w.reservation("all")).Should(Equal(v1alpha1.ReservationReserved))
	w.document("delivery", "tea", v1alpha1.AdjustmentReceived, 5)
	w.Eventually(w.verdict("delivery")).Should(Equal("Applied Applied"))
	w.reserve("passing", line{"tea", 15})
	w.Eventually(w.reservation("passing")).Should(Equal(v1alpha1.ReservationReserved))
	remove[v1alpha1.StockReservation](w, "passing")
	remove[v1alpha1.StockAdjustment](w, "delivery")
	w.Eventually(w.level("tea")).Should(Equal("15/0/15"))
	remove[v1alpha1.StockItem](w, "tea")
	w.Eventually(absent[v1alpha1.StockItem](w, "tea")).Should(BeTrue())
	w.item("tea", 3)
	w.settled()
	ahead.Kill()
	w.reserve("waits", line{"mug", 1})
	w.compact()
	w.Expect(second.Signal(syscall.SIGCONT)).To(Succeed())

	w.Eventually(w.reservation("waits")).Should(Equal(v1alpha1.ReservationRejected), "the leader that was behind must know that all is taken")
	w.reserve("fits", line{"tea", 3})
	w.Eventually(w.reservation("fits")).Should(Equal(v1alpha1.ReservationReserved))
	w.quiet(time.Second)
	w.Expect(w.level("mug")()).To(Equal("10/10/0"))
	w.Expect(w.level("tea")()).To(Equal("3/3/0"))
	w.Expect(behind.wire.IsPulled()).To(BeFalse())
}

// compact forgets etcd's history up to now.
func (w *world) compact() {
	w.t.Helper()
	at, err := w.revision()
	w.Expect(err).NotTo(HaveOccurred())
	w.Eventually(func() (bool, error) { return w.feed.reached(at) }).Should(BeTrue())
	answer, err := post(w.ctx, w.env.ControlPlane.EtcdEndpoint()+"/v3/kv/compaction", fmt.Appendf(nil, `{"revision":"%d"}`, at))
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(answer.Close()).To(Succeed())
}

// Watches break, history is compacted, and the version a watch wants to go on
// from has expired: what happened in the gap is not lost.
func TestWatchesExpire(t *testing.T) {
	w := newWorld(t)
	wire := newWire()
	var gap gap
	wire.read = gap.read
	w.start(settings{wire: wire})
	w.item("mug", 10)
	w.reserve("kept", line{"mug", 3})
	w.reserve("deleted", line{"mug", 4})
	w.Eventually(w.level("mug")).Should(Equal("10/7/3"))

	gap.open()
	w.cutWatches(wire)
	remove[v1alpha1.StockReservation](w, "deleted")
	w.want("kept", v1alpha1.IntentCommit)
	w.reserve("new", line{"mug", 6})
	w.document("delivery", "mug", v1alpha1.AdjustmentReceived, 1)
	w.compact()
	gap.close()

	w.Eventually(w.reservation("new")).Should(Equal(v1alpha1.ReservationReserved))
	w.Eventually(w.level("mug")).Should(Equal("8/6/2"))
	w.quiet(time.Second)
	w.Expect(gap.refused.Load()).To(BeNumerically(">", 0), "watches in the gap, or from a version that expired")
}

// A reservation is made, granted by one leader, seen by another only in the
// lists of its take-over, and deleted while that one's watch has a gap. No event
// ever tells it; the audit finds that it is gone.
func TestAReservationThatCameAndWentInAGap(t *testing.T) {
	w := newWorld(t)
	w.item("mug", 10)
	wire := newWire()
	var gap gap
	wire.read = gap.read
	w.start(settings{wire: wire, holder: "deaf", audit: time.Second})
	w.Eventually(w.level("mug")).Should(Equal("10/0/10"))
	gap.only = "/stockreservations"
	gap.open()
	w.cutWatches(wire)
	w.Eventually(gap.refused.Load).Should(BeNumerically(">", 0), "watches in the gap")

	other := w.start(settings{holder: "other"})
	w.reserve("passing", line{"mug", 8})
	w.Eventually(w.reservation("passing")).Should(Equal(v1alpha1.ReservationReserved))
	w.settled()
	other.Kill()
	w.document("delivery", "mug", v1alpha1.AdjustmentReceived, 1)
	w.Eventually(w.verdict("delivery")).Should(Equal("Applied Applied")) // by the deaf one, after a take-over
	remove[v1alpha1.StockReservation](w, "passing")
	gap.close()

	w.Eventually(w.level("mug")).WithTimeout(20 * time.Second).Should(Equal("11/0/11"))
	w.Expect(gap.refused.Load()).To(BeNumerically(">", 0), "watches in the gap, or from a version that expired")
	w.reserve("next", line{"mug", 11})
	w.Eventually(w.reservation("next")).Should(Equal(v1alpha1.ReservationReserved))
	w.settled()
}

// gap is a time during which watches can't be made, and after which the version
// they ask for has expired.
type gap struct {
	only    string // part of the path it is about; all when empty
	opened  atomic.Bool
	expired atomic.Int32
	refused atomic.Int32 // watches that were
}

func (g *gap) open() { g.opened.Store(true) }

func (g *gap) close() {
	g.expired.Store(3)
	g.opened.Store(false)
}

func (g *gap) read(req *http.Request) (*http.Response, error) {
	if !strings.Contains(req.URL.Path, "/apis/orderplane.dev/") || !strings.Contains(req.URL.Path, g.only) || !isWatch(req) {
		return nil, nil
	}
	if g.opened.Load() {
		g.refused.Add(1)
		// Informers try again from where they are, as when nobody listens.
		return nil, fmt.Errorf("fault: no watches now: %w", syscall.ECONNREFUSED)
	}
	if req.URL.Query().Get("sendInitialEvents") == "" && g.expired.Add(-1) >= 0 {
		g.refused.Add(1)
		return refuse(req, http.StatusGone, "Expired"), nil
	}
	return nil, nil
}

// cutWatches ends the watches a process has open.
func (w *world) cutWatches(wire *wire) {
	w.t.Helper()
	w.Expect(wire.cut()).To(BeNumerically(">", 0))
}
