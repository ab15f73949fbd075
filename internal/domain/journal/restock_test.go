package journal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// What the order side asks: is everything answered, and what did not come back.
func TestRestocked(t *testing.T) {
	t.Parallel()
	widgets := func(n int64) v1alpha1.StockLine { return stocktest.Units("widget", n) }
	gadgets := func(n int64) v1alpha1.StockLine { return stocktest.Units("gadget", n) }
	rsv := func(phase v1alpha1.StockReservationPhase) *stocktest.Reservation {
		return stocktest.AReservation("r", widgets(3), gadgets(1)).In(phase)
	}
	answered := func(b *stocktest.Reservation, lines ...v1alpha1.RestockedLine) *stocktest.Reservation {
		b.Status.Restocked = lines
		return b.Decided(4)
	}
	line := func(product string, quantity, not int64) v1alpha1.RestockedLine {
		return v1alpha1.RestockedLine{ProductID: product, Quantity: quantity, NotRestocked: not}
	}
	// As an older version left them: the history alone says what came back.
	old := func(back ...v1alpha1.StockMovementLine) *stocktest.Reservation {
		b := rsv(v1alpha1.ReservationRestocked).Decided(4)
		b.Status.History[0].Lines = back
		return b
	}
	for name, c := range map[string]struct {
		r       *stocktest.Reservation
		settled bool
		not     []v1alpha1.StockLine
	}{
		"nothing is wanted back":                {rsv(v1alpha1.ReservationCommitted).Wants(v1alpha1.IntentCommit), false, nil},
		"wanted, not decided":                   {rsv(v1alpha1.ReservationCommitted).Restocks(widgets(1)), false, nil},
		"wanted, not even committed":            {rsv(v1alpha1.ReservationReserved).Wants(v1alpha1.IntentRestock), false, nil},
		"a part, decided":                       {answered(rsv(v1alpha1.ReservationRestocked).Restocks(widgets(1)), line("widget", 1, 0)), true, nil},
		"a part decided, another wanted":        {answered(rsv(v1alpha1.ReservationRestocked).Restocks(widgets(1), gadgets(1)), line("widget", 1, 0)), false, nil},
		"more of a product wanted":              {answered(rsv(v1alpha1.ReservationRestocked).Restocks(widgets(2)), line("widget", 1, 0)), false, nil},
		"nothing was wanted, decided":           {answered(rsv(v1alpha1.ReservationRestocked).Restocks()), true, nil},
		"after nothing, a part is wanted":       {answered(rsv(v1alpha1.ReservationRestocked).Restocks(widgets(1))), false, nil},
		"every line":                            {answered(rsv(v1alpha1.ReservationRestocked).Wants(v1alpha1.IntentRestock), line("gadget", 1, 0), line("widget", 3, 0)), true, nil},
		"every line wanted, a part decided":     {answered(rsv(v1alpha1.ReservationRestocked).Wants(v1alpha1.IntentRestock), line("gadget", 1, 0)), false, nil},
		"some could not be put back":            {answered(rsv(v1alpha1.ReservationRestocked).Restocks(widgets(3)), line("widget", 3, 2)), true, []v1alpha1.StockLine{widgets(2)}},
		"more wanted than was taken":            {answered(rsv(v1alpha1.ReservationRestocked).Restocks(widgets(9), stocktest.Units("ghost", 1)), line("widget", 3, 0)), true, nil},
		"an old one, every line":                {old(stocktest.Moved("widget", 3), stocktest.Moved("gadget", 1)).Wants(v1alpha1.IntentRestock), true, nil},
		"an old one, a part":                    {old(stocktest.Moved("widget", 1)).Restocks(widgets(1)), true, nil},
		"an old one, of which more comes back":  {old(stocktest.Moved("widget", 1)).Restocks(widgets(2)), false, nil},
		"an old one whose history says nothing": {rsv(v1alpha1.ReservationRestocked).Restocks(widgets(1)), true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settled, not := journal.Restocked(&c.r.StockReservation)
			if settled != c.settled {
				t.Errorf("settled %t, want %t", settled, c.settled)
			}
			if diff := cmp.Diff(c.not, not); diff != "" {
				t.Errorf("not put back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRestocksAddUp(t *testing.T) {
	t.Parallel()
	r := stocktest.AReservation("r", stocktest.Units("widget", 3), stocktest.Units("gadget", 2)).In(v1alpha1.ReservationCommitted).Decided(1)
	for _, e := range []*v1alpha1.JournalEntry{
		stocktest.Entry(4, v1alpha1.EntryRestock, "r", "", stocktest.Line("widget", 1, 4)),
		stocktest.Entry(6, v1alpha1.EntryRestock, "r", journal.ReasonItemGone, stocktest.Line("widget", 1, 5), stocktest.NotMoved(stocktest.Line("gadget", 2, 0))),
	} {
		journal.ApplyToReservation(e, &r.StockReservation)
	}
	want := []v1alpha1.RestockedLine{{ProductID: "widget", Quantity: 2}, {ProductID: "gadget", Quantity: 2, NotRestocked: 2}}
	if diff := cmp.Diff(want, r.Status.Restocked); diff != "" {
		t.Errorf("restocked (-want +got):\n%s", diff)
	}
	c := r.Status.Conditions[0]
	if c.Reason != "Restocked" || !strings.Contains(c.Message, "2 of gadget") || strings.Contains(c.Message, "widget") || !strings.Contains(c.Message, "StockAdjustment") {
		t.Errorf("condition %+v", c)
	}
	last := r.Status.History[len(r.Status.History)-1]
	if last.Reason != journal.ReasonItemGone || last.Lines[1].NotMoved != 2 {
		t.Errorf("history %+v", last)
	}
}

// A line that moves nothing changes no item, and nobody waits for one.
func TestUnitsThatMoveNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []v1alpha1.JournalEntryKind{v1alpha1.EntryRestock, v1alpha1.EntryCommit} {
		e := stocktest.Entry(4, kind, "r", journal.ReasonItemDeleting, stocktest.NotMoved(stocktest.Line("widget", 2, 0)))
		item := stocktest.AnItem("widget", 5).Holds(5, 1)
		if journal.ApplyToItem([]*v1alpha1.JournalEntry{e}, &item.StockItem) || len(journal.NewPending(e).Items()) > 0 {
			t.Errorf("%s of nothing changed the item or waits for it", kind)
		}
	}
}

func TestACommitSaysWhatItTookFromNoShelf(t *testing.T) {
	t.Parallel()
	r := stocktest.AReservation("r", stocktest.Units("widget", 2), stocktest.Units("gadget", 1)).In(v1alpha1.ReservationReserved).Decided(1)
	journal.ApplyToReservation(stocktest.Entry(4, v1alpha1.EntryCommit, "r", journal.ReasonItemGone,
		stocktest.NotMoved(stocktest.Line("widget", 2, 0)), stocktest.Line("gadget", 1, 3)), &r.StockReservation)
	c := r.Status.Conditions[0]
	if c.Status != "True" || !strings.Contains(c.Message, "2 of widget") || strings.Contains(c.Message, "gadget") {
		t.Errorf("condition %+v", c)
	}
}

// Of many restocks the history keeps the newest, and the sum stays whole.
func TestHistoryOfManyRestocks(t *testing.T) {
	for _, lines := range []int{1, 250} {
		t.Run(fmt.Sprintf("%d lines", lines), func(t *testing.T) {
			t.Parallel()
			const restocks = 200
			var all []v1alpha1.StockLine
			for i := range lines {
				all = append(all, stocktest.Units(fmt.Sprintf("p-%03d", i), restocks))
			}
			r := stocktest.AReservation("r", all...)
			var back []v1alpha1.JournalLine
			for _, l := range all {
				back = append(back, stocktest.Line(l.ProductID, 1, 0))
			}
			journal.ApplyToReservation(stocktest.Entry(1, v1alpha1.EntryGrant, "r", "", back...), &r.StockReservation)
			journal.ApplyToReservation(stocktest.Entry(2, v1alpha1.EntryCommit, "r", "", back...), &r.StockReservation)
			seen := 0
			for seq := int64(3); seq < 3+restocks; seq++ {
				e := stocktest.Entry(seq, v1alpha1.EntryRestock, "r", "", back...)
				if !journal.ApplyToReservation(e, &r.StockReservation) || journal.ApplyToReservation(e, &r.StockReservation) {
					t.Fatalf("restock %d was not carried out once", seq)
				}
				history := r.Status.History
				seen = 0
				for _, h := range history {
					seen += len(h.Lines)
				}
				if len(history) > 64 || seen > 1500 || history[0].Seq != 1 || history[1].Seq != 2 || history[len(history)-1].Seq != seq {
					t.Fatalf("after restock %d: %d decisions with %d lines, from %d to %d", seq, len(history), seen, history[0].Seq, history[len(history)-1].Seq)
				}
			}
			for _, l := range r.Status.Restocked {
				if l.Quantity != restocks {
					t.Fatalf("%+v, want %d", l, restocks)
				}
			}
		})
	}
}

// Neither list is changed: both may be shared with a cache or a ledger.
func TestAddRestockChangesNothingItWasGiven(t *testing.T) {
	t.Parallel()
	answered := make([]v1alpha1.RestockedLine, 1, 4)
	answered[0] = v1alpha1.RestockedLine{ProductID: "widget", Quantity: 1}
	journal.AddRestock(answered, []v1alpha1.JournalLine{stocktest.Line("widget", 2, 0), stocktest.Line("gadget", 2, 0)})
	if diff := cmp.Diff([]v1alpha1.RestockedLine{{ProductID: "widget", Quantity: 1}}, answered, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if beyond := answered[:2][1]; beyond.ProductID != "" {
		t.Errorf("wrote %+v behind what it was given", beyond)
	}
}
