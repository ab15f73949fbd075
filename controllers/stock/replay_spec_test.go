package stock_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// statusGate holds back writes of one reservation's status until it is opened.
type statusGate struct {
	reservation string
	open        chan struct{}
	held        atomic.Int32
}

func newStatusGate(reservation string) *statusGate {
	return &statusGate{reservation: reservation, open: make(chan struct{})}
}

func (g *statusGate) wrap(next http.RoundTripper) http.RoundTripper {
	return testenv.RoundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/stockreservations/"+g.reservation+"/status") {
			g.held.Add(1)
			select {
			case <-g.open:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
		return next.RoundTrip(r)
	})
}

var _ = Describe("A leader that finds decisions in the journal", func() {
	It("decides nothing before they are carried out", func(ctx SpecContext) {
		s := newShop()
		journal := func() (v1alpha1.StockJournalStatus, error) {
			j := &v1alpha1.StockJournal{}
			err := s.read(ctx, v1alpha1.StockJournalName, j)
			return j.Status, client.IgnoreNotFound(err)
		}
		s.item(ctx, "mug", 1)
		gone, next := newStatusGate("first"), newStatusGate("first")

		By("a leader grants the last unit in the journal, and goes before the reservation shows it")
		leader := s.start("gone", gone.wrap)
		s.reserve(ctx, "first", testenv.Line("mug", 1))
		Eventually(gone.held.Load).Should(BeNumerically(">", 0))
		leader.Kill()
		before, err := journal()
		Expect(err).NotTo(HaveOccurred())
		Expect(before.Entries).To(ContainElement(HaveField("Kind", v1alpha1.EntryGrant)))
		Expect(s.reservation(ctx, "first")()).To(Equal(v1alpha1.ReservationPending))

		By("the next one acquires the journal, and can't write the reservation yet")
		s.reserve(ctx, "second", testenv.Line("mug", 1))
		s.start("next", next.wrap)
		Eventually(next.held.Load).Should(BeNumerically(">", 0))
		Consistently(func(g Gomega) {
			now, err := journal()
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(now.Epoch).To(Equal(before.Epoch+1), "it waits and does not begin again")
			g.Expect(now.Seq).To(Equal(before.Seq), "it decides nothing")
			g.Expect(s.reservation(ctx, "second")()).To(Equal(v1alpha1.ReservationPending))
		}).WithTimeout(1500 * time.Millisecond).Should(Succeed())

		By("it can")
		close(next.open)
		Eventually(s.reservation(ctx, "first")).Should(Equal(v1alpha1.ReservationReserved))
		Eventually(s.reservation(ctx, "second")).Should(Equal(v1alpha1.ReservationRejected))
		s.quiet(ctx)
	})
})
