package stock_test

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock"
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/test/testenv"
)

var (
	env *testenv.Env
	// manager is the access of the installation's manager.
	manager *rest.Config
)

func TestStockController(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Stock controller")
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(GinkgoLogr)
	SetDefaultEventuallyTimeout(20 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	SetDefaultConsistentlyDuration(300 * time.Millisecond)
	env = testenv.Start(GinkgoTB())
	manager = env.Access(GinkgoTB(), "manager", "", "orderplane-manager")
})

// shop is a namespace and the stock controllers that serve it.
type shop struct {
	client.Client
	namespace string
	// mirrored are the namespaces that the controller takes for mirrored.
	mirrored mirror.Namespaces
	// writes counts what the controller writes, swaps its writes of the journal.
	writes, swaps *testenv.CallCounter
}

// openShop is a shop with a stock controller.
func openShop() *shop {
	GinkgoHelper()
	s := newShop()
	s.start("manager")
	return s
}

// newShop is a shop that waits for its first controller.
func newShop() *shop {
	GinkgoHelper()
	return &shop{
		Client: env.Client, namespace: env.Namespace(GinkgoTB()),
		writes: testenv.NewCallCounter(func(r *http.Request) bool {
			return r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/apis/orderplane.dev/")
		}),
		swaps: testenv.NewCallCounter(func(r *http.Request) bool {
			return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/stockjournals/") && path.Base(r.URL.Path) == "status"
		}),
	}
}

// start runs a stock controller of that name, behind these transports as well, until the
// spec is over.
func (s *shop) start(holder string, wrap ...func(http.RoundTripper) http.RoundTripper) *testenv.Manager {
	GinkgoHelper()
	return env.StartManager(GinkgoTB(), testenv.ManagerOptions{
		Namespace: s.namespace, Config: manager, Wrap: append([]func(http.RoundTripper) http.RoundTripper{s.writes.Wrap, s.swaps.Wrap}, wrap...),
	}, func(mgr ctrl.Manager) error {
		return stock.SetupWithManager(mgr, stock.Options{
			Holder: holder, Registerer: prometheus.NewRegistry(), Mirrored: s.mirrored,
			ProjectionInterval: 50 * time.Millisecond, // so that specs need not wait for projections
		})
	})
}

// What people do.

func (s *shop) item(ctx context.Context, name string, opening int64) {
	GinkgoHelper()
	Expect(s.Create(ctx, testenv.Item(s.namespace, name, opening))).To(Succeed())
}

func (s *shop) reserve(ctx context.Context, name string, lines ...v1alpha1.StockLine) {
	GinkgoHelper()
	Expect(s.Create(ctx, testenv.Reservation(s.namespace, name, lines...))).To(Succeed())
}

func (s *shop) document(ctx context.Context, name, product string, kind v1alpha1.AdjustmentKind, quantity int64) {
	GinkgoHelper()
	Expect(s.Create(ctx, testenv.Document(s.namespace, name, product, kind, quantity))).To(Succeed())
}

// want changes a reservation's intent.
func (s *shop) want(ctx context.Context, name string, intent v1alpha1.ReservationIntent) {
	GinkgoHelper()
	Eventually(func() error {
		r := &v1alpha1.StockReservation{}
		if err := s.read(ctx, name, r); err != nil {
			return err
		}
		r.Spec.Intent = intent
		return s.Update(ctx, r)
	}).Should(Succeed())
}

// remove deletes an object; one that is gone already is fine.
func (s *shop) remove(ctx context.Context, name string, o client.Object) {
	GinkgoHelper()
	o.SetNamespace(s.namespace)
	o.SetName(name)
	Expect(client.IgnoreNotFound(s.Delete(ctx, o))).To(Succeed())
}

// What they see.

func (s *shop) read(ctx context.Context, name string, o client.Object) error {
	return s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, o)
}

func (s *shop) absent(ctx context.Context, name string, o client.Object) func() bool {
	return func() bool { return apierrors.IsNotFound(s.read(ctx, name, o)) }
}

func (s *shop) reservation(ctx context.Context, name string) func() (v1alpha1.StockReservationPhase, error) {
	return func() (v1alpha1.StockReservationPhase, error) {
		r := &v1alpha1.StockReservation{}
		err := s.read(ctx, name, r)
		return r.Status.Phase, err
	}
}

// verdict on a document: its phase and the reason of its Applied condition.
func (s *shop) verdict(ctx context.Context, name string) func() (string, error) {
	return func() (string, error) {
		d := &v1alpha1.StockAdjustment{}
		err := s.read(ctx, name, d)
		c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.AdjustmentConditionApplied)
		if c == nil {
			return string(d.Status.Phase), err
		}
		return string(d.Status.Phase) + " " + c.Reason, err
	}
}

// level is "onHand/reserved/available" as an item shows it.
func (s *shop) level(ctx context.Context, name string) func() (string, error) {
	return func() (string, error) {
		i := &v1alpha1.StockItem{}
		err := s.read(ctx, name, i)
		onHand := "-"
		if i.Status.OnHand != nil {
			onHand = strconv.FormatInt(*i.Status.OnHand, 10)
		}
		return fmt.Sprintf("%s/%d/%d", onHand, i.Status.Reserved, i.Status.Available), err
	}
}

// quiet waits until everything is decided and shown, and what is shown adds up; and
// sees that the controller then writes nothing.
func (s *shop) quiet(ctx context.Context) {
	GinkgoHelper()
	Eventually(func() ([]string, error) { return s.unsettled(ctx) }).Should(BeEmpty())
	// The journal may still be told what is durable.
	Eventually(func(g Gomega) {
		before := s.writes.Count()
		g.Consistently(s.writes.Count).Should(Equal(before))
	}).Should(Succeed())
	Expect(s.unsettled(ctx)).To(BeEmpty())
}

// unsettled says what is not decided, and what items show that is not what their
// reservations add up to.
func (s *shop) unsettled(ctx context.Context) (open []string, err error) {
	var items v1alpha1.StockItemList
	var reservations v1alpha1.StockReservationList
	var documents v1alpha1.StockAdjustmentList
	for _, list := range []client.ObjectList{&items, &reservations, &documents} {
		if err := s.List(ctx, list, client.InNamespace(s.namespace)); err != nil {
			return nil, err
		}
	}
	held := map[string]int64{} // by the item's UID
	for _, r := range reservations.Items {
		switch r.Status.Phase {
		case v1alpha1.ReservationPending:
			open = append(open, "reservation "+r.Name+" is not decided")
		case v1alpha1.ReservationReserved:
			for _, a := range r.Status.Allocations {
				held[a.ItemUID] += a.Quantity
			}
		}
	}
	for _, i := range items.Items {
		reserved := held[string(i.UID)]
		available := ptr.Deref(i.Status.OnHand, 0) - reserved - i.Spec.SafetyStock
		if i.Status.Reserved != reserved || i.Status.Available != available || i.Status.ObservedGeneration != i.Generation {
			open = append(open, fmt.Sprintf("item %s of generation %d shows %d reserved, %d available for generation %d; it has %d and %d",
				i.Name, i.Generation, i.Status.Reserved, i.Status.Available, i.Status.ObservedGeneration, reserved, available))
		}
	}
	for _, d := range documents.Items {
		if len(d.Status.Conditions) == 0 {
			open = append(open, "document "+d.Name+" is not decided and does not say why")
		}
	}
	slices.Sort(open)
	return open, nil
}
