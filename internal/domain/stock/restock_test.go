package stock_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// A reservation's restock grows; each time it does, the difference is put back.
func TestEachPartThatComesBackIsPutBackOnce(t *testing.T) {
	item := stocktest.AnItem("widget", 5)
	r := stocktest.AReservation("r", stocktest.Units("widget", 4)).In(v1alpha1.ReservationCommitted)
	l := stock.NewLedger(0, stocktest.Items(item), stocktest.Reservations(r), nil)
	for _, part := range []struct{ total, back int64 }{{1, 1}, {1, 0}, {3, 2}, {2, 0}, {4, 1}, {4, 0}} {
		r.Restocks(stocktest.Units("widget", part.total))
		e := l.DecideReservation(&r.StockReservation, stocktest.Noon())
		if (e != nil) != (part.back > 0) || e != nil && (e.Kind != v1alpha1.EntryRestock || e.Lines[0].Quantity != part.back) {
			t.Errorf("of %d in all: %+v, want %d put back", part.total, e, part.back)
		}
		if l.IsShortOf(&r.StockReservation) {
			t.Errorf("of %d in all: more is due", part.total)
		}
		if e == nil {
			continue
		}
		journal.ApplyToReservation(e, &r.StockReservation)
		journal.ApplyToItem([]*v1alpha1.JournalEntry{e}, &item.StockItem)
		// A leader that comes now finds the same.
		again := stock.NewLedger(l.Seq(), stocktest.Items(item), stocktest.Reservations(r), nil)
		if diff := cmp.Diff(l.Memory(), again.Memory()); diff != "" {
			t.Errorf("of %d in all, another leader (-this +that):\n%s", part.total, diff)
		}
		if stock.MayBeDue(&r.StockReservation) {
			t.Errorf("of %d in all: the object is taken for due", part.total)
		}
	}
	if got := journal.OnHand(&item.StockItem); got != 9 {
		t.Errorf("%d on hand, want 9", got)
	}
}
