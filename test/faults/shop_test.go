package faults

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/order"
	"github.com/orderplane/orderplane/controllers/stock"
	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/test/testenv"
)

// mall is a control plane of its own, with many namespaces and one manager for all of
// them, which has the rights of an installation's.
type mall struct {
	*WithT
	t    *testing.T
	env  *testenv.Env
	feed *feed
	log  *logBook
	// calls are the requests of all managers.
	calls *testenv.CallCounter
	// registry has the metrics of the manager that was started last.
	registry *prometheus.Registry
}

func newMall(t *testing.T) *mall {
	t.Helper()
	e := testenv.Start(t)
	m := &mall{
		WithT: NewWithT(t), t: t, env: e, feed: newFeed(e.ControlPlane.EtcdEndpoint()), log: &logBook{},
		calls: testenv.NewCallCounter(func(*http.Request) bool { return true }),
	}
	m.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the managers:\n%s", m.log)
		}
	})
	return m
}

// startManager runs a manager of all namespaces, with both controllers.
func (m *mall) startManager() *testenv.Manager {
	m.t.Helper()
	m.registry = prometheus.NewRegistry()
	o := testenv.ManagerOptions{
		Config: m.env.Access(m.t, "manager", "", "orderplane-manager"),
		Wrap:   []func(http.RoundTripper) http.RoundTripper{m.calls.Wrap},
		Logger: funcr.New(func(prefix, args string) { m.log.add("manager", prefix, args) }, funcr.Options{}),
	}
	return m.env.StartManager(m.t, o, func(mgr ctrl.Manager) error {
		return stock.SetupWithManager(mgr, stock.Options{ProjectionInterval: projectionInterval, Registerer: m.registry})
	}, func(mgr ctrl.Manager) error {
		return order.SetupWithManager(mgr, order.Options{})
	})
}

// shards are the namespaces that the stock controller has metrics of.
func (m *mall) shards() []string {
	m.t.Helper()
	families, err := m.registry.Gather()
	m.Expect(err).NotTo(HaveOccurred())
	var namespaces []string
	for _, f := range families {
		for _, series := range f.GetMetric() {
			for _, l := range series.GetLabel() {
				if l.GetName() == "namespace" && !slices.Contains(namespaces, l.GetValue()) {
					namespaces = append(namespaces, l.GetValue())
				}
			}
		}
	}
	return namespaces
}

// kindsOfAShop are what a namespace has of Orderplane, by the names kubectl knows.
var kindsOfAShop = []struct {
	resource string
	object   client.Object
	list     func() client.ObjectList
}{
	{"orders.orderplane.dev", &v1alpha1.Order{}, func() client.ObjectList { return &v1alpha1.OrderList{} }},
	{"stockreservations.orderplane.dev", &v1alpha1.StockReservation{}, func() client.ObjectList { return &v1alpha1.StockReservationList{} }},
	{"stockitems.orderplane.dev", &v1alpha1.StockItem{}, func() client.ObjectList { return &v1alpha1.StockItemList{} }},
	{"stockadjustments.orderplane.dev", &v1alpha1.StockAdjustment{}, func() client.ObjectList { return &v1alpha1.StockAdjustmentList{} }},
	{"stockjournals.orderplane.dev", &v1alpha1.StockJournal{}, func() client.ObjectList { return &v1alpha1.StockJournalList{} }},
}

// left are the objects of these namespaces, or of all, as kind/name, by namespace.
func (m *mall) left(opts ...client.ListOption) map[string][]string {
	m.t.Helper()
	left := map[string][]string{}
	for _, kind := range kindsOfAShop {
		list := kind.list()
		m.Expect(m.env.Client.List(m.t.Context(), list, opts...)).To(Succeed())
		m.Expect(meta.EachListItem(list, func(o runtime.Object) error {
			object := o.(client.Object)
			ns := object.GetNamespace()
			left[ns] = append(left[ns], strings.TrimPrefix(fmt.Sprintf("%T/%s", o, object.GetName()), "*v1alpha1."))
			return nil
		})).To(Succeed())
	}
	return left
}

// shop is a namespace with something of every kind, in every state that matters.
type shop struct {
	*world
	mall *mall
	// order is the one in which its kinds are deleted.
	order []int
}

func (m *mall) newShop(order []int) *shop {
	w := newWorldOn(m.t, m.env, m.feed)
	w.log = m.log
	return &shop{world: w, mall: m, order: order}
}

