package event_test

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// world is one order, judged by the order controller's judge, and its reservation, decided
// by the stock controller's ledger.
type world struct {
	t      *rapid.T
	now    time.Time
	ledger *stock.Ledger
	order  *v1alpha1.Order
	rsv    *v1alpha1.StockReservation
	// versions are all that the order had.
	versions []*v1alpha1.Order
	// entries are all of the journal, and reservations what became of each.
	entries      []*v1alpha1.JournalEntry
	reservations map[types.UID]*v1alpha1.StockReservation
}

// newWorld places an order of one to four lines, for which there may be too little.
func newWorld(t *rapid.T) *world {
	w := &world{t: t, now: noon(), reservations: map[types.UID]*v1alpha1.StockReservation{}}
	w.ledger = stock.NewLedger(1000, stocktest.Items(stocktest.AnItem("prod-001", 9), stocktest.AnItem("prod-002", 5)), nil, nil)
	o := anOrder("o-1")
	o.Finalizers = []string{v1alpha1.OrderFinalizer}
	o.Spec.Currency = rapid.SampledFrom([]v1alpha1.Currency{"EUR", "JPY", "KWD", ""}).Draw(t, "currency")
	o.Spec.Items = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) v1alpha1.OrderItem {
		return v1alpha1.OrderItem{
			ProductID: rapid.SampledFrom([]string{"prod-001", "prod-001", "prod-002", "prod-002", "prod-003"}).Draw(t, "product"),
			Quantity:  rapid.Int64Range(1, 3).Draw(t, "quantity"),
			UnitPrice: rapid.SampledFrom([]string{"10", "0.5", "0.0125", "19.99", "3.10"}).Draw(t, "price"),
		}
	}), 1, 4).Draw(t, "items")
	w.order = o
	w.changed()
	return w
}

func (w *world) changed() { w.versions = append(w.versions, w.order.DeepCopy()) }

// settle lets both controllers work until neither has anything to do.
func (w *world) settle() {
	for range 50 {
		if !w.judge() && !w.decide() {
			return
		}
	}
	w.t.Fatalf("never comes to rest: %+v", w.order.Status)
}

func (w *world) judge() bool {
	d := order.Judge(order.Facts{Order: w.order, Reservation: w.rsv, Now: w.now})
	switch d.Act {
	case order.WriteStatus:
		w.order.Status = *d.Status.DeepCopy()
		w.changed()
	case order.CreateReservation:
		w.rsv = d.Reservation.DeepCopy()
		w.rsv.UID = types.UID(fmt.Sprintf("rsv-%d", len(w.reservations)+1))
		w.reservations[w.rsv.UID] = w.rsv
	case order.UpdateReservation:
		w.rsv.Spec = *d.Reservation.Spec.DeepCopy()
	case order.DeleteReservation:
		w.ledger.ForgetReservation(w.rsv.UID)
		w.rsv = nil
	default: // nothing, or the order goes
		return false
	}
	return true
}

func (w *world) decide() bool {
	if w.rsv == nil {
		return false
	}
	e, _ := w.ledger.DecideReservation(w.rsv, w.now)
	if e == nil {
		return false
	}
	// It is written into the journal and read back.
	e.At = metav1.NewTime(e.At.Truncate(time.Second))
	w.entries = append(w.entries, e)
	if !journal.ApplyToReservation(e, w.rsv) {
		w.t.Fatalf("%s %s was not carried out", e.Kind, e.Name)
	}
	return true
}

// edit changes the order's spec where the schema lets it.
func (w *world) edit(in func(v1alpha1.OrderPhase) bool, change func(*v1alpha1.OrderSpec)) {
	if !in(w.order.Status.Phase) {
		return
	}
	w.order = w.order.DeepCopy()
	change(&w.order.Spec)
	w.order.Generation++
	w.changed()
	w.settle()
}

func phases(allowed ...v1alpha1.OrderPhase) func(v1alpha1.OrderPhase) bool {
	return func(phase v1alpha1.OrderPhase) bool {
		for _, p := range allowed {
			if p == phase {
				return true
			}
		}
		return false
	}
}

// live lets people, and time, do something to the order.
func (w *world) live() {
	w.t.Repeat(map[string]func(*rapid.T){
		"cancel": func(t *rapid.T) {
			w.edit(phases(v1alpha1.OrderPending, v1alpha1.OrderConfirmed), func(s *v1alpha1.OrderSpec) {
				if s.Cancellation == nil && rapid.Bool().Draw(t, "really") {
					s.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelPaymentFailed}
				}
			})
		},
		"ship": func(t *rapid.T) {
			w.edit(phases(v1alpha1.OrderConfirmed), func(s *v1alpha1.OrderSpec) {
				if s.Fulfillment == nil {
					s.Fulfillment = &v1alpha1.Fulfillment{Carrier: rapid.SampledFrom([]string{"", "DHL"}).Draw(t, "carrier"), TrackingNumber: "42"}
				}
			})
		},
		"send back": func(t *rapid.T) {
			w.edit(phases(v1alpha1.OrderFulfilled), func(s *v1alpha1.OrderSpec) { s.Return = w.request(t) })
		},
		"decide": func(t *rapid.T) {
			w.edit(phases(v1alpha1.OrderReturnRequested), func(s *v1alpha1.OrderSpec) {
				if s.Return.Decision == nil {
					restock := rapid.Bool().Draw(t, "restock")
					verdict := rapid.SampledFrom([]v1alpha1.ReturnVerdict{v1alpha1.VerdictApprove, v1alpha1.VerdictApprove, v1alpha1.VerdictReject}).Draw(t, "verdict")
					s.Return.Decision = &v1alpha1.ReturnDecision{Verdict: verdict, Reason: "as we see it", Restock: &restock}
				}
			})
		},
		"item goes": func(t *rapid.T) {
			if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
				w.ledger.ForgetItem("prod-002-uid")
			}
		},
		"time goes by": func(t *rapid.T) {
			w.now = w.now.Add(time.Duration(rapid.Int64Range(1, int64(20*24*time.Hour)).Draw(t, "how long")))
			w.settle()
		},
		"": func(*rapid.T) { w.settle() },
	})
}

// request asks for a line or two, or for all that is left.
func (w *world) request(t *rapid.T) *v1alpha1.Return {
	r := &v1alpha1.Return{RequestID: fmt.Sprintf("r%d", w.order.Generation), Reason: rapid.SampledFrom([]string{"broken", "too small"}).Draw(t, "reason")}
	for i := range w.order.Spec.Items {
		if line := int32(i) + 1; rapid.Bool().Draw(t, "line") {
			r.Items = append(r.Items, v1alpha1.ReturnItem{Line: &line, ProductID: w.order.Spec.Items[i].ProductID, Quantity: 1})
		}
	}
	return r
}

// lives runs a check on the lives of many orders.
func lives(t *testing.T, check func(*world)) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.settle()
		w.live()
		check(w)
	})
}
