package order_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// created is when every order of these tests was created.
func created() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// orderBuilder makes an order as the API server would show it.
type orderBuilder struct{ o *v1alpha1.Order }

func anOrder() orderBuilder {
	return orderBuilder{&v1alpha1.Order{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "o-1", UID: "uid-1", Generation: 1,
			CreationTimestamp: metav1.NewTime(created()), Finalizers: []string{v1alpha1.OrderFinalizer},
		},
		Spec: v1alpha1.OrderSpec{
			CustomerID: "customer-1", Currency: "EUR",
			Items: []v1alpha1.OrderItem{
				{ProductID: "prod-001", Quantity: 2, UnitPrice: "10.00"},
				{ProductID: "prod-002", Quantity: 1, UnitPrice: "5.55"},
				{ProductID: "prod-001", Quantity: 3, UnitPrice: "8.01"},
			},
			ShippingAddress: v1alpha1.Address{Street: "Main St 1", City: "Springfield", Country: "US", Zip: "12345"},
		},
		Status: v1alpha1.OrderStatus{ObservedGeneration: -1, Phase: v1alpha1.OrderPending},
	}}
}

func (b orderBuilder) with(edit func(*v1alpha1.Order)) orderBuilder {
	edit(b.o)
	return b
}

// in puts the order into a phase, as if it had come there an hour after its creation.
func (b orderBuilder) in(phase v1alpha1.OrderPhase) orderBuilder {
	at := metav1.NewTime(created().Add(time.Hour))
	st := &b.o.Status
	st.Phase, st.ObservedGeneration = phase, b.o.Generation
	st.Currency, st.TotalAmount = "EUR", "49.58"
	happened := func(types ...v1alpha1.OrderHistoryType) {
		for _, kind := range types {
			st.History = append(st.History, v1alpha1.OrderHistoryEntry{Seq: int64(len(st.History) + 1), Type: kind, At: at})
		}
	}
	happened(v1alpha1.HistoryCreated)
	if phase == v1alpha1.OrderPending {
		st.History, st.ObservedGeneration = nil, -1
		st.Currency, st.TotalAmount = "", ""
		return b
	}
	if phase == v1alpha1.OrderCancelled {
		st.CancelledAt, st.CancelledReason = &at, v1alpha1.CancelSLATimeout
		happened(v1alpha1.HistoryCancelled)
		return b
	}
	st.ConfirmedAt = &at
	happened(v1alpha1.HistoryConfirmed)
	if phase == v1alpha1.OrderConfirmed {
		return b
	}
	st.FulfilledAt = &at
	b.o.Spec.Fulfillment = &v1alpha1.Fulfillment{}
	happened(v1alpha1.HistoryFulfilled)
	if phase == v1alpha1.OrderFulfilled {
		return b
	}
	items := []v1alpha1.ReturnItem{{ProductID: "prod-001", Quantity: 5}, {ProductID: "prod-002", Quantity: 1}}
	b.o.Spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken"}
	st.Return = &v1alpha1.OrderReturnStatus{
		RequestID: "r1", State: v1alpha1.ReturnRequested, Reason: "broken", Items: items, RefundAmount: "49.58", RequestedAt: &at,
	}
	happened(v1alpha1.HistoryReturnRequested)
	st.History[len(st.History)-1].RequestID = "r1"
	if phase == v1alpha1.OrderReturned {
		b.o.Spec.Return.Decision = &v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove}
		st.Return.State, st.Return.DecidedAt = v1alpha1.ReturnApproved, &at
		st.ReturnedAt, st.RefundAmount = &at, "49.58"
		happened(v1alpha1.HistoryReturned)
	}
	return b
}

func (b orderBuilder) order() *v1alpha1.Order { return b.o }

// aReservation makes the reservation of an order in a phase, with the intent
// that leads there.
func aReservation(o *v1alpha1.Order, phase v1alpha1.StockReservationPhase) *v1alpha1.StockReservation {
	r := &v1alpha1.StockReservation{
		ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name, UID: "rsv-" + o.UID, Generation: 1},
		Spec: v1alpha1.StockReservationSpec{
			OrderRef: &v1alpha1.OrderReference{Name: o.Name, UID: string(o.UID)},
			Lines:    []v1alpha1.StockLine{{ProductID: "prod-001", Quantity: 5}, {ProductID: "prod-002", Quantity: 1}},
			Intent:   v1alpha1.IntentHold,
		},
		Status: v1alpha1.StockReservationStatus{Phase: phase},
	}
	switch phase {
	case v1alpha1.ReservationCommitted:
		r.Spec.Intent = v1alpha1.IntentCommit
	case v1alpha1.ReservationReleased:
		r.Spec.Intent = v1alpha1.IntentRelease
	case v1alpha1.ReservationRestocked:
		r.Spec.Intent = v1alpha1.IntentRestock
	case v1alpha1.ReservationRejected:
		r.Status.Shortages = []v1alpha1.StockShortage{{ProductID: "prod-001", Requested: 5, Available: 4, Reason: v1alpha1.ShortageInsufficientStock}}
	}
	return r
}

// usualReservation is the one that an order of a phase has when nobody meddled.
func usualReservation(o *v1alpha1.Order) *v1alpha1.StockReservation {
	switch o.Status.Phase {
	case v1alpha1.OrderPending:
		return aReservation(o, v1alpha1.ReservationPending)
	case v1alpha1.OrderConfirmed:
		return aReservation(o, v1alpha1.ReservationReserved)
	case v1alpha1.OrderCancelled:
		return aReservation(o, v1alpha1.ReservationReleased)
	case v1alpha1.OrderReturned:
		return aReservation(o, v1alpha1.ReservationRestocked)
	}
	return aReservation(o, v1alpha1.ReservationCommitted)
}

// class makes an OrderClass.
func class(name string, pending, window time.Duration, retention *metav1.Duration, rule string) v1alpha1.OrderClass {
	c := v1alpha1.OrderClass{ObjectMeta: metav1.ObjectMeta{Name: name}}
	c.Spec.PendingTimeout = &metav1.Duration{Duration: pending}
	c.Spec.ReturnWindow = &metav1.Duration{Duration: window}
	c.Spec.Retention = retention
	c.Spec.AutoApproveReturns = rule
	return c
}