// open fills the shop, and waits until all is as far as it gets.
func (s *shop) open() {
	s.item("tea", 50)
	s.item("mug", 50)
	s.reserve("basket", line{"tea", 2}, line{"mug", 1})
	s.reserve("waits", line{"mug", 1}) // is in the way of the order of that name
	s.document("delivery", "tea", v1alpha1.AdjustmentReceived, 5)
	s.document("unknown", "milk", v1alpha1.AdjustmentReceived, 5)
	for _, name := range []string{"waits", "confirmed", "fulfilled", "short"} {
		quantity := int64(3)
		if name == "short" {
			quantity = 1000
		}
		s.place(name, line{"tea", quantity}, line{"mug", 1})
	}
	edit(s.world, "fulfilled", func(o *v1alpha1.Order) { o.Spec.Fulfillment = &v1alpha1.Fulfillment{Carrier: "DHL"} })
	s.Eventually(s.phases).Should(Equal(map[string]string{
		"waits": "Pending", "confirmed": "Confirmed", "fulfilled": "Fulfilled", "short": "Cancelled",
		"basket": "Reserved", "delivery": "Applied",
	}))
	s.Eventually(s.verdict("unknown")).Should(Equal("Pending UnknownProduct"))
}

// phases of the orders, and of what has none.
func (s *shop) phases() (map[string]string, error) {
	phases := map[string]string{}
	var orders v1alpha1.OrderList
	if err := s.k8s.List(s.ctx, &orders, client.InNamespace(s.ns)); err != nil {
		return nil, err
	}
	for _, o := range orders.Items {
		phases[o.Name] = string(o.Status.Phase)
	}
	basket, err := s.reservation("basket")()
	if err != nil {
		return nil, err
	}
	delivery, err := read[v1alpha1.StockAdjustment](s.world, "delivery")
	phases["basket"], phases["delivery"] = string(basket), string(delivery.Status.Phase)
	return phases, err
}

// terminate deletes the namespace, right behind an order that nobody has looked at yet.
func (s *shop) terminate() {
	s.t.Helper()
	s.place("late", line{"tea", 1})
	s.Expect(s.k8s.Delete(s.ctx, s.namespace())).To(Succeed())
	s.isTerminating()
}

// isTerminating waits until nothing can be made in the namespace any more.
func (s *shop) isTerminating() {
	s.t.Helper()
	s.Eventually(func() bool {
		err := s.k8s.Create(s.ctx, testenv.Item(s.ns, "probe", 0), client.DryRunAll)
		return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
	}).Should(BeTrue(), "the namespace is not terminating")
}

func (s *shop) namespace() *corev1.Namespace {
	ns := &corev1.Namespace{}
	ns.Name = s.ns
	return ns
}

// aWhile is for how long the deletion of one kind waits for that of the one before to
// take effect. Not all of them can: an item stays until its reservations are gone.
const aWhile = 150 * time.Millisecond

// deleteKinds deletes the kinds from one place in the shop's order to before another.
func (s *shop) deleteKinds(from, to int) {
	s.t.Helper()
	for _, n := range s.order[from:to] {
		kind := kindsOfAShop[n]
		s.Expect(s.k8s.DeleteAllOf(s.ctx, kind.object, client.InNamespace(s.ns))).To(Succeed())
		for deadline := time.Now().Add(aWhile); time.Now().Before(deadline); {
			list := kind.list()
			s.Expect(s.k8s.List(s.ctx, list, client.InNamespace(s.ns))).To(Succeed())
			if meta.LenList(list) == 0 {
				break
			}
		}
	}
}

// finalize lets a namespace go that has nothing in it any more.
func (s *shop) finalize() {
	s.t.Helper()
	ns := s.namespace()
	s.Expect(s.k8s.Get(s.ctx, client.ObjectKeyFromObject(ns), ns)).To(Succeed())
	ns.Spec.Finalizers = nil
	s.Expect(s.k8s.SubResource("finalize").Update(s.ctx, ns)).To(Succeed())
	s.Eventually(func() bool {
		return apierrors.IsNotFound(s.k8s.Get(s.ctx, client.ObjectKeyFromObject(ns), ns))
	}).Should(BeTrue(), "the namespace is still there")
}

// sells sees that orders are served.
func (s *shop) sells(name string) {
	s.t.Helper()
	s.place(name, line{"tea", 1})
	s.Eventually(s.world.order(name)).Should(Equal(v1alpha1.OrderConfirmed))
}

// kubectl runs kubectl in the namespace.
func (s *shop) kubectl(args ...string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "kubeconfig")
	s.Expect(devcluster.WriteKubeconfig(file, s.env.Config, s.ns)).To(Succeed())
	// #nosec G204 -- the kubectl of the control plane
	answer, err := exec.CommandContext(s.ctx, s.env.ControlPlane.Kubectl(), append([]string{"--kubeconfig=" + file}, args...)...).CombinedOutput()
	s.Expect(err).NotTo(HaveOccurred(), string(answer))
}
