package stock_test

import (
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// The rules of baskets that become orders and of what comes back in parts, each broken.

// endingBasketsAnyway ends the basket also when the order is short.
func endingBasketsAnyway(l *stock.Ledger, r *v1alpha1.StockReservation, now time.Time) (e, released *v1alpha1.JournalEntry) {
	before := l.Clone()
	if e, released = l.DecideReservation(r, now); e == nil || e.Kind != v1alpha1.EntryReject || !before.HasBasket(r.Spec.TakeOver) {
		return e, released
	}
	released = l.EndBasket(r.Spec.TakeOver.Name, now)
	e.Seq, released.Seq = released.Seq, e.Seq
	return e, released
}

// keepingTheBasket counts what the basket holds as available, and leaves it there.
func keepingTheBasket(l *stock.Ledger, r *v1alpha1.StockReservation, now time.Time) (e, released *v1alpha1.JournalEntry) {
	before := l.Clone()
	if e, released = l.DecideReservation(r, now); released != nil {
		l.HoldOn(before, released)
	}
	return e, nil
}

// whoeverItIs lets anybody take a basket over.
func whoeverItIs(l *stock.Ledger, r *v1alpha1.StockReservation, now time.Time) (e, released *v1alpha1.JournalEntry) {
	r = r.DeepCopy()
	if r.Spec.TakeOver != nil {
		r.Spec.CustomerID = ""
	}
	return l.DecideReservation(r, now)
}

// notTakenOver carries out everything but the end of a basket that was taken over.
func notTakenOver(e *v1alpha1.JournalEntry, r *v1alpha1.StockReservation) bool {
	return e.Reason != journal.ReasonTakenOver && journal.ApplyToReservation(e, r)
}

// oneRestockOnly takes a restock for carried out once the reservation is Restocked.
func oneRestockOnly(e *v1alpha1.JournalEntry, r *v1alpha1.StockReservation) bool {
	if e.Kind == v1alpha1.EntryRestock && r.Status.Phase == v1alpha1.ReservationRestocked {
		return false
	}
	return journal.ApplyToReservation(e, r)
}

// everyRestock carries a restock out whether or not the reservation shows it.
func everyRestock(e *v1alpha1.JournalEntry, r *v1alpha1.StockReservation) bool {
	if e.Kind == v1alpha1.EntryRestock && r.Status.Phase == v1alpha1.ReservationRestocked {
		r.Status.History[len(r.Status.History)-1].Seq = 0
	}
	return journal.ApplyToReservation(e, r)
}

// forgettingWhatCameBack decides each time about all that is wanted back.
func forgettingWhatCameBack(l *stock.Ledger, r *v1alpha1.StockReservation, now time.Time) (e, released *v1alpha1.JournalEntry) {
	if r.Spec.Restock != nil && len(*r.Spec.Restock) > 0 && (*r.Spec.Restock)[0].Quantity > 1 {
		l.ForgetRestocks(r.UID)
	}
	return l.DecideReservation(r, now)
}

// asIfItWereThere says of units whose item is gone that they are back on its shelf.
func asIfItWereThere(l *stock.Ledger, r *v1alpha1.StockReservation, now time.Time) (e, released *v1alpha1.JournalEntry) {
	if e, released = l.DecideReservation(r, now); e != nil && e.Kind == v1alpha1.EntryRestock {
		for i := range e.Lines {
			e.Lines[i].NotMoved = 0
		}
	}
	return e, released
}
