package order_test

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/order"
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/test/testenv"
)

var (
	env *testenv.Env
	// manager is the access of the installation's manager.
	manager *rest.Config
)

func TestOrderController(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Order controller")
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(GinkgoLogr)
	SetDefaultEventuallyTimeout(20 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	SetDefaultConsistentlyDuration(300 * time.Millisecond)
	env = testenv.Start(GinkgoTB())
	manager = env.Access(GinkgoTB(), "manager", "", "orderplane-manager")
})

// shop is a namespace with an order controller of its own. The stock side is
// played by the test, which writes what the stock controller would.
type shop struct {
	client.Client
	namespace string
	stop      func()
	// cached reads what the controller's cache has.
	cached client.Reader
	// calls counts what the controller asks of the API server besides its lists
	// and watches.
	calls *testenv.CallCounter
	// reservations is in the way of its watch of reservations.
	reservations *testenv.WatchGate
	// mirrored are the namespaces that its controller takes to be mirrored.
	mirrored mirror.Namespaces
}

// besidesInformers says which requests are no list or watch of the caches.
func besidesInformers(r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, "/apis/orderplane.dev/v1alpha1/") {
		return false
	}
	kind := path.Base(r.URL.Path)
	return r.Method != http.MethodGet || !slices.Contains([]string{"orders", "stockreservations", "stockjournals", "orderclasses"}, kind)
}

func newShop(ctx context.Context, c clock.PassiveClock) *shop {
	s := emptyShop()
	s.start(ctx, c)
	return s
}

// newMirroredShop is a shop whose namespace a mirror serves, which the test plays.
func newMirroredShop(ctx context.Context, c clock.PassiveClock) *shop {
	s := emptyShop()
	s.mirrored = mirror.Namespaces{s.namespace}
	s.start(ctx, c)
	return s
}

func emptyShop() *shop {
	return &shop{Client: env.Client, namespace: env.Namespace(GinkgoTB()), calls: testenv.NewCallCounter(besidesInformers), reservations: testenv.NewWatchGate("stockreservations")}
}

// start runs an order controller until stop.
func (s *shop) start(ctx context.Context, c clock.PassiveClock) {
	m := env.StartManager(GinkgoTB(), testenv.ManagerOptions{
		Namespace: s.namespace, Config: manager, Wrap: []func(http.RoundTripper) http.RoundTripper{s.calls.Wrap, s.reservations.Wrap},
	}, func(mgr ctrl.Manager) error {
		return order.SetupWithManager(mgr, order.Options{Clock: c, Mirrored: s.mirrored})
	})
	s.stop, s.cached = func() { Expect(m.Stop()).To(Succeed()) }, m.GetClient()
	Expect(m.GetCache().WaitForCacheSync(ctx)).To(BeTrue())
}

// order is one of three of one product, at two prices, and one of another: 54.97 EUR.
func (s *shop) order(name string) *v1alpha1.Order {
	o := testenv.Order(s.namespace, name, testenv.Line("prod-001", 2), testenv.Line("prod-002", 1), testenv.Line("prod-001", 1))
	o.Spec.Items[1].UnitPrice, o.Spec.Items[2].UnitPrice = "5.00", "9.99"
	o.Finalizers = []string{v1alpha1.OrderFinalizer}
	o.Annotations = map[string]string{v1alpha1.TraceIDAnnotation: "trace-" + name}
	return o
}

func (s *shop) place(ctx context.Context, o *v1alpha1.Order) *v1alpha1.Order {
	GinkgoHelper()
	Expect(s.Create(ctx, o)).To(Succeed())
	return o
}

func (s *shop) get(ctx context.Context, name string) *v1alpha1.Order {
	GinkgoHelper()
	o := &v1alpha1.Order{}
	Expect(s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, o)).To(Succeed())
	return o
}

func (s *shop) reservation(ctx context.Context, name string) *v1alpha1.StockReservation {
	GinkgoHelper()
	r := &v1alpha1.StockReservation{}
	Eventually(func() error {
		return s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, r)
	}).Should(Succeed(), "the reservation of order %s", name)
	return r
}

// decided plays the stock controller: it writes what was decided about a reservation.
func (s *shop) decided(ctx context.Context, name string, phase v1alpha1.StockReservationPhase, short ...v1alpha1.StockShortage) {
	GinkgoHelper()
	r := s.reservation(ctx, name)
	r.Status.Phase = phase
	r.Status.ObservedGeneration = r.Generation
	r.Status.Shortages = short
	r.Status.Allocations = nil
	for _, line := range r.Spec.Lines {
		r.Status.Allocations = append(r.Status.Allocations, v1alpha1.StockAllocation{ProductID: line.ProductID, ItemUID: line.ProductID + "-uid", Quantity: line.Quantity})
	}
	Expect(s.Status().Update(ctx, r)).To(Succeed())
}

