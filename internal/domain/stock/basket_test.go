package stock_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// Who takes over what, and what becomes of the basket.
func TestTakeOver(t *testing.T) {
	widgets := func(n int64) v1alpha1.StockLine { return stocktest.Units("widget", n) }
	basket := func() *stocktest.Reservation {
		return stocktest.AReservation("basket", widgets(2)).Of("ann").In(v1alpha1.ReservationReserved)
	}
	order := func(n int64) *stocktest.Reservation {
		return stocktest.AReservation("order", widgets(n)).Of("ann").ForOrder().TakesOver("basket")
	}
	const grant, reject, release = v1alpha1.EntryGrant, v1alpha1.EntryReject, v1alpha1.EntryRelease
	for name, c := range map[string]struct {
		item      *stocktest.Item
		basket, r *stocktest.Reservation
		want      v1alpha1.JournalEntryKind
		over      bool  // the basket ends
		reserved  int64 // afterwards
		available int64 // for the order, as it was told when it was short
	}{
		"as much":                             {stocktest.AnItem("widget", 3), basket(), order(2), grant, true, 2, 0},
		"more, of which there is enough":      {stocktest.AnItem("widget", 3), basket(), order(3), grant, true, 3, 0},
		"less":                                {stocktest.AnItem("widget", 3), basket(), order(1), grant, true, 1, 0},
		"short even so":                       {stocktest.AnItem("widget", 3), basket(), order(4), reject, false, 2, 3},
		"something else":                      {stocktest.AnItem("widget", 3), basket(), stocktest.AReservation("order", stocktest.Units("ghost", 1)).TakesOver("basket"), reject, false, 2, 0},
		"safety stock keeps back none of it":  {stocktest.AnItem("widget", 3).Safety(3), basket(), order(2), grant, true, 2, 0},
		"but all beyond it":                   {stocktest.AnItem("widget", 3).Safety(3), basket(), order(3), reject, false, 2, 2},
		"a count found less than was held":    {stocktest.AnItem("widget", 1), basket(), order(2), reject, false, 2, 1},
		"and that is enough":                  {stocktest.AnItem("widget", 1), basket(), order(1), grant, true, 1, 0},
		"the item is being deleted":           {stocktest.AnItem("widget", 3).Deleting(), basket(), order(2), reject, false, 2, 0},
		"another name":                        {stocktest.AnItem("widget", 4), basket(), order(2).TakesOver("bask"), grant, false, 4, 0},
		"another customer's":                  {stocktest.AnItem("widget", 4), basket().Of("bob"), order(2), grant, false, 4, 0},
		"another customer's, and short":       {stocktest.AnItem("widget", 3), basket().Of("bob"), order(2), reject, false, 2, 1},
		"nobody's in particular":              {stocktest.AnItem("widget", 3), basket().Of(""), order(2), grant, true, 2, 0},
		"for nobody in particular":            {stocktest.AnItem("widget", 3), basket(), order(2).Of(""), grant, true, 2, 0},
		"an order's":                          {stocktest.AnItem("widget", 4), basket().ForOrder(), order(2), grant, false, 4, 0},
		"committed":                           {stocktest.AnItem("widget", 4), stocktest.AReservation("basket", widgets(2)).In(v1alpha1.ReservationCommitted), order(2), grant, false, 2, 0},
		"over":                                {stocktest.AnItem("widget", 4), stocktest.AReservation("basket", widgets(2)).In(v1alpha1.ReservationReleased), order(2), grant, false, 2, 0},
		"not decided":                         {stocktest.AnItem("widget", 4), stocktest.AReservation("basket", widgets(2)), order(2), grant, false, 2, 0},
		"an order that is to be released":     {stocktest.AnItem("widget", 4), basket(), order(2).Wants(v1alpha1.IntentRelease), release, false, 2, 0},
		"a basket that takes over a basket":   {stocktest.AnItem("widget", 3), basket(), stocktest.AReservation("order", widgets(3)).TakesOver("basket"), grant, true, 3, 0},
		"a commit that came before the grant": {stocktest.AnItem("widget", 3), basket(), order(3).Wants(v1alpha1.IntentCommit), grant, true, 3, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := stock.NewLedger(6, stocktest.Items(c.item), stocktest.Reservations(c.basket), nil)
			phase := l.Phase(c.basket.UID)
			e, released := l.DecideReservation(&c.r.StockReservation, stocktest.Noon())
			if e == nil || e.Kind != c.want || (released != nil) != c.over {
				t.Fatalf("decided %+v, released %+v", e, released)
			}
			if level, _ := l.Level(c.item.UID); level.Reserved != c.reserved {
				t.Errorf("%d reserved afterwards, want %d", level.Reserved, c.reserved)
			}
			if c.want == reject && e.Lines[0].Remaining != c.available {
				t.Errorf("told that %d are available, want %d", e.Lines[0].Remaining, c.available)
			}
			if !c.over {
				if got := l.Phase(c.basket.UID); got != phase || e.Seq != 7 {
					t.Errorf("the basket is %s, decision %d", got, e.Seq)
				}
				return
			}
			want := stocktest.Entry(7, release, "basket", journal.ReasonTakenOver, stocktest.Line("widget", 2, c.item.Spec.OpeningQuantity-c.item.Spec.SafetyStock))
			if diff := cmp.Diff(want, released); diff != "" || e.Seq != 8 {
				t.Errorf("decision %d, behind the basket's end (-want +got):\n%s", e.Seq, diff)
			}
			// It can't be taken over or committed again.
			if e, released := l.DecideReservation(&stocktest.AReservation("second", widgets(1)).Of("ann").TakesOver("basket").StockReservation, stocktest.Noon()); released != nil {
				t.Errorf("taken over again: %+v, %+v", e, released)
			}
			if e, _ := l.DecideReservation(&c.basket.Wants(v1alpha1.IntentCommit).StockReservation, stocktest.Noon()); e != nil {
				t.Errorf("decided %+v about a basket that is over", e)
			}
		})
	}
}

