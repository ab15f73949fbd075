package stock_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

func TestDecideReservation(t *testing.T) {
	widgets := func(n int64) v1alpha1.StockLine { return stocktest.Units("widget", n) }
	gadgets := func(n int64) v1alpha1.StockLine { return stocktest.Units("gadget", n) }
	for name, c := range map[string]struct {
		items     []v1alpha1.StockItem
		others    []v1alpha1.StockReservation
		r         *stocktest.Reservation
		want      *v1alpha1.JournalEntry
		wantPhase v1alpha1.StockReservationPhase
		wantLevel stock.Level // of widget
	}{
		"every line fits and all are reserved": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5), stocktest.AnItem("gadget", 2)),
			r:         stocktest.AReservation("r", widgets(3), gadgets(2)),
			want:      stocktest.Entry(1, v1alpha1.EntryGrant, "r", "", stocktest.Line("widget", 3, 2), stocktest.Line("gadget", 2, 0)),
			wantPhase: v1alpha1.ReservationReserved,
			wantLevel: stock.Level{OnHand: 5, Reserved: 3, Available: 2},
		},
		"one line of two is short and nothing is reserved": {
			items: stocktest.Items(stocktest.AnItem("widget", 5), stocktest.AnItem("gadget", 1)),
			r:     stocktest.AReservation("r", widgets(3), gadgets(2)),
			want: stocktest.Entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK",
				stocktest.Line("widget", 3, 5), stocktest.Short(stocktest.Line("gadget", 2, 1), v1alpha1.ShortageInsufficientStock)),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"what others hold is not there": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			others:    stocktest.Reservations(stocktest.AReservation("other", widgets(3)).In(v1alpha1.ReservationReserved)),
			r:         stocktest.AReservation("r", widgets(3)),
			want:      stocktest.Entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", stocktest.Short(stocktest.Line("widget", 3, 2), v1alpha1.ShortageInsufficientStock)),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 5, Reserved: 3, Available: 2},
		},
		"what others held once is there": {
			items: stocktest.Items(stocktest.AnItem("widget", 5)),
			others: stocktest.Reservations(stocktest.AReservation("released", widgets(5)).In(v1alpha1.ReservationReleased),
				stocktest.AReservation("rejected", widgets(5)).In(v1alpha1.ReservationRejected),
				stocktest.AReservation("committed", widgets(5)).In(v1alpha1.ReservationCommitted),
				stocktest.AReservation("restocked", widgets(5)).In(v1alpha1.ReservationRestocked),
				stocktest.AReservation("waiting", widgets(5))),
			r:         stocktest.AReservation("r", widgets(5)),
			want:      stocktest.Entry(1, v1alpha1.EntryGrant, "r", "", stocktest.Line("widget", 5, 0)),
			wantPhase: v1alpha1.ReservationReserved,
			wantLevel: stock.Level{OnHand: 5, Reserved: 5},
		},
		"safety stock is never reserved": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5).Safety(2)),
			r:         stocktest.AReservation("r", widgets(4)),
			want:      stocktest.Entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", stocktest.Short(stocktest.Line("widget", 4, 3), v1alpha1.ShortageInsufficientStock)),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 5, Available: 3},
		},
		"a product nobody made does not exist": {
			items: stocktest.Items(stocktest.AnItem("widget", 5)),
			r:     stocktest.AReservation("r", widgets(1), stocktest.Units("gizmo", 1)),
			want: stocktest.Entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", stocktest.Line("widget", 1, 5),
				v1alpha1.JournalLine{ProductID: "gizmo", Quantity: 1, Shortage: v1alpha1.ShortageUnknownProduct}),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a product being deleted exists no more": {
			items: stocktest.Items(stocktest.AnItem("widget", 5).Deleting()),
			r:     stocktest.AReservation("r", widgets(1)),
			want: stocktest.Entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK",
				v1alpha1.JournalLine{ProductID: "widget", Quantity: 1, Shortage: v1alpha1.ShortageUnknownProduct}),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"an oversold product gives nothing, whatever safety stock says": {
			items:     stocktest.Items(stocktest.AnItem("widget", 0).Holds(2, 0)),
			others:    stocktest.Reservations(stocktest.AReservation("other", widgets(3)).In(v1alpha1.ReservationReserved)),
			r:         stocktest.AReservation("r", widgets(1)),
			want:      stocktest.Entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", stocktest.Short(stocktest.Line("widget", 1, -1), v1alpha1.ShortageOversold)),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 2, Reserved: 3, Available: -1},
		},
		"Commit on a Pending reservation reserves first": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(5)).Wants(v1alpha1.IntentCommit),
			want:      stocktest.Entry(1, v1alpha1.EntryGrant, "r", "", stocktest.Line("widget", 5, 0)),
			wantPhase: v1alpha1.ReservationReserved,
			wantLevel: stock.Level{OnHand: 5, Reserved: 5},
		},
		"Restock on a Pending reservation that is short rejects it": {
			items:     stocktest.Items(stocktest.AnItem("widget", 4)),
			r:         stocktest.AReservation("r", widgets(5)).Wants(v1alpha1.IntentRestock),
			want:      stocktest.Entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", stocktest.Short(stocktest.Line("widget", 5, 4), v1alpha1.ShortageInsufficientStock)),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 4, Available: 4},
		},
		"Release on a Pending reservation holds nothing and is over": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(5)).Wants(v1alpha1.IntentRelease),
			want:      stocktest.Entry(1, v1alpha1.EntryRelease, "r", journal.ReasonRequested),
			wantPhase: v1alpha1.ReservationReleased,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a Pending reservation whose time is up is released at that very second": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(5)).Expires(0),
			want:      stocktest.Entry(1, v1alpha1.EntryRelease, "r", journal.ReasonExpired),
			wantPhase: v1alpha1.ReservationReleased,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a Pending reservation with a second left is reserved": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(5)).Expires(time.Second),
			want:      stocktest.Entry(1, v1alpha1.EntryGrant, "r", "", stocktest.Line("widget", 5, 0)),
			wantPhase: v1alpha1.ReservationReserved,
			wantLevel: stock.Level{OnHand: 5, Reserved: 5},
		},
		"Hold on a Reserved reservation asks for nothing": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationReserved).Expires(time.Second),
			wantPhase: v1alpha1.ReservationReserved,
			wantLevel: stock.Level{OnHand: 5, Reserved: 2, Available: 3},
		},
		"Release gives back what is held": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationReserved).Wants(v1alpha1.IntentRelease),
			want:      stocktest.Entry(1, v1alpha1.EntryRelease, "r", journal.ReasonRequested, stocktest.Line("widget", 2, 5)),
			wantPhase: v1alpha1.ReservationReleased,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"time gives back what is held": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationReserved).Expires(-time.Second),
			want:      stocktest.Entry(1, v1alpha1.EntryRelease, "r", journal.ReasonExpired, stocktest.Line("widget", 2, 5)),
			wantPhase: v1alpha1.ReservationReleased,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a deletion that waits for a finalizer gives back what is held": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationReserved).Deleting(),
			want:      stocktest.Entry(1, v1alpha1.EntryRelease, "r", journal.ReasonDeleted, stocktest.Line("widget", 2, 5)),
			wantPhase: v1alpha1.ReservationReleased,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"Commit takes what is held off the shelf": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationReserved).Wants(v1alpha1.IntentCommit),
			want:      stocktest.Entry(1, v1alpha1.EntryCommit, "r", "", stocktest.Line("widget", 2, 3)),
			wantPhase: v1alpha1.ReservationCommitted,
			wantLevel: stock.Level{OnHand: 3, Available: 3},
		},
		"Commit that was seen wins against expiry and deletion": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationReserved).Wants(v1alpha1.IntentCommit).Expires(-time.Hour).Deleting(),
			want:      stocktest.Entry(1, v1alpha1.EntryCommit, "r", "", stocktest.Line("widget", 2, 3)),
			wantPhase: v1alpha1.ReservationCommitted,
			wantLevel: stock.Level{OnHand: 3, Available: 3},
		},
		"Restock on a Reserved reservation commits first": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationReserved).Wants(v1alpha1.IntentRestock),
			want:      stocktest.Entry(1, v1alpha1.EntryCommit, "r", "", stocktest.Line("widget", 2, 3)),
			wantPhase: v1alpha1.ReservationCommitted,
			wantLevel: stock.Level{OnHand: 3, Available: 3},
		},
		"Restock puts back everything when it does not say what": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationCommitted).Wants(v1alpha1.IntentRestock),
			want:      stocktest.Entry(1, v1alpha1.EntryRestock, "r", "", stocktest.Line("widget", 2, 7)),
			wantPhase: v1alpha1.ReservationRestocked,
			wantLevel: stock.Level{OnHand: 7, Available: 7},
		},
		"Restock puts back some of some lines when it says so": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5), stocktest.AnItem("gadget", 5)),
			r:         stocktest.AReservation("r", widgets(2), gadgets(3)).In(v1alpha1.ReservationCommitted).Restocks(widgets(1)),
			want:      stocktest.Entry(1, v1alpha1.EntryRestock, "r", "", stocktest.Line("widget", 1, 6)),
			wantPhase: v1alpha1.ReservationRestocked,
			wantLevel: stock.Level{OnHand: 6, Available: 6},
		},
		"Restock never puts back more than was taken": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationCommitted).Restocks(widgets(9), gadgets(1)),
			want:      stocktest.Entry(1, v1alpha1.EntryRestock, "r", "", stocktest.Line("widget", 2, 7)),
			wantPhase: v1alpha1.ReservationRestocked,
			wantLevel: stock.Level{OnHand: 7, Available: 7},
		},
		"Restock of nothing puts nothing back and is over": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationCommitted).Restocks(),
			want:      stocktest.Entry(1, v1alpha1.EntryRestock, "r", ""),
			wantPhase: v1alpha1.ReservationRestocked,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"Commit on a committed reservation asks for nothing, however old": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationCommitted).Wants(v1alpha1.IntentCommit).Expires(-time.Hour),
			wantPhase: v1alpha1.ReservationCommitted,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a rejected reservation stays so": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationRejected).Wants(v1alpha1.IntentRelease),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a released reservation stays so": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationReleased).Wants(v1alpha1.IntentCommit),
			wantPhase: v1alpha1.ReservationReleased,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a restocked reservation stays so": {
			items:     stocktest.Items(stocktest.AnItem("widget", 5)),
			r:         stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationRestocked).Wants(v1alpha1.IntentRestock),
			wantPhase: v1alpha1.ReservationRestocked,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"stock of an item made again is not debited for its predecessor": {
			items: stocktest.Items(stocktest.AnItem("widget", 5).WithUID("another-uid")),
			r:     stocktest.AReservation("r", widgets(2)).In(v1alpha1.ReservationReserved).Wants(v1alpha1.IntentCommit),
			want:  stocktest.Entry(1, v1alpha1.EntryCommit, "r", journal.ReasonItemMadeAgain, stocktest.NotMoved(stocktest.Line("widget", 2, 0))),
			// The line still names the uid it was reserved from.
			wantPhase: v1alpha1.ReservationCommitted,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := stock.NewLedger(0, c.items, append(c.others, stocktest.Reservations(c.r)...), nil)
			got, _ := l.DecideReservation(&c.r.StockReservation, stocktest.Noon())
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
			if phase := l.Phase(c.r.UID); phase != c.wantPhase {
				t.Errorf("phase %s, want %s", phase, c.wantPhase)
			}
			level, _ := l.Level(c.items[0].UID)
			if diff := cmp.Diff(c.wantLevel, level); diff != "" {
				t.Errorf("level (-want +got):\n%s", diff)
			}
		})
	}
}

