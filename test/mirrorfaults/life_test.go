package mirrorfaults

import (
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/test/testenv"
)

// archiveDelay is the shortest that a mirror takes.
const archiveDelay = 10 * time.Minute

// liveThrough is a shop's life in which a mirror has one of everything to do. It waits for the
// outcome of each step, so that every run makes the same decisions.
func (w *world) liveThrough() {
	w.t.Helper()
	w.openShop()
	w.trade()
	w.leave()
	w.repeat()
}

// openShop stocks the shelves, and has somebody ask for what can't be done.
func (w *world) openShop() {
	w.t.Helper()
	w.item("mug", 100)
	w.item("tea", 50)
	w.item("late", 10)
	w.item(leftToTheMirror, 1)
	w.asks(`{"payload":{"orderId":"nobody","reason":"CUSTOMER_REQUEST"}}`)
	w.document("delivery", "mug", v1alpha1.AdjustmentReceived, 10)
	w.document("broken", "tea", v1alpha1.AdjustmentAdjusted, -1000)
	w.is("document delivery", w.verdict("delivery"), v1alpha1.AdjustmentApplied)
	w.is("document broken", w.verdict("broken"), v1alpha1.AdjustmentRefused)
	w.is("item "+leftToTheMirror, w.hasOpened(leftToTheMirror), true)
}

// trade takes orders through their lives.
func (w *world) trade() {
	w.t.Helper()
	w.place("shipped", 2)
	w.place("short", 1000)
	w.place("cancelled", 3)
	w.place("returned", 4)
	w.place("deleted", 5)
	w.place("asked", 6)
	w.place("unasked", 1, func(o *v1alpha1.Order) { o.Annotations = map[string]string{v1alpha1.UnaskedAnnotation: "true"} })
	w.place("adopted", 1, func(o *v1alpha1.Order) { o.Finalizers = nil })
	for _, name := range []string{"shipped", "cancelled", "returned", "deleted", "asked", "unasked", "adopted"} {
		w.is("order "+name, w.order(name), v1alpha1.OrderConfirmed)
	}
	w.is("order short", w.order("short"), v1alpha1.OrderCancelled)

	w.basket("basket", 2)
	w.is("basket", w.reservation("basket"), v1alpha1.ReservationReserved)
	remove[v1alpha1.StockReservation](w, "basket")
	remove[v1alpha1.StockAdjustment](w, "delivery")
	remove[v1alpha1.StockItem](w, "late")
	remove[v1alpha1.Order](w, "deleted")
	edit(w, "cancelled", func(o *v1alpha1.Order) {
		o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
	})
	w.asks(`{"payload":{"orderId":"asked","reason":"PAYMENT_FAILED"}}`)
	// What has no finalizer of the mirror's leaves the cluster as if there were none.
	w.is("order adopted", w.isKept("adopted"), true)
	for _, name := range []string{"shipped", "returned", "unasked", "adopted"} {
		edit(w, name, func(o *v1alpha1.Order) { o.Spec.Fulfillment = &v1alpha1.Fulfillment{Carrier: "DHL"} })
	}
	for _, name := range []string{"shipped", "returned", "unasked", "adopted"} {
		w.is("order "+name, w.order(name), v1alpha1.OrderFulfilled)
	}
	edit(w, "returned", func(o *v1alpha1.Order) { o.Spec.Return = &v1alpha1.Return{RequestID: "r-1", Reason: "too blue"} })
	w.is("order returned", w.order("returned"), v1alpha1.OrderReturnRequested)
	edit(w, "returned", func(o *v1alpha1.Order) {
		o.Spec.Return.Decision = &v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove}
	})
	w.is("order returned", w.order("returned"), v1alpha1.OrderReturned)
	for _, name := range []string{"cancelled", "asked"} {
		w.is("order "+name, w.order(name), v1alpha1.OrderCancelled)
	}
	w.is("order deleted", absent[v1alpha1.Order](w, "deleted"), true)
	w.is("basket", absent[v1alpha1.StockReservation](w, "basket"), true)
	w.is("document delivery", absent[v1alpha1.StockAdjustment](w, "delivery"), true)
	w.is("item late", absent[v1alpha1.StockItem](w, "late"), true)
}

// leave lets time pass, so that what is finished leaves the cluster.
func (w *world) leave() {
	w.t.Helper()
	for _, name := range []string{"shipped", "short", "cancelled", "returned", "asked", "unasked", "adopted"} {
		w.is("row of "+name, w.row(name), "live")
	}
	w.clock.Step(archiveDelay + time.Minute)
	// What finishes now has the queue of the finished look at the clock.
	w.place("last", 1000)
	w.is("order last", w.order("last"), v1alpha1.OrderCancelled)
	for _, name := range []string{"shipped", "short", "cancelled", "returned", "asked", "unasked", "adopted"} {
		w.is("order "+name, w.leaves(name), true)
		w.is("reservation "+name, absent[v1alpha1.StockReservation](w, name), true)
		w.is("row of "+name, w.row(name), "archived")
	}
}

// leaves is whether an order has left. Time goes on meanwhile: one whose reservation is not told yet
// is asked about again.
func (w *world) leaves(name string) func() bool {
	isAbsent := absent[v1alpha1.Order](w, name)
	return func() bool {
		w.clock.Step(time.Second)
		return isAbsent()
	}
}