// The basket of a name is the one that holds: not one that was deleted, and not one that
// was made again and is not decided.
func TestTakeOverOfABasketMadeAgain(t *testing.T) {
	t.Parallel()
	first := stocktest.AReservation("basket", stocktest.Units("widget", 1)).In(v1alpha1.ReservationReserved)
	again := stocktest.AReservation("basket", stocktest.Units("widget", 1))
	again.UID = "again"
	order := func(name string) *v1alpha1.StockReservation {
		return &stocktest.AReservation(name, stocktest.Units("widget", 1)).TakesOver("basket").StockReservation
	}
	l := stock.NewLedger(0, stocktest.Items(stocktest.AnItem("widget", 9)), stocktest.Reservations(first), nil)
	l.ForgetReservation(first.UID)
	if e, released := l.DecideReservation(order("early"), stocktest.Noon()); e == nil || released != nil {
		t.Errorf("before the second is decided: %+v, %+v", e, released)
	}
	l.DecideReservation(&again.StockReservation, stocktest.Noon())
	if _, released := l.DecideReservation(order("late"), stocktest.Noon()); released == nil || released.UID != "again" {
		t.Errorf("took over %+v", released)
	}
}

// What can't be decoded stays as it is: a basket that may be anybody's, and one that holds
// an item of which nobody knows what is on hand.
func TestTakeOverOfWhatCantBeDecoded(t *testing.T) {
	for name, setAside := range map[string]func(*stock.Ledger){
		"the basket": func(l *stock.Ledger) { l.KeepBasket(stocktest.UIDOf("basket")) },
		"the item":   func(l *stock.Ledger) { l.Withhold(stocktest.UIDOf("widget")) },
	} {
		l := stock.NewLedger(0, stocktest.Items(stocktest.AnItem("widget", 1)),
			stocktest.Reservations(stocktest.AReservation("basket", stocktest.Units("widget", 1)).In(v1alpha1.ReservationReserved)), nil)
		setAside(l)
		e, released := l.DecideReservation(&stocktest.AReservation("order", stocktest.Units("widget", 1)).TakesOver("basket").StockReservation, stocktest.Noon())
		if e == nil || e.Kind != v1alpha1.EntryReject || released != nil {
			t.Errorf("%s: %+v, %+v", name, e, released)
		}
	}
}