// The phase in an object from an informer may be old; what the ledger decided counts.
func TestLedgerNeverReadsAPhaseAgain(t *testing.T) {
	r := stocktest.AReservation("r", stocktest.Units("widget", 1))
	l := stock.NewLedger(0, stocktest.Items(stocktest.AnItem("widget", 1)), nil, nil)
	var kinds []v1alpha1.JournalEntryKind
	for _, intent := range []v1alpha1.ReservationIntent{
		v1alpha1.IntentHold, v1alpha1.IntentHold, v1alpha1.IntentCommit, v1alpha1.IntentHold, v1alpha1.IntentCommit,
		v1alpha1.IntentRestock, v1alpha1.IntentHold, v1alpha1.IntentRestock,
	} {
		if e, _ := l.DecideReservation(&r.Wants(intent).StockReservation, stocktest.Noon()); e != nil {
			kinds = append(kinds, e.Kind)
		}
	}
	want := []v1alpha1.JournalEntryKind{v1alpha1.EntryGrant, v1alpha1.EntryCommit, v1alpha1.EntryRestock}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
}

func TestNumberingGoesOnBehindEveryNumberFound(t *testing.T) {
	for name, c := range map[string]struct {
		ledger *stock.Ledger
		want   int64
	}{
		"the journal's":     {stock.NewLedger(7, nil, nil, nil), 7},
		"an item's":         {stock.NewLedger(7, stocktest.Items(stocktest.AnItem("a", 1).Holds(1, 9)), nil, nil), 9},
		"a reservation's":   {stock.NewLedger(7, nil, stocktest.Reservations(stocktest.AReservation("r").In(v1alpha1.ReservationReserved).Decided(3).Decided(12)), nil), 12},
		"a document's":      {stock.NewLedger(7, nil, nil, stocktest.Documents(stocktest.Received("d", "a", 1).In(v1alpha1.AdjustmentApplied, 10))), 10},
		"a refused one's":   {stock.NewLedger(7, nil, nil, stocktest.Documents(stocktest.Received("d", "a", 1).In(v1alpha1.AdjustmentRefused, 11))), 11},
		"older ones do not": {stock.NewLedger(7, stocktest.Items(stocktest.AnItem("a", 1).Holds(1, 2)), nil, nil), 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.ledger.Seq(); got != c.want {
				t.Errorf("seq %d, want %d", got, c.want)
			}
		})
	}
}

