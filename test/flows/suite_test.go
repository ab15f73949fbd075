// Package flows runs the main job on a real API server: both controllers in one
// manager, and people who create orders and move stock.
package flows

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/order"
	"github.com/orderplane/orderplane/controllers/stock"
	"github.com/orderplane/orderplane/test/testenv"
)

var (
	env *testenv.Env
	k8s client.Client
	// manager is the access of the installation's manager.
	manager *rest.Config
)

func TestFlows(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Flows")
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(zap.New(zap.UseDevMode(true), zap.WriteTo(GinkgoWriter)))
	SetDefaultEventuallyTimeout(30 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	env = testenv.Start(GinkgoTB())
	k8s = env.Client
	manager = env.Access(GinkgoTB(), "manager", "", "orderplane-manager")
})

// startManager runs both controllers for one namespace until stop is called.
func startManager(namespace string) (stop func()) {
	m := env.StartManager(GinkgoTB(), testenv.ManagerOptions{Namespace: namespace, Config: manager},
		func(mgr ctrl.Manager) error {
			return order.SetupWithManager(mgr, order.Options{})
		},
		func(mgr ctrl.Manager) error {
			return stock.SetupWithManager(mgr, stock.Options{})
		})
	return func() { Expect(m.Stop()).To(Succeed()) }
}

// shop is one namespace with stock in it.
type shop struct{ namespace string }

func openShop() *shop { return &shop{namespace: env.Namespace(GinkgoTB())} }

func (s *shop) item(ctx context.Context, product string, opening int64) {
	Expect(k8s.Create(ctx, testenv.Item(s.namespace, product, opening))).To(Succeed())
}

type line struct {
	product  string
	quantity int64
}

func (s *shop) newOrder(name string, lines ...line) *v1alpha1.Order {
	var ordered []v1alpha1.StockLine
	for _, l := range lines {
		ordered = append(ordered, testenv.Line(l.product, l.quantity))
	}
	return testenv.Order(s.namespace, name, ordered...)
}

func (s *shop) place(ctx context.Context, name string, lines ...line) {
	Expect(k8s.Create(ctx, s.newOrder(name, lines...))).To(Succeed())
}

func (s *shop) order(ctx context.Context, name string) (*v1alpha1.Order, error) {
	o := &v1alpha1.Order{}
	return o, k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, o)
}

func (s *shop) phase(ctx context.Context, name string) func() (v1alpha1.OrderPhase, error) {
	return func() (v1alpha1.OrderPhase, error) {
		o, err := s.order(ctx, name)
		return o.Status.Phase, err
	}
}

// level is "onHand/reserved/available" as the item's status shows it.
func (s *shop) level(ctx context.Context, product string) func() (string, error) {
	return func() (string, error) {
		i := &v1alpha1.StockItem{}
		err := k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: product}, i)
		return fmt.Sprintf("%d/%d/%d", ptr.Deref(i.Status.OnHand, -1), i.Status.Reserved, i.Status.Available), err
	}
}

// change edits an order and writes it, again when somebody else was first.
func (s *shop) change(ctx context.Context, name string, edit func(*v1alpha1.Order)) {
	Eventually(func() error {
		o, err := s.order(ctx, name)
		if err != nil {
			return err
		}
		edit(o)
		return k8s.Update(ctx, o)
	}).Should(Succeed())
}

// phases counts the orders named ord-… by phase.
func (s *shop) phases(ctx context.Context) (map[v1alpha1.OrderPhase]int, error) {
	var list v1alpha1.OrderList
	err := k8s.List(ctx, &list, client.InNamespace(s.namespace))
	counts := map[v1alpha1.OrderPhase]int{}
	for _, o := range list.Items {
		if strings.HasPrefix(o.Name, "ord-") {
			counts[o.Status.Phase]++
		}
	}
	return counts, err
}