// repeat makes an order again that has left, as a gateway does that can't ask.
func (w *world) repeat() {
	w.t.Helper()
	uid := w.place("shipped", 2, func(o *v1alpha1.Order) {
		o.Annotations = map[string]string{v1alpha1.UnaskedAnnotation: "true", v1alpha1.RequestFingerprintAnnotation: "x"}
	})
	w.is("the repeat "+uid, absent[v1alpha1.Order](w, "shipped"), true)
	w.is("its reservation", absent[v1alpha1.StockReservation](w, "shipped"), true)
}

// is waits until something is as it must be.
func (w *world) is(what string, seen, wanted any) {
	w.t.Helper()
	w.Eventually(seen).Should(Equal(wanted), what)
}

func (w *world) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: w.ns, Name: name}
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	w.Expect(w.k8s.Create(w.t.Context(), o)).To(Succeed())
}

func (w *world) item(name string, opening int64) {
	w.t.Helper()
	w.create(testenv.Item(w.ns, name, opening))
}

func (w *world) document(name, product string, kind v1alpha1.AdjustmentKind, quantity int64) {
	w.t.Helper()
	d := testenv.Document(w.ns, name, product, kind, quantity)
	d.Finalizers = []string{v1alpha1.MirrorFinalizer}
	w.create(d)
}

func (w *world) basket(name string, quantity int64) {
	w.t.Helper()
	b := testenv.Basket(w.ns, name, time.Now().Add(time.Hour), testenv.Line("mug", quantity))
	b.Finalizers = []string{v1alpha1.MirrorFinalizer}
	w.create(b)
}

// place makes an order of mugs as the webhook fills it in, that leaves the cluster once it is over.
func (w *world) place(name string, mugs int64, change ...func(*v1alpha1.Order)) (uid string) {
	w.t.Helper()
	o := testenv.Order(w.ns, name, testenv.Line("mug", mugs), testenv.Line("tea", 1))
	o.Finalizers = []string{v1alpha1.OrderFinalizer, v1alpha1.MirrorFinalizer}
	o.Spec.Policy = &v1alpha1.OrderPolicy{Retention: &metav1.Duration{}, ReturnWindow: &metav1.Duration{}}
	if name == "returned" {
		o.Spec.Policy.ReturnWindow = &metav1.Duration{Duration: time.Hour}
	}
	for _, c := range change {
		c(o)
	}
	w.create(o)
	return string(o.UID)
}

func (w *world) order(name string) func() (v1alpha1.OrderPhase, error) {
	return func() (v1alpha1.OrderPhase, error) {
		var o v1alpha1.Order
		err := w.k8s.Get(w.t.Context(), w.key(name), &o)
		return o.Status.Phase, err
	}
}

// isKept is whether an order has the mirror's finalizer.
func (w *world) isKept(name string) func() (bool, error) {
	return func() (bool, error) {
		var o v1alpha1.Order
		err := w.k8s.Get(w.t.Context(), w.key(name), &o)
		return slices.Contains(o.Finalizers, v1alpha1.MirrorFinalizer), err
	}
}

func (w *world) reservation(name string) func() (v1alpha1.StockReservationPhase, error) {
	return func() (v1alpha1.StockReservationPhase, error) {
		var r v1alpha1.StockReservation
		err := w.k8s.Get(w.t.Context(), w.key(name), &r)
		return r.Status.Phase, err
	}
}

func (w *world) verdict(name string) func() (v1alpha1.AdjustmentPhase, error) {
	return func() (v1alpha1.AdjustmentPhase, error) {
		var d v1alpha1.StockAdjustment
		err := w.k8s.Get(w.t.Context(), w.key(name), &d)
		return d.Status.Phase, err
	}
}

func (w *world) hasOpened(name string) func() (bool, error) {
	return func() (bool, error) {
		var i v1alpha1.StockItem
		err := w.k8s.Get(w.t.Context(), w.key(name), &i)
		return i.Status.OnHand != nil, err
	}
}

// row is the state of an order's row, once that says all of the order.
func (w *world) row(name string) func() (string, error) {
	return func() (string, error) {
		row, found, err := orderdb.Lookup(w.t.Context(), w.pools[postgres.Orders], name)
		if err != nil || !found {
			return "none", err
		}
		var o v1alpha1.Order
		if err := w.k8s.Get(w.t.Context(), w.key(name), &o); err == nil && row.Seq != int64(len(o.Status.History)) {
			return fmt.Sprintf("%s at %d of %d", row.State, row.Seq, len(o.Status.History)), nil
		}
		return string(row.State), nil
	}
}

// edit changes an object as it is now, again when somebody else was first.
func edit[T any, O interface {
	*T
	client.Object
}](w *world, name string, change func(O)) {
	w.t.Helper()
	w.Eventually(func() error {
		o := O(new(T))
		if err := w.k8s.Get(w.t.Context(), w.key(name), o); err != nil {
			return err
		}
		change(o)
		return w.k8s.Update(w.t.Context(), o)
	}).Should(Succeed(), name)
}

func remove[T any, O interface {
	*T
	client.Object
}](w *world, name string) {
	w.t.Helper()
	o := O(new(T))
	o.SetNamespace(w.ns)
	o.SetName(name)
	w.Expect(w.k8s.Delete(w.t.Context(), o)).To(Succeed(), name)
}

func absent[T any, O interface {
	*T
	client.Object
}](w *world, name string) func() bool {
	return func() bool {
		return apierrors.IsNotFound(w.k8s.Get(w.t.Context(), w.key(name), O(new(T))))
	}
}