func TestForget(t *testing.T) {
	fresh := func() *stock.Ledger {
		return stock.NewLedger(0, stocktest.Items(stocktest.AnItem("widget", 5), stocktest.AnItem("gadget", 5)), stocktest.Reservations(
			stocktest.AReservation("held", stocktest.Units("widget", 2), stocktest.Units("gadget", 1)).In(v1alpha1.ReservationReserved),
			stocktest.AReservation("taken", stocktest.Units("widget", 2)).In(v1alpha1.ReservationCommitted)),
			stocktest.Documents(stocktest.Received("d", "widget", 1).In(v1alpha1.AdjustmentApplied, 1)))
	}
	t.Run("a reservation that held frees its products", func(t *testing.T) {
		t.Parallel()
		l := fresh()
		if diff := cmp.Diff([]string{"widget", "gadget"}, l.ForgetReservation(stocktest.UIDOf("held"))); diff != "" {
			t.Errorf("freed (-want +got):\n%s", diff)
		}
		if freed := l.ForgetReservation(stocktest.UIDOf("held")); freed != nil {
			t.Errorf("freed %v a second time", freed)
		}
		level, _ := l.Level(stocktest.UIDOf("widget"))
		if diff := cmp.Diff(stock.Level{OnHand: 5, Available: 5}, level); diff != "" {
			t.Errorf("level (-want +got):\n%s", diff)
		}
	})
	t.Run("a reservation that was committed frees nothing", func(t *testing.T) {
		t.Parallel()
		l := fresh()
		if freed := l.ForgetReservation(stocktest.UIDOf("taken")); freed != nil || l.Known(stocktest.UIDOf("taken")) {
			t.Errorf("freed %v, known %t", freed, l.Known(stocktest.UIDOf("taken")))
		}
	})
	t.Run("what is reserved of an item that is gone binds nothing", func(t *testing.T) {
		t.Parallel()
		l := fresh()
		l.ForgetItem(stocktest.UIDOf("widget"))
		l.ForgetItem(stocktest.UIDOf("widget"))
		again := stocktest.AnItem("widget", 1).WithUID("second")
		isNew := l.ObserveItem(&again.StockItem)
		if _, known := l.Level(stocktest.UIDOf("widget")); !isNew || known {
			t.Fatal("the item made again is not new, or the old one is still known")
		}
		held := stocktest.AReservation("held", stocktest.Units("widget", 2), stocktest.Units("gadget", 1)).Wants(v1alpha1.IntentRelease)
		if e, _ := l.DecideReservation(&held.StockReservation, stocktest.Noon()); e == nil || e.Kind != v1alpha1.EntryRelease {
			t.Fatalf("decided %+v", e)
		}
		level, _ := l.Level("second")
		if diff := cmp.Diff(stock.Level{OnHand: 1, Available: 1}, level); diff != "" {
			t.Errorf("level of the item made again (-want +got):\n%s", diff)
		}
	})
	t.Run("an item made again is not dropped with its predecessor", func(t *testing.T) {
		t.Parallel()
		l := fresh()
		l.ObserveItem(&stocktest.AnItem("widget", 1).WithUID("second").StockItem)
		l.ForgetItem(stocktest.UIDOf("widget"))
		r := stocktest.AReservation("r", stocktest.Units("widget", 1))
		if e, _ := l.DecideReservation(&r.StockReservation, stocktest.Noon()); e.Kind != v1alpha1.EntryGrant || e.Lines[0].ItemUID != "second" {
			t.Errorf("decided %+v", e)
		}
	})
	t.Run("a document", func(t *testing.T) {
		t.Parallel()
		l := fresh()
		if !l.KnownDocument(stocktest.UIDOf("d")) || !l.Settled(stocktest.UIDOf("d")) {
			t.Fatal("the settled document is not known")
		}
		l.ForgetDocument(stocktest.UIDOf("d"))
		if l.KnownDocument(stocktest.UIDOf("d")) || l.Settled(stocktest.UIDOf("d")) {
			t.Error("the document is still known")
		}
	})
}