// restocked plays the stock controller: it writes what became of all that is wanted back.
func (s *shop) restocked(ctx context.Context, name string, lines ...v1alpha1.RestockedLine) {
	GinkgoHelper()
	r := s.reservation(ctx, name)
	r.Status.Phase = v1alpha1.ReservationRestocked
	r.Status.ObservedGeneration = r.Generation
	r.Status.Restocked = lines
	r.Status.History = append(r.Status.History, v1alpha1.ReservationHistoryEntry{
		Seq: int64(len(r.Status.History) + 1), Phase: r.Status.Phase, At: metav1.Now(),
	})
	Expect(s.Status().Update(ctx, r)).To(Succeed())
}

// journals plays the stock controller, too: it has these decisions in the journal, and no others.
func (s *shop) journals(ctx context.Context, entries ...v1alpha1.JournalEntry) {
	GinkgoHelper()
	j := &v1alpha1.StockJournal{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: v1alpha1.StockJournalName}}
	if err := s.Get(ctx, client.ObjectKeyFromObject(j), j); apierrors.IsNotFound(err) {
		Expect(s.Create(ctx, j)).To(Succeed())
	} else {
		Expect(err).NotTo(HaveOccurred())
	}
	for i := range entries {
		j.Status.Seq++
		entries[i].Seq = j.Status.Seq
	}
	j.Status.Entries = entries
	Expect(s.Status().Update(ctx, j)).To(Succeed())
}

// entry is a decision about a reservation.
func entry(kind v1alpha1.JournalEntryKind, r *v1alpha1.StockReservation, lines ...v1alpha1.JournalLine) v1alpha1.JournalEntry {
	return v1alpha1.JournalEntry{Kind: kind, Name: r.Name, UID: string(r.UID), At: metav1.Now(), Lines: lines}
}

// becomes waits for a phase and returns the order in it.
func (s *shop) becomes(ctx context.Context, name string, phase v1alpha1.OrderPhase) *v1alpha1.Order {
	GinkgoHelper()
	var o *v1alpha1.Order
	Eventually(func(g Gomega) {
		o = s.get(ctx, name)
		g.Expect(o.Status.Phase).To(Equal(phase))
	}).Should(Succeed())
	return o
}

// intends waits until the order controller wants something of a reservation.
func (s *shop) intends(ctx context.Context, name string, intent v1alpha1.ReservationIntent) *v1alpha1.StockReservation {
	GinkgoHelper()
	var r *v1alpha1.StockReservation
	Eventually(func(g Gomega) {
		r = s.reservation(ctx, name)
		g.Expect(r.Spec.Intent).To(Equal(intent))
	}).Should(Succeed())
	return r
}

// change edits an order's spec as a person does.
func (s *shop) change(ctx context.Context, name string, edit func(*v1alpha1.OrderSpec)) {
	GinkgoHelper()
	Eventually(func() error {
		o := s.get(ctx, name)
		edit(&o.Spec)
		return s.Update(ctx, o)
	}).Should(Succeed())
}

// confirmed brings an order to Confirmed.
func (s *shop) confirmed(ctx context.Context, name string) *v1alpha1.Order {
	GinkgoHelper()
	s.place(ctx, s.order(name))
	s.decided(ctx, name, v1alpha1.ReservationReserved)
	return s.becomes(ctx, name, v1alpha1.OrderConfirmed)
}

// fulfilled brings an order to Fulfilled.
func (s *shop) fulfilled(ctx context.Context, name string) *v1alpha1.Order {
	GinkgoHelper()
	s.confirmed(ctx, name)
	s.change(ctx, name, func(spec *v1alpha1.OrderSpec) { spec.Fulfillment = &v1alpha1.Fulfillment{Carrier: "DHL"} })
	s.intends(ctx, name, v1alpha1.IntentCommit)
	s.decided(ctx, name, v1alpha1.ReservationCommitted)
	return s.becomes(ctx, name, v1alpha1.OrderFulfilled)
}

func historyOf(o *v1alpha1.Order) []v1alpha1.OrderHistoryType {
	var types []v1alpha1.OrderHistoryType
	for _, entry := range o.Status.History {
		types = append(types, entry.Type)
	}
	return types
}
