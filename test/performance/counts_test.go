package performance_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	ordercontroller "github.com/orderplane/orderplane/controllers/order"
	stockcontroller "github.com/orderplane/orderplane/controllers/stock"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/test/testenv"
)

// What can be counted exactly is held to its count here, on every machine. What
// depends on the machine is the benchmark's.

const (
	products = 8
	orders   = 48
	// submitters create orders at the same time, so that decisions share journal swaps.
	submitters = 4
)

func TestCounts(t *testing.T) {
	env := testenv.Start(t)
	t.Run("API writes of an order", func(t *testing.T) { writesOfAnOrder(t, env) })
	t.Run("API calls at rest", func(t *testing.T) { nothingAtRest(t, env) })
}

// shop is a namespace with stock and both controllers.
type shop struct {
	*WithT
	env       *testenv.Env
	namespace string
}

func openShop(t *testing.T, env *testenv.Env) *shop {
	t.Helper()
	s := &shop{WithT: NewWithT(t), env: env}
	s.SetDefaultEventuallyTimeout(time.Minute)
	s.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	s.namespace = s.env.Namespace(t)
	for n := range products {
		item := testenv.Item(s.namespace, product(n), 1000)
		item.Finalizers = []string{v1alpha1.StockItemFinalizer}
		s.Expect(s.env.Client.Create(t.Context(), item)).To(Succeed())
	}
	return s
}

func product(n int) string { return fmt.Sprintf("prod-%03d", n%products) }

// start runs both controllers.
func (s *shop) start(t *testing.T, wrap ...func(http.RoundTripper) http.RoundTripper) *testenv.Manager {
	t.Helper()
	return s.env.StartManager(t, testenv.ManagerOptions{Namespace: s.namespace, Wrap: wrap},
		func(mgr ctrl.Manager) error {
			return ordercontroller.SetupWithManager(mgr, ordercontroller.Options{})
		},
		func(mgr ctrl.Manager) error {
			return stockcontroller.SetupWithManager(mgr, stockcontroller.Options{})
		})
}

// submit creates an order as the gateway does: with all that admission would fill in.
func (s *shop) submit(ctx context.Context, name string, lines ...v1alpha1.StockLine) error {
	o := testenv.Order(s.namespace, name, lines...)
	order.Complete(o, nil)
	return s.env.Client.Create(ctx, o)
}

// change edits an order and writes it, again when a controller was first.
func (s *shop) change(ctx context.Context, name string, edit func(*v1alpha1.Order)) {
	s.Eventually(func() error {
		o := &v1alpha1.Order{}
		if err := s.env.Client.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, o); err != nil {
			return err
		}
		edit(o)
		return s.env.Client.Update(ctx, o)
	}).Should(Succeed())
}

// become waits until every order is in the phase that is wanted of it.
func (s *shop) become(ctx context.Context, want map[string]v1alpha1.OrderPhase) {
	s.Eventually(func() (map[string]v1alpha1.OrderPhase, error) {
		var list v1alpha1.OrderList
		err := s.env.Client.List(ctx, &list, client.InNamespace(s.namespace))
		phases := map[string]v1alpha1.OrderPhase{}
		for _, o := range list.Items {
			phases[o.Name] = o.Status.Phase
		}
		return phases, err
	}).Should(Equal(want))
}

// rest waits until nothing was written for a while that is longer than what the
// controllers put off: projections, and acknowledgements.
func (s *shop) rest(ctx context.Context) {
	var before int64
	s.Eventually(func() (bool, error) {
		now, err := s.env.Writes(ctx)
		still := now.Of() == before
		before = now.Of()
		return still, err
	}).WithPolling(3 * time.Second).Should(BeTrue())
}