// A list may know earlier than an informer that something is gone; what the
// informer shows until then is old.
func TestWhatAListShowedToBeGoneStaysGone(t *testing.T) {
	t.Parallel()
	r := stocktest.AReservation("r", stocktest.Units("widget", 2)).In(v1alpha1.ReservationCommitted)
	l := stock.NewLedger(0, stocktest.Items(stocktest.AnItem("widget", 5), stocktest.AnItem("gadget", 5)), stocktest.Reservations(r), nil)
	l.ForgetAbsent(stocktest.Items(stocktest.AnItem("widget", 5)), nil)
	if e, _ := l.DecideReservation(&r.Wants(v1alpha1.IntentRestock).StockReservation, stocktest.Noon()); e != nil {
		t.Errorf("decided %s for a reservation that is gone", e.Kind)
	}
	isNew := l.ObserveItem(&stocktest.AnItem("gadget", 5).StockItem)
	if _, known := l.Level(stocktest.UIDOf("gadget")); isNew || known {
		t.Error("an item that is gone came back")
	}
	l.ForgetReservation(r.UID)
	l.ForgetItem(stocktest.UIDOf("gadget"))
	again := stocktest.AReservation("r", stocktest.Units("widget", 2))
	again.UID = "another"
	if e, _ := l.DecideReservation(&again.StockReservation, stocktest.Noon()); e == nil || e.Kind != v1alpha1.EntryGrant {
		t.Errorf("decided %+v for another reservation of the name", e)
	}
}

