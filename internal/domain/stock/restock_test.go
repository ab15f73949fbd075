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
		e, _ := l.DecideReservation(&r.StockReservation, stocktest.Noon())
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

// What can't be put back is said: in the entry, and from there wherever it is told.
func TestRestockOfItemsThatTakeNothingBack(t *testing.T) {
	back := func(lines ...v1alpha1.JournalLine) []v1alpha1.JournalLine { return lines }
	for name, c := range map[string]struct {
		items  []*stocktest.Item
		reason string
		want   []v1alpha1.JournalLine
		onHand int64
	}{
		"gone": {
			nil, journal.ReasonItemGone, back(stocktest.NotMoved(stocktest.Line("widget", 2, 0))), 0,
		},
		"made again": {
			[]*stocktest.Item{stocktest.AnItem("widget", 5).WithUID("another")}, journal.ReasonItemMadeAgain, back(stocktest.NotMoved(stocktest.Line("widget", 2, 0))), 0,
		},
		"being deleted": {
			[]*stocktest.Item{stocktest.AnItem("widget", 5).Deleting()}, journal.ReasonItemDeleting, back(stocktest.NotMoved(stocktest.Line("widget", 2, 5))), 5,
		},
		"as it was": {
			[]*stocktest.Item{stocktest.AnItem("widget", 5)}, "", back(stocktest.Line("widget", 2, 7)), 7,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := stocktest.AReservation("r", stocktest.Units("widget", 2)).In(v1alpha1.ReservationCommitted).Wants(v1alpha1.IntentRestock)
			l := stock.NewLedger(0, stocktest.Items(c.items...), stocktest.Reservations(r), nil)
			e, _ := l.DecideReservation(&r.StockReservation, stocktest.Noon())
			if diff := cmp.Diff(stocktest.Entry(1, v1alpha1.EntryRestock, "r", c.reason, c.want...), e); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
			if level, _ := l.Level(stocktest.UIDOf("widget")); level.OnHand != c.onHand {
				t.Errorf("%d on hand, want %d", level.OnHand, c.onHand)
			}
			if l.IsShortOf(&r.StockReservation) {
				t.Error("it would be decided again, forever")
			}
		})
	}
}

// An item that is gone says so when what was held of it is committed; one that is being
// deleted is still there to be taken from.
func TestCommitOfItemsThatAreGone(t *testing.T) {
	r := stocktest.AReservation("r", stocktest.Units("widget", 2), stocktest.Units("gadget", 1)).In(v1alpha1.ReservationReserved).Wants(v1alpha1.IntentCommit)
	l := stock.NewLedger(0, stocktest.Items(stocktest.AnItem("gadget", 5).Deleting()), stocktest.Reservations(r), nil)
	want := stocktest.Entry(1, v1alpha1.EntryCommit, "r", journal.ReasonItemGone, stocktest.NotMoved(stocktest.Line("widget", 2, 0)), stocktest.Line("gadget", 1, 4))
	got, _ := l.DecideReservation(&r.StockReservation, stocktest.Noon())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}