func writesOfAnOrder(t *testing.T, env *testenv.Env) {
	s := openShop(t, env)
	ctx := t.Context()
	s.start(t)
	s.Expect(s.submit(ctx, "first", testenv.Line(product(0), 1))).To(Succeed())
	want := map[string]v1alpha1.OrderPhase{"first": v1alpha1.OrderConfirmed}
	s.become(ctx, want)
	s.rest(ctx)

	before := s.env.WriteCounts(t)
	var submitting sync.WaitGroup
	for submitter := range submitters {
		submitting.Go(func() {
			for n := submitter; n < orders; n += submitters {
				if err := s.submit(ctx, fmt.Sprintf("order-%d", n), testenv.Line(product(n), 2)); err != nil {
					t.Error(err)
				}
			}
		})
		for n := submitter; n < orders; n += submitters {
			want[fmt.Sprintf("order-%d", n)] = v1alpha1.OrderConfirmed
		}
	}
	submitting.Wait()
	s.become(ctx, want)
	s.rest(ctx)
	written := s.env.WriteCounts(t).Since(before)

	kind := func(resource, subresource, verb string) testenv.Write {
		return testenv.Write{Group: v1alpha1.GroupVersion.Group, Resource: resource, Subresource: subresource, Verb: verb}
	}
	exact := testenv.Writes{
		kind("orders", "", http.MethodPost):                 orders,
		kind("stockreservations", "", http.MethodPost):      orders,
		kind("stockreservations", "status", http.MethodPut): orders,
		kind("orders", "status", http.MethodPut):            orders,
	}
	// Several decisions share a swap of the journal, and several changes of an item its
	// projection: of each there is at most one an order.
	shared := []testenv.Write{kind("stockjournals", "status", http.MethodPut), kind("stockitems", "status", http.MethodPut)}
	got := testenv.Writes{}
	for k, n := range written {
		if k.Group == v1alpha1.GroupVersion.Group {
			got[k] = n
		}
	}
	for _, k := range shared {
		if got[k] < 1 || got[k] > orders {
			t.Errorf("%s: %d, want 1 to %d", k, got[k], orders)
		}
		delete(got, k)
	}
	s.Expect(got).To(Equal(exact), "writes of %d orders:\n%s", orders, written)
	t.Logf("writes of %d orders:\n%s", orders, written)
}

func nothingAtRest(t *testing.T, env *testenv.Env) {
	s := openShop(t, env)
	ctx := t.Context()
	manager := s.start(t)
	want := map[string]v1alpha1.OrderPhase{
		"confirmed": v1alpha1.OrderConfirmed, "short": v1alpha1.OrderCancelled, "cancelled": v1alpha1.OrderCancelled,
		"fulfilled": v1alpha1.OrderFulfilled, "asked": v1alpha1.OrderReturnRequested, "returned": v1alpha1.OrderReturned,
	}
	for name := range want {
		quantity := int64(1)
		if name == "short" {
			quantity = 5000
		}
		s.Expect(s.submit(ctx, name, testenv.Line(product(0), quantity), testenv.Line(product(1), 1))).To(Succeed())
	}
	s.Expect(s.env.Client.Create(ctx, testenv.Basket(s.namespace, "basket", time.Now().Add(time.Hour), testenv.Line(product(2), 1)))).To(Succeed())
	s.Expect(s.env.Client.Create(ctx, testenv.Document(s.namespace, "delivery", product(3), v1alpha1.AdjustmentReceived, 5))).To(Succeed())
	s.change(ctx, "cancelled", func(o *v1alpha1.Order) {
		o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
	})
	for _, name := range []string{"fulfilled", "asked", "returned"} {
		s.change(ctx, name, func(o *v1alpha1.Order) { o.Spec.Fulfillment = &v1alpha1.Fulfillment{} })
	}
	for _, name := range []string{"asked", "returned"} {
		s.change(ctx, name, func(o *v1alpha1.Order) { o.Spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken"} })
	}
	s.change(ctx, "returned", func(o *v1alpha1.Order) {
		o.Spec.Return.Decision = &v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove}
	})
	s.become(ctx, want)
	s.rest(ctx)
	s.Expect(manager.Stop()).To(Succeed())

	// The watches are there at rest; that one is renewed is the machine's time.
	calls := testenv.NewCallCounter(func(r *http.Request) bool { return r.URL.Query().Get("watch") == "" })
	s.start(t, calls.Wrap)
	s.Expect(s.submit(ctx, "later", testenv.Line(product(0), 1))).To(Succeed())
	want["later"] = v1alpha1.OrderConfirmed
	s.become(ctx, want)
	s.rest(ctx)

	writes, asked := s.env.WriteCounts(t), calls.Count()
	nudges := s.nudgeAll(ctx)
	s.Consistently(func() int64 { return s.env.WriteCounts(t).Since(writes).Of() }).
		WithTimeout(2*time.Second).Should(Equal(nudges), "writes but the nudges themselves")
	s.Expect(calls.Count()-asked).To(BeZero(), "calls of the controllers but their watches")
}

// nudgeAll makes the controllers evaluate every object, as any event would, and
// returns how many there are.
func (s *shop) nudgeAll(ctx context.Context) (nudges int64) {
	for _, list := range []client.ObjectList{
		&v1alpha1.OrderList{}, &v1alpha1.StockReservationList{}, &v1alpha1.StockItemList{}, &v1alpha1.StockAdjustmentList{},
	} {
		s.Expect(s.env.Client.List(ctx, list, client.InNamespace(s.namespace))).To(Succeed())
		s.Expect(meta.EachListItem(list, func(o runtime.Object) error {
			nudges++
			nudged := o.(client.Object)
			nudged.SetAnnotations(map[string]string{"test/nudged": "yes"})
			return s.env.Client.Update(ctx, nudged)
		})).To(Succeed())
	}
	return nudges
}
