package order_test

import (
	"testing"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// An order is judged at each event that is about it, most often to find that nothing is
// to be done. What that allocates is held to a budget; it is the same on every machine.
func TestAllocationsOfJudge(t *testing.T) {
	facts := func(phase v1alpha1.OrderPhase, reservation v1alpha1.StockReservationPhase) order.Facts {
		o := anOrder().in(phase).order()
		order.Complete(o, nil)
		return order.Facts{Order: o, Reservation: aReservation(o, reservation), Now: created().Add(time.Minute)}
	}
	withoutReservation := facts(v1alpha1.OrderPending, v1alpha1.ReservationPending)
	withoutReservation.Reservation = nil
	for name, c := range map[string]struct {
		facts  order.Facts
		rule   string
		budget float64
	}{
		"a new order":                        {withoutReservation, "ReservationIsMissing", 64},
		"an order that waits for stock":      {facts(v1alpha1.OrderPending, v1alpha1.ReservationPending), "", 30},
		"an order whose stock is reserved":   {facts(v1alpha1.OrderPending, v1alpha1.ReservationReserved), "StockIsReserved", 44},
		"an order whose stock is short":      {facts(v1alpha1.OrderPending, v1alpha1.ReservationRejected), "StockIsShort", 50},
		"a confirmed order at rest":          {facts(v1alpha1.OrderConfirmed, v1alpha1.ReservationReserved), "", 2},
		"a fulfilled order at rest":          {facts(v1alpha1.OrderFulfilled, v1alpha1.ReservationCommitted), "", 2},
		"a cancelled order at rest":          {facts(v1alpha1.OrderCancelled, v1alpha1.ReservationReleased), "", 2},
		"a return that waits for a decision": {facts(v1alpha1.OrderReturnRequested, v1alpha1.ReservationCommitted), "", 2},
	} {
		if d := order.Judge(c.facts); d.Rule != c.rule {
			t.Errorf("%s: rule %q, want %q", name, d.Rule, c.rule)
		}
		if got := testing.AllocsPerRun(100, func() { order.Judge(c.facts) }); got > c.budget {
			t.Errorf("%s: %v allocations, at most %v allowed", name, got, c.budget)
		}
	}
}
