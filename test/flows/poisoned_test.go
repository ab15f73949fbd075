package flows

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/order"
	"github.com/orderplane/orderplane/controllers/stock"
	"github.com/orderplane/orderplane/test/testenv"
)

// poison is an object that the API server stores and serves, and that its Go type can't hold.
type poison struct {
	object client.Object
	path   []string
	value  any
}

// poisons are one of each kind, as they may stand in a namespace. Orders and items are held by
// the finalizers that the manager would give them.
func poisons(namespace string) map[string]poison {
	order := testenv.Order(namespace, "poisoned", testenv.Line("tea", 1))
	order.Finalizers = []string{v1alpha1.OrderFinalizer}
	order.Spec.Policy = &v1alpha1.OrderPolicy{PendingTimeout: &metav1.Duration{Duration: 15 * time.Minute}}
	item := testenv.Item(namespace, "poisoned", 5)
	item.Finalizers = []string{v1alpha1.StockItemFinalizer}
	class := &v1alpha1.OrderClass{ObjectMeta: metav1.ObjectMeta{Name: "poisoned-" + namespace}}
	return map[string]poison{
		"Order":            {order, []string{"spec", "policy", "pendingTimeout"}, "15 minutes"},
		"OrderClass":       {class, []string{"spec", "retention"}, "for ever"},
		"StockReservation": {testenv.Reservation(namespace, "poisoned", testenv.Line("tea", 1)), []string{"spec", "expiresAt"}, "soon"},
		"StockItem":        {item, []string{"spec", "safetyStock"}, 1e30},
		"StockAdjustment":  {testenv.Document(namespace, "poisoned", "tea", v1alpha1.AdjustmentReceived, 1), []string{"spec", "countedAt"}, "at noon"},
		"StockJournal": {
			&v1alpha1.StockJournal{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.StockJournalName}},
			[]string{"status", "entries"}, []any{"no decision"},
		},
	}
}

func (p poison) put(ctx context.Context) {
	GinkgoHelper()
	Expect(client.IgnoreAlreadyExists(k8s.Create(ctx, p.object))).To(Succeed())
	env.Tamper(GinkgoTB(), p.object, func(fields map[string]any) {
		Expect(unstructured.SetNestedField(fields, p.value, p.path...)).To(Succeed())
	})
}

// live is the object as the API server serves it, whatever is in it.
func live(ctx context.Context, o client.Object) (*unstructured.Unstructured, error) {
	gvk, err := k8s.GroupVersionKindFor(o)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gvk)
	return u, k8s.Get(ctx, client.ObjectKeyFromObject(o), u)
}

func gone(ctx context.Context, o client.Object) func() bool {
	return func() bool {
		_, err := live(ctx, o)
		return apierrors.IsNotFound(err)
	}
}

func remove(ctx context.Context, o client.Object) {
	GinkgoHelper()
	u, err := live(ctx, o)
	Expect(err).NotTo(HaveOccurred())
	Expect(k8s.Delete(ctx, u)).To(Succeed())
}

// setAside is what the manager's metric says of a kind.
func setAside(kind string) func() (float64, error) {
	return func() (float64, error) {
		families, err := metrics.Registry.Gather()
		for _, f := range families {
			if f.GetName() != "orderplane_objects_set_aside" {
				continue
			}
			for _, m := range f.GetMetric() {
				if m.GetLabel()[0].GetValue() == kind {
					return m.GetGauge().GetValue(), err
				}
			}
		}
		return -1, err
	}
}

// manage runs both controllers for these namespaces, for all when there is none, and waits until
// their caches are filled.
func manage(ctx context.Context, namespaces ...string) *testenv.Manager {
	GinkgoHelper()
	m := env.StartManager(GinkgoTB(), testenv.ManagerOptions{Namespaces: namespaces, Config: manager},
		func(mgr ctrl.Manager) error { return order.SetupWithManager(mgr, order.Options{}) },
		func(mgr ctrl.Manager) error { return stock.SetupWithManager(mgr, stock.Options{}) })
	synced, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	Expect(m.GetCache().WaitForCacheSync(synced)).To(BeTrue(), "the manager gets ready")
	return m
}

var _ = Describe("One stored object that can't be decoded", func() {
	for _, kind := range []string{"Order", "OrderClass", "StockReservation", "StockItem", "StockAdjustment", "StockJournal"} {
		for _, several := range []bool{false, true} {
			It(fmt.Sprintf("is set aside alone: %s, several namespaces: %t", kind, several), func(ctx SpecContext) {
				own, other := openShop(), openShop()
				var namespaces []string
				if several {
					namespaces = []string{own.namespace, other.namespace}
				}
				own.item(ctx, "tea", 100)
				other.item(ctx, "tea", 100)
				m := manage(ctx, namespaces...)
				goesOn := func(name string) {
					GinkgoHelper()
					for _, s := range []*shop{own, other} {
						s.place(ctx, name, line{"tea", 1})
					}
					Eventually(other.phase(ctx, name)).Should(Equal(v1alpha1.OrderConfirmed))
					if kind != "StockJournal" { // its namespace waits
						Eventually(own.phase(ctx, name)).Should(Equal(v1alpha1.OrderConfirmed))
					}
				}
				p := poisons(own.namespace)[kind]

				p.put(ctx)
				goesOn("ord-running")
				Eventually(setAside(kind)).Should(Equal(1.0))

				Expect(m.Stop()).To(Succeed())
				m = manage(ctx, namespaces...)
				goesOn("ord-restarted")
				Expect(setAside(kind)()).To(Equal(1.0))

				remove(ctx, p.object)
				Eventually(gone(ctx, p.object)).Should(BeTrue())
				Eventually(setAside(kind)).Should(Equal(0.0))
				for _, name := range []string{"ord-running", "ord-restarted"} {
					Eventually(own.phase(ctx, name)).Should(Equal(v1alpha1.OrderConfirmed))
				}
				Expect(m.Stop()).To(Succeed())
			}, SpecTimeout(3*time.Minute))
		}
	}
})
