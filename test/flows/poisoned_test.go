package flows

import (
	"context"
	"fmt"
	"os"
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
		return 0, err // none was ever set aside
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

				other.place(ctx, "ord-before", line{"tea", 1})
				Eventually(other.phase(ctx, "ord-before")).Should(Equal(v1alpha1.OrderConfirmed), "all caches are filled")
				before, err := setAside(kind)() // what other specs left behind in their namespaces
				Expect(err).NotTo(HaveOccurred())
				p.put(ctx)
				goesOn("ord-running")
				Eventually(setAside(kind)).Should(Equal(before + 1))

				Expect(m.Stop()).To(Succeed())
				m = manage(ctx, namespaces...)
				goesOn("ord-restarted")
				Expect(setAside(kind)()).To(Equal(before + 1))

				remove(ctx, p.object)
				Eventually(gone(ctx, p.object)).Should(BeTrue())
				Eventually(setAside(kind)).Should(Equal(before))
				for _, name := range []string{"ord-running", "ord-restarted"} {
					Eventually(own.phase(ctx, name)).Should(Equal(v1alpha1.OrderConfirmed))
				}
				Expect(m.Stop()).To(Succeed())
			}, SpecTimeout(3*time.Minute))
		}
	}
})

var _ = Describe("What is set aside", func() {
	// holding is a shop in which a reservation named held holds 6 of 10 units.
	holding := func(ctx context.Context) *shop {
		GinkgoHelper()
		s := openShop()
		stop := startManager(s.namespace)
		s.item(ctx, "tea", 10)
		Expect(k8s.Create(ctx, testenv.Reservation(s.namespace, "held", testenv.Line("tea", 6)))).To(Succeed())
		Eventually(s.level(ctx, "tea")).Should(Equal("10/6/4"))
		stop()
		return s
	}
	spoil := func(s *shop, o client.Object, name string, value any, path ...string) {
		GinkgoHelper()
		o.SetNamespace(s.namespace)
		o.SetName(name)
		env.Tamper(GinkgoTB(), o, func(fields map[string]any) {
			Expect(unstructured.SetNestedField(fields, value, path...)).To(Succeed())
		})
	}
	allocation := func(quantity any) []any {
		return []any{map[string]any{"productID": "tea", "itemUID": "unknown", "quantity": quantity}}
	}

	for what, p := range map[string]struct {
		value any
		path  []string
	}{
		"the end of a basket":            {"soon", []string{"spec", "expiresAt"}},
		"the time of a decision":         {[]any{map[string]any{"seq": int64(1), "phase": "Reserved", "at": "yesterday"}}, []string{"status", "history"}},
		"the phase":                      {int64(7), []string{"status", "phase"}},
		"what it holds":                  {"six", []string{"status", "allocations"}},
		"the whole status":               {"Reserved", []string{"status"}},
		"the intent and all of its spec": {"?", []string{"spec", "intent"}},
	} {
		It("holds what it holds, also for a manager that is started again: "+what, func(ctx SpecContext) {
			s := holding(ctx)
			spoil(s, &v1alpha1.StockReservation{}, "held", p.value, p.path...)
			startManager(s.namespace)
			s.place(ctx, "ord-more", line{"tea", 5})
			Eventually(s.phase(ctx, "ord-more")).Should(Equal(v1alpha1.OrderCancelled))
			s.place(ctx, "ord-less", line{"tea", 4})
			Eventually(s.phase(ctx, "ord-less")).Should(Equal(v1alpha1.OrderConfirmed))

			remove(ctx, &v1alpha1.StockReservation{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "held"}})
			Eventually(s.level(ctx, "tea")).Should(Equal("10/4/6"))
		}, SpecTimeout(2*time.Minute))
	}

	It("is not decided about: what is remembered of an item stays, and what was never decided waits", func(ctx SpecContext) {
		s := openShop()
		startManager(s.namespace)
		item := testenv.Item(s.namespace, "tea", 10)
		item.Spec.SafetyStock = 5
		Expect(k8s.Create(ctx, item)).To(Succeed())
		Eventually(s.level(ctx, "tea")).Should(Equal("10/0/5"))
		spoil(s, &v1alpha1.StockItem{}, "tea", 1e30, "spec", "safetyStock")
		waits := testenv.Reservation(s.namespace, "waits", testenv.Line("coffee", 1))
		Expect(k8s.Create(ctx, waits)).To(Succeed())
		rejected := func() (string, error) {
			u, err := live(ctx, waits)
			if err != nil {
				return "", err
			}
			phase, _, err := unstructured.NestedString(u.Object, "status", "phase")
			return phase, err
		}
		Eventually(rejected).Should(Equal("Rejected"))
		env.Tamper(GinkgoTB(), waits, func(fields map[string]any) { // as if nobody had decided it yet
			fields["status"] = map[string]any{"phase": "Pending"}
			Expect(unstructured.SetNestedField(fields, "tea", "spec", "lines")).To(Succeed())
			Expect(unstructured.SetNestedField(fields, "f9b2c1de-0000-4000-8000-000000000001", "metadata", "uid")).To(Succeed())
		})
		s.place(ctx, "ord-more", line{"tea", 6})
		Eventually(s.phase(ctx, "ord-more")).Should(Equal(v1alpha1.OrderCancelled))
		s.place(ctx, "ord-less", line{"tea", 5})
		Eventually(s.phase(ctx, "ord-less")).Should(Equal(v1alpha1.OrderConfirmed))
		Expect(rejected()).To(Equal("Pending"))
	}, SpecTimeout(2*time.Minute))

	It("keeps all of an item back when neither the quantity it holds nor the one asked for can be decoded", func(ctx SpecContext) {
		s := holding(ctx)
		item := &v1alpha1.StockItem{}
		Expect(k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: "tea"}, item)).To(Succeed())
		held := allocation("six")
		held[0].(map[string]any)["itemUID"] = string(item.UID)
		spoil(s, &v1alpha1.StockReservation{}, "held", held, "status", "allocations")
		spoil(s, &v1alpha1.StockReservation{}, "held", []any{map[string]any{"productID": "tea", "quantity": "six"}}, "spec", "lines")
		s.item(ctx, "mug", 10)
		startManager(s.namespace)
		s.place(ctx, "ord-tea", line{"tea", 1})
		s.place(ctx, "ord-mug", line{"mug", 1})
		Eventually(s.phase(ctx, "ord-tea")).Should(Equal(v1alpha1.OrderCancelled))
		Eventually(s.phase(ctx, "ord-mug")).Should(Equal(v1alpha1.OrderConfirmed))
	}, SpecTimeout(2*time.Minute))

	It("has its namespace wait when not even its products can be decoded", func(ctx SpecContext) {
		s := holding(ctx)
		spoil(s, &v1alpha1.StockReservation{}, "held", "tea", "spec", "lines")
		spoil(s, &v1alpha1.StockReservation{}, "held", "tea", "status", "allocations")
		m := startManager(s.namespace)
		s.place(ctx, "ord-1", line{"tea", 5})
		Consistently(s.phase(ctx, "ord-1")).WithTimeout(2 * time.Second).Should(Equal(v1alpha1.OrderPending))
		remove(ctx, &v1alpha1.StockReservation{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "held"}})
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderConfirmed))
		m()
	}, SpecTimeout(2*time.Minute))

	It("comes back when it is mended, and nothing was granted meanwhile of an item whose stock nobody knew", func(ctx SpecContext) {
		s := holding(ctx)
		spoil(s, &v1alpha1.StockItem{}, "tea", "ten", "status", "onHand")
		spoil(s, &v1alpha1.StockReservation{}, "held", "soon", "spec", "expiresAt")
		startManager(s.namespace)
		s.place(ctx, "ord-early", line{"tea", 1})
		Eventually(s.phase(ctx, "ord-early")).Should(Equal(v1alpha1.OrderCancelled))
		Expect(k8s.Create(ctx, testenv.Document(s.namespace, "delivery", "tea", v1alpha1.AdjustmentReceived, 5))).To(Succeed())

		spoil(s, &v1alpha1.StockItem{}, "tea", int64(10), "status", "onHand")
		Eventually(s.level(ctx, "tea")).Should(Equal("15/6/9"))
		s.place(ctx, "ord-more", line{"tea", 10})
		Eventually(s.phase(ctx, "ord-more")).Should(Equal(v1alpha1.OrderCancelled))
		spoil(s, &v1alpha1.StockReservation{}, "held", time.Now().Add(-time.Second).UTC().Format(time.RFC3339), "spec", "expiresAt")
		Eventually(s.level(ctx, "tea")).Should(Equal("15/0/15"))
	}, SpecTimeout(2*time.Minute))

	It("is carried out on, as long as its status can be decoded", func(ctx SpecContext) {
		s := openShop()
		startManager(s.namespace)
		s.item(ctx, "tea", 10)
		s.place(ctx, "ord-1", line{"tea", 4})
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderConfirmed))
		Eventually(s.level(ctx, "tea")).Should(Equal("10/4/6"))
		spoil(s, &v1alpha1.StockItem{}, "tea", []any{"a name"}, "spec", "name")
		s.change(ctx, "ord-1", func(o *v1alpha1.Order) { o.Spec.Fulfillment = &v1alpha1.Fulfillment{} })
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderFulfilled))
		Eventually(func() (int64, error) {
			u, err := live(ctx, testenv.Item(s.namespace, "tea", 0))
			if err != nil {
				return 0, err
			}
			onHand, _, err := unstructured.NestedInt64(u.Object, "status", "onHand")
			return onHand, err
		}).Should(Equal(int64(6)))
	}, SpecTimeout(2*time.Minute))

	It("gives its stock back when it is deleted: an order, and an order whose reservation is set aside", func(ctx SpecContext) {
		s := openShop()
		startManager(s.namespace)
		s.item(ctx, "tea", 10)
		for _, name := range []string{"ord-itself", "ord-of-it", "ord-orphans"} {
			s.place(ctx, name, line{"tea", 3})
			Eventually(s.phase(ctx, name)).Should(Equal(v1alpha1.OrderConfirmed))
		}
		Eventually(s.level(ctx, "tea")).Should(Equal("10/9/1"))
		spoil(s, &v1alpha1.Order{}, "ord-itself", "15 minutes", "spec", "policy", "pendingTimeout")
		spoil(s, &v1alpha1.StockReservation{}, "ord-of-it", "soon", "spec", "expiresAt")
		spoil(s, &v1alpha1.StockReservation{}, "ord-orphans", "soon", "spec", "expiresAt")
		for left, name := range []string{"ord-itself", "ord-of-it", "ord-orphans"} {
			o := s.newOrder(name)
			if name == "ord-orphans" { // it goes first, by force
				spoil(s, &v1alpha1.Order{}, name, []any{}, "metadata", "finalizers")
			}
			remove(ctx, o)
			Eventually(gone(ctx, o)).Should(BeTrue())
			Eventually(s.level(ctx, "tea")).Should(Equal(fmt.Sprintf("10/%d/%d", 6-3*left, 4+3*left)))
		}
	}, SpecTimeout(2*time.Minute))
})

var _ = Describe("The alert about what is set aside", func() {
	It("fires on the metric that the specs above read, and names a section of the runbook", func() {
		alerts, err := os.ReadFile("../../config/prometheus/alerts.yaml")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(alerts)).To(MatchRegexp(`alert: OrderplaneObjectsSetAside\n +expr: max by \(kind\) \(orderplane_objects_set_aside\) > 0\n`))
		runbook, err := os.ReadFile("../../docs/operate/runbook.md")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(runbook)).To(ContainSubstring("\n## OrderplaneObjectsSetAside\n"))
	})
})
