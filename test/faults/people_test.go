package faults

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/test/testenv"
)

// What people do in a world: they make and change objects as administrators.

type line struct {
	product  string
	quantity int64
}

func (w *world) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.ns, Name: name}
}

// create makes an object, also when the API server is away for a while.
func (w *world) create(o client.Object) {
	w.t.Helper()
	w.Eventually(func() error {
		err := w.k8s.Create(w.ctx, o)
		if apierrors.IsInvalid(err) {
			StopTrying("it is invalid").Wrap(err).Now()
		}
		if apierrors.IsAlreadyExists(err) {
			return nil // the answer to an earlier try was lost
		}
		return err
	}).Should(Succeed())
}

func (w *world) item(name string, opening int64) {
	w.t.Helper()
	w.create(testenv.Item(w.ns, name, opening))
}

func linesOf(lines []line) []v1alpha1.StockLine {
	var out []v1alpha1.StockLine
	for _, l := range lines {
		out = append(out, testenv.Line(l.product, l.quantity))
	}
	return out
}

// reserve makes a reservation without an order.
func (w *world) reserve(name string, lines ...line) {
	w.t.Helper()
	w.create(testenv.Reservation(w.ns, name, linesOf(lines)...))
}

// basket makes a reservation that expires.
func (w *world) basket(name string, expires time.Time, lines ...line) {
	w.t.Helper()
	w.create(testenv.Basket(w.ns, name, expires, linesOf(lines)...))
}

func (w *world) place(name string, lines ...line) {
	w.t.Helper()
	o := testenv.Order(w.ns, name, linesOf(lines)...)
	o.Finalizers = []string{v1alpha1.OrderFinalizer}
	w.create(o)
}

// takeOver makes a reservation that takes a basket over.
func (w *world) takeOver(name, basket string, lines ...line) {
	w.t.Helper()
	r := testenv.Reservation(w.ns, name, linesOf(lines)...)
	r.Spec.TakeOver = &v1alpha1.ReservationReference{Name: basket}
	w.create(r)
}

// bringBack wants lines back on the shelf, all that came back so far, and waits until
// that is decided.
func (w *world) bringBack(name string, lines ...line) {
	w.t.Helper()
	edit(w, name, func(r *v1alpha1.StockReservation) {
		r.Spec.Intent, r.Spec.Restock = v1alpha1.IntentRestock, new(linesOf(lines))
	})
	w.Eventually(func() (bool, error) {
		r, err := read[v1alpha1.StockReservation](w, name)
		settled, _ := journal.Restocked(r)
		return settled, err
	}).Should(BeTrue())
}

// counted enters a count that was made after everything that moved the item.
func (w *world) counted(name, product string, quantity int64) {
	w.t.Helper()
	w.Eventually(func() (bool, error) {
		i, err := read[v1alpha1.StockItem](w, product)
		last := i.Status.LastMovementAt
		return last == nil || time.Now().Truncate(time.Second).After(last.Time), err
	}).Should(BeTrue(), "a second after the last movement")
	w.document(name, product, v1alpha1.AdjustmentCounted, quantity)
}

// document makes a stock document.
func (w *world) document(name, product string, kind v1alpha1.AdjustmentKind, quantity int64) {
	w.t.Helper()
	w.create(testenv.Document(w.ns, name, product, kind, quantity))
}

// edit changes an object as it is now, again when somebody else was first.
func edit[T any, O interface {
	*T
	client.Object
}](w *world, name string, change func(O)) {
	w.t.Helper()
	w.Eventually(func() error {
		o := O(new(T))
		if err := w.k8s.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: name}, o); err != nil {
			return err
		}
		change(o)
		return w.k8s.Update(w.ctx, o)
	}).Should(Succeed())
}

// want changes a reservation's intent.
func (w *world) want(name string, intent v1alpha1.ReservationIntent) {
	w.t.Helper()
	edit(w, name, func(r *v1alpha1.StockReservation) { r.Spec.Intent = intent })
}

// remove deletes an object; one that is gone already is fine.
func remove[T any, O interface {
	*T
	client.Object
}](w *world, name string) {
	w.t.Helper()
	o := O(new(T))
	o.SetNamespace(w.ns)
	o.SetName(name)
	w.Eventually(func() error { return client.IgnoreNotFound(w.k8s.Delete(w.ctx, o)) }).Should(Succeed())
}

func read[T any, O interface {
	*T
	client.Object
}](w *world, name string) (O, error) {
	o := O(new(T))
	return o, w.k8s.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: name}, o)
}

func (w *world) reservation(name string) func() (v1alpha1.StockReservationPhase, error) {
	return func() (v1alpha1.StockReservationPhase, error) {
		r, err := read[v1alpha1.StockReservation](w, name)
		return r.Status.Phase, err
	}
}

