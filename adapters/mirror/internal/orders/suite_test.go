package orders_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/orderplane/orderplane/adapters/mirror/internal/orders"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/test/testenv"
)

// delay of archiving in these specs: they set the clock forward by it.
const delay = 24 * time.Hour

var env *testenv.Env

func TestMirrorOfOrders(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Mirror of orders")
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(GinkgoLogr)
	SetDefaultEventuallyTimeout(30 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	SetDefaultConsistentlyDuration(500 * time.Millisecond)
	env = testenv.Start(GinkgoTB())
})

// shop is a namespace with a database and any number of mirrors. The test plays the order controller.
type shop struct {
	client.Client
	namespace string
	pool      *pgxpool.Pool
	clock     *testenv.ShiftedClock
	registry  *prometheus.Registry
	// toldUpTo is how far the stock side has told.
	toldUpTo atomic.Int64
}

func newShop() *shop {
	s := &shop{
		Client: env.Client, namespace: env.Namespace(GinkgoTB()), pool: testenv.Database(GinkgoTB(), postgres.Orders),
		clock: testenv.NewShiftedClock(time.Now()), registry: prometheus.NewRegistry(),
	}
	s.toldUpTo.Store(1 << 60)
	return s
}

// start runs a mirror. The transports are around its client's.
func (s *shop) start(wrap ...func(http.RoundTripper) http.RoundTripper) *testenv.Manager {
	GinkgoHelper()
	return s.startPlugged(nil, wrap...)
}

// startPlugged runs a mirror that a plug ends.
func (s *shop) startPlugged(plug *testenv.Plug, wrap ...func(http.RoundTripper) http.RoundTripper) *testenv.Manager {
	GinkgoHelper()
	return env.StartManager(GinkgoTB(), testenv.ManagerOptions{Namespace: s.namespace, Plug: plug, Wrap: wrap, Logger: GinkgoLogr}, func(mgr ctrl.Manager) error {
		live, err := client.New(mgr.GetConfig(), client.Options{Scheme: env.Scheme, HTTPClient: mgr.GetHTTPClient(), Mapper: mgr.GetRESTMapper()})
		if err != nil {
			return err
		}
		m, err := orders.New(orders.Options{
			Namespace: s.namespace, Pool: s.pool, Cache: mgr.GetCache(), Client: live, ArchiveDelay: delay,
			Told:     func(_ context.Context, seq int64) (bool, error) { return seq <= s.toldUpTo.Load(), nil },
			Recorder: mgr.GetEventRecorder("orderplane-mirror"), Clock: s.clock, Log: mgr.GetLogger(), Registry: s.registry,
		})
		if err != nil {
			return err
		}
		return mgr.Add(manager.RunnableFunc(m.Run))
	})
}

// order is one of 54.97 EUR that leaves the cluster as soon as it is over.
func (s *shop) order(name string) *v1alpha1.Order {
	o := testenv.Order(s.namespace, name, testenv.Line("prod-001", 2), testenv.Line("prod-002", 1))
	o.Finalizers = []string{v1alpha1.OrderFinalizer, v1alpha1.MirrorFinalizer}
	o.Spec.Policy = &v1alpha1.OrderPolicy{Retention: &metav1.Duration{}, ReturnWindow: &metav1.Duration{}}
	return o
}

func (s *shop) place(ctx context.Context, o *v1alpha1.Order) *v1alpha1.Order {
	GinkgoHelper()
	Expect(s.Create(ctx, o)).To(Succeed())
	return o
}

func (s *shop) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: s.namespace, Name: name}
}

func (s *shop) get(ctx context.Context, name string) *v1alpha1.Order {
	GinkgoHelper()
	o := &v1alpha1.Order{}
	Expect(s.Get(ctx, s.key(name), o)).To(Succeed())
	return o
}

// isGone says whether there is no order of a name.
func (s *shop) isGone(ctx context.Context, name string) func() bool {
	return func() bool { return apierrors.IsNotFound(s.Get(ctx, s.key(name), &v1alpha1.Order{})) }
}

