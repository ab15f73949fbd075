package stock

import (
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// basketOf is the basket that a reservation takes over (spec.takeOver); nil when there is
// none of that name that holds stock, belongs to no order, and to no other customer. The
// reservation is then decided for itself.
func (l *Ledger) basketOf(r *v1alpha1.StockReservation) *reservation {
	if r.Spec.TakeOver == nil {
		return nil
	}
	basket := l.reservations[l.baskets[r.Spec.TakeOver.Name]]
	if basket == nil || basket.customer != "" && r.Spec.CustomerID != "" && basket.customer != r.Spec.CustomerID {
		return nil
	}
	return basket
}

// endBasket releases a basket in favor of the reservation that is granted next.
func (l *Ledger) endBasket(basket *reservation, now time.Time) *v1alpha1.JournalEntry {
	uid := l.baskets[basket.basket]
	e := l.entry(v1alpha1.EntryRelease, basket.basket, uid, now)
	e.Reason = journal.ReasonTakenOver
	e.Lines = held(basket.allocations)
	l.letGo(uid, basket)
	l.remaining(e)
	l.reservations[uid] = &reservation{phase: v1alpha1.ReservationReleased}
	return e
}

// heldOf is what a basket holds, by the uid of the item; nil when there is no basket.
func heldOf(basket *reservation) map[string]int64 {
	if basket == nil {
		return nil
	}
	had := make(map[string]int64, len(basket.allocations))
	for _, a := range basket.allocations {
		had[a.ItemUID] += a.Quantity
	}
	return had
}