func (w *world) order(name string) func() (v1alpha1.OrderPhase, error) {
	return func() (v1alpha1.OrderPhase, error) {
		o, err := read[v1alpha1.Order](w, name)
		return o.Status.Phase, err
	}
}

// verdict on a document: its phase and the reason of its Applied condition.
func (w *world) verdict(name string) func() (string, error) {
	return func() (string, error) {
		d, err := read[v1alpha1.StockAdjustment](w, name)
		c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.AdjustmentConditionApplied)
		if c == nil {
			return string(d.Status.Phase), err
		}
		return string(d.Status.Phase) + " " + c.Reason, err
	}
}

// level is "onHand/reserved/available" as an item shows it.
func (w *world) level(name string) func() (string, error) {
	return func() (string, error) {
		i, err := read[v1alpha1.StockItem](w, name)
		onHand := "-"
		if i.Status.OnHand != nil {
			onHand = strconv.FormatInt(*i.Status.OnHand, 10)
		}
		return fmt.Sprintf("%s/%d/%d", onHand, i.Status.Reserved, i.Status.Available), err
	}
}

func absent[T any, O interface {
	*T
	client.Object
}](w *world, name string) func() bool {
	return func() bool {
		_, err := read[T, O](w, name)
		return apierrors.IsNotFound(err)
	}
}

// settled waits until everything is decided and shows what was decided.
func (w *world) settled() {
	w.t.Helper()
	w.Eventually(func() ([]string, error) {
		at, err := w.revision()
		if err != nil {
			return nil, err
		}
		if reached, err := w.feed.reached(at); err != nil || !reached {
			return []string{fmt.Sprintf("revision %d is not read yet", at)}, err
		}
		return w.book.unsettled(), nil
	}).Should(BeEmpty())
	w.Expect(w.book.problems()).To(BeEmpty())
}

// revision is the newest revision of an object of the namespace.
func (w *world) revision() (int64, error) {
	newest := int64(0)
	for _, list := range []client.ObjectList{&v1alpha1.StockItemList{}, &v1alpha1.StockReservationList{}, &v1alpha1.StockAdjustmentList{}, &v1alpha1.StockJournalList{}} {
		if err := w.k8s.List(w.ctx, list, client.InNamespace(w.ns)); err != nil {
			return 0, err
		}
		err := meta.EachListItem(list, func(o runtime.Object) error {
			v, err := strconv.ParseInt(o.(client.Object).GetResourceVersion(), 10, 64)
			newest = max(newest, v)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return newest, nil
}

// quiet waits until all is settled and then sees that nobody writes anything
// for a while, not even what changes nothing: what is reached stays.
func (w *world) quiet(during time.Duration) {
	w.t.Helper()
	w.settled()
	last, since := int64(-1), time.Now()
	w.Eventually(func() time.Duration {
		if n := w.writes(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since)
	}).WithTimeout(20*time.Second+during).Should(BeNumerically(">=", during), "somebody goes on writing")
	w.settled()
}

// writes counts what the managers sent and what changed.
func (w *world) writes() int64 {
	n := w.book.count()
	for _, wire := range w.allWires() {
		n += wire.count()
	}
	return n
}

// summary is the state of the namespace by names, for comparing two worlds.
func (w *world) summary() string {
	w.t.Helper()
	var out []string
	var items v1alpha1.StockItemList
	var reservations v1alpha1.StockReservationList
	var documents v1alpha1.StockAdjustmentList
	var orders v1alpha1.OrderList
	for _, list := range []client.ObjectList{&items, &reservations, &documents, &orders} {
		w.Expect(w.k8s.List(w.ctx, list, client.InNamespace(w.ns))).To(Succeed())
	}
	for _, i := range items.Items {
		level, err := w.level(i.Name)()
		w.Expect(err).NotTo(HaveOccurred())
		out = append(out, fmt.Sprintf("item %s %s %v %v %v", i.Name, level, i.Finalizers, i.Status.AppliedDocuments, conditions(i.Status.Conditions)))
	}
	for _, r := range reservations.Items {
		out = append(out, fmt.Sprintf("reservation %s %s %v %v", r.Name, r.Status.Phase, r.Status.Shortages, conditions(r.Status.Conditions)))
	}
	for _, d := range documents.Items {
		out = append(out, fmt.Sprintf("document %s %s %v", d.Name, d.Status.Phase, conditions(d.Status.Conditions)))
	}
	for _, o := range orders.Items {
		out = append(out, fmt.Sprintf("order %s %s %s %v", o.Name, o.Status.Phase, o.Status.CancelledReason, conditions(o.Status.Conditions)))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func conditions(all []metav1.Condition) []string {
	var out []string
	for _, c := range all {
		out = append(out, fmt.Sprintf("%s=%s(%s)", c.Type, c.Status, c.Reason))
	}
	slices.Sort(out)
	return out
}