func TestObserveItem(t *testing.T) {
	t.Parallel()
	l := stock.NewLedger(0, stocktest.Items(stocktest.AnItem("widget", 5)), nil, nil)
	changed := stocktest.AnItem("widget", 5).Holds(99, 7).Safety(2)
	if l.ObserveItem(&changed.StockItem) {
		t.Error("a known item is new")
	}
	level, _ := l.Level(stocktest.UIDOf("widget"))
	if diff := cmp.Diff(stock.Level{OnHand: 5, Available: 3}, level); diff != "" {
		t.Errorf("policy comes from the object, stock does not (-want +got):\n%s", diff)
	}
	if _, ok := l.Level("nobody"); ok {
		t.Error("an item that does not exist has a level")
	}
}

// A reservation the list showed Pending is known, though nothing was decided.
func TestKnownIsListedOrDecided(t *testing.T) {
	t.Parallel()
	l := stock.NewLedger(0, nil, stocktest.Reservations(stocktest.AReservation("listed", stocktest.Units("a", 1))), stocktest.Documents(stocktest.Received("d", "a", 1)))
	if !l.Known(stocktest.UIDOf("listed")) || l.Known(stocktest.UIDOf("other")) || l.Phase(stocktest.UIDOf("listed")) != v1alpha1.ReservationPending {
		t.Error("listed is not known as Pending, or other is known")
	}
	if !l.KnownDocument(stocktest.UIDOf("d")) || l.Settled(stocktest.UIDOf("d")) {
		t.Error("the listed document is not known, or settled")
	}
}