// happens plays the order controller: it appends to the history, and puts back the finalizers of an
// order that is leaving first.
func (s *shop) happens(ctx context.Context, name string, phase v1alpha1.OrderPhase, what ...v1alpha1.OrderHistoryType) {
	GinkgoHelper()
	Eventually(func() error {
		o := &v1alpha1.Order{}
		if err := s.Get(ctx, s.key(name), o); err != nil {
			return err
		}
		if _, leaving := o.Annotations[v1alpha1.LeavingAnnotation]; leaving {
			delete(o.Annotations, v1alpha1.LeavingAnnotation)
			o.Finalizers = []string{v1alpha1.OrderFinalizer, v1alpha1.MirrorFinalizer}
			if err := s.Update(ctx, o); err != nil {
				return err
			}
		}
		now := metav1.NewTime(s.clock.Now())
		for _, w := range what {
			o.Status.History = append(o.Status.History, v1alpha1.OrderHistoryEntry{Seq: int64(len(o.Status.History) + 1), Type: w, At: now, Reason: "CUSTOMER_REQUEST"})
		}
		o.Status.Phase, o.Status.Currency, o.Status.TotalAmount, o.Status.ObservedGeneration = phase, "EUR", "59.97", o.Generation
		switch phase {
		case v1alpha1.OrderCancelled:
			o.Status.CancelledAt, o.Status.CancelledReason = &now, v1alpha1.CancelCustomerRequest
		case v1alpha1.OrderFulfilled:
			o.Status.FulfilledAt = &now
		}
		return s.Status().Update(ctx, o)
	}).Should(Succeed())
}

// cancelled is an order whose life is over.
func (s *shop) cancelled(ctx context.Context, o *v1alpha1.Order) *v1alpha1.Order {
	GinkgoHelper()
	s.place(ctx, o)
	s.happens(ctx, o.Name, v1alpha1.OrderCancelled, v1alpha1.HistoryCreated, v1alpha1.HistoryCancelled)
	return s.get(ctx, o.Name)
}

// letsGo plays the order controller, about an order that is being deleted.
func (s *shop) letsGo(ctx context.Context, name string) {
	GinkgoHelper()
	Eventually(func() error {
		o := &v1alpha1.Order{}
		if err := s.Get(ctx, s.key(name), o); err != nil {
			return err
		}
		o.Finalizers = slices.DeleteFunc(o.Finalizers, func(f string) bool { return f == v1alpha1.OrderFinalizer })
		return s.Update(ctx, o)
	}).Should(Succeed())
}

// row is what the database knows of an order; an empty one when it knows nothing.
func (s *shop) row(ctx context.Context, name string) func() orderdb.Version {
	return func() orderdb.Version {
		r, _, err := orderdb.Lookup(ctx, s.pool, name)
		if err != nil {
			return orderdb.Version{}
		}
		return r.Version
	}
}

// becomes waits until an order's row is in a state, and returns it.
func (s *shop) becomes(ctx context.Context, name string, state orderdb.State) orderdb.Version {
	GinkgoHelper()
	var row orderdb.Version
	Eventually(func(g Gomega) {
		row = s.row(ctx, name)()
		g.Expect(row.State).To(Equal(state))
	}).Should(Succeed(), "the row of %s", name)
	return row
}

// shows waits until an order's row is the version that the API server has.
func (s *shop) shows(ctx context.Context, name string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		o, row := s.get(ctx, name), s.row(ctx, name)()
		g.Expect(row.UID).To(Equal(string(o.UID)))
		g.Expect(row.State).To(Equal(orderdb.Live))
		g.Expect(row.Seq).To(BeEquivalentTo(max(1, len(o.Status.History))))
		g.Expect(row.ObjectUID).To(Equal(string(o.UID)))
	}).Should(Succeed(), "the row of %s", name)
}

// told are the types of the events of an object, in the order in which they were told.
func (s *shop) told(ctx context.Context, uid string) []string {
	GinkgoHelper()
	rows, err := s.pool.Query(ctx, "SELECT type FROM order_events WHERE uid = $1 ORDER BY no", uid)
	Expect(err).NotTo(HaveOccurred())
	types, err := pgx.CollectRows(rows, pgx.RowTo[string])
	Expect(err).NotTo(HaveOccurred())
	return types
}

// count is the sum of a metric over the label values that are given.
func (s *shop) count(name string, labels ...string) func() float64 {
	return func() (sum float64) {
		families, err := s.registry.Gather()
		Expect(err).NotTo(HaveOccurred())
		for _, f := range families {
			for _, m := range f.GetMetric() {
				matches := 0
				for _, l := range m.GetLabel() {
					if slices.Contains(labels, l.GetValue()) {
						matches++
					}
				}
				if f.GetName() == name && matches == len(labels) {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
		return sum
	}
}

// isOrderWrite says which requests write an order.
func isOrderWrite(r *http.Request) bool {
	return r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/orders/")
}

// hook is in the way of a client's writes of orders.
type hook func(r *http.Request, next http.RoundTripper) (*http.Response, error)

func (h hook) wrap(next http.RoundTripper) http.RoundTripper {
	return testenv.RoundTripper(func(r *http.Request) (*http.Response, error) {
		if isOrderWrite(r) {
			return h(r, next)
		}
		return next.RoundTrip(r)
	})
}
