package stock_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

func TestDecideReservation(t *testing.T) {
	widgets := func(n int64) v1alpha1.StockLine { return units("widget", n) }
	gadgets := func(n int64) v1alpha1.StockLine { return units("gadget", n) }
	for name, c := range map[string]struct {
		items     []v1alpha1.StockItem
		others    []v1alpha1.StockReservation
		r         *reservationBuilder
		want      *v1alpha1.JournalEntry
		wantPhase v1alpha1.StockReservationPhase
		wantLevel stock.Level // of widget
	}{
		"every line fits and all are reserved": {
			items:     items(anItem("widget", 5), anItem("gadget", 2)),
			r:         aReservation("r", widgets(3), gadgets(2)),
			want:      entry(1, v1alpha1.EntryGrant, "r", "", line("widget", 3, 2), line("gadget", 2, 0)),
			wantPhase: v1alpha1.ReservationReserved,
			wantLevel: stock.Level{OnHand: 5, Reserved: 3, Available: 2},
		},
		"one line of two is short and nothing is reserved": {
			items: items(anItem("widget", 5), anItem("gadget", 1)),
			r:     aReservation("r", widgets(3), gadgets(2)),
			want: entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK",
				line("widget", 3, 5), short(line("gadget", 2, 1), v1alpha1.ShortageInsufficientStock)),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"what others hold is not there": {
			items:     items(anItem("widget", 5)),
			others:    reservations(aReservation("other", widgets(3)).in(v1alpha1.ReservationReserved)),
			r:         aReservation("r", widgets(3)),
			want:      entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", short(line("widget", 3, 2), v1alpha1.ShortageInsufficientStock)),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 5, Reserved: 3, Available: 2},
		},
		"what others held once is there": {
			items: items(anItem("widget", 5)),
			others: reservations(aReservation("released", widgets(5)).in(v1alpha1.ReservationReleased),
				aReservation("rejected", widgets(5)).in(v1alpha1.ReservationRejected),
				aReservation("committed", widgets(5)).in(v1alpha1.ReservationCommitted),
				aReservation("restocked", widgets(5)).in(v1alpha1.ReservationRestocked),
				aReservation("waiting", widgets(5))),
			r:         aReservation("r", widgets(5)),
			want:      entry(1, v1alpha1.EntryGrant, "r", "", line("widget", 5, 0)),
			wantPhase: v1alpha1.ReservationReserved,
			wantLevel: stock.Level{OnHand: 5, Reserved: 5},
		},
		"safety stock is never reserved": {
			items:     items(anItem("widget", 5).safety(2)),
			r:         aReservation("r", widgets(4)),
			want:      entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", short(line("widget", 4, 3), v1alpha1.ShortageInsufficientStock)),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 5, Available: 3},
		},
		"a product nobody made does not exist": {
			items: items(anItem("widget", 5)),
			r:     aReservation("r", widgets(1), units("gizmo", 1)),
			want: entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", line("widget", 1, 5),
				v1alpha1.JournalLine{ProductID: "gizmo", Quantity: 1, Shortage: v1alpha1.ShortageUnknownProduct}),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a product being deleted exists no more": {
			items: items(anItem("widget", 5).deleting()),
			r:     aReservation("r", widgets(1)),
			want: entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK",
				v1alpha1.JournalLine{ProductID: "widget", Quantity: 1, Shortage: v1alpha1.ShortageUnknownProduct}),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"an oversold product gives nothing, whatever safety stock says": {
			items:     items(anItem("widget", 0).holds(2, 0)),
			others:    reservations(aReservation("other", widgets(3)).in(v1alpha1.ReservationReserved)),
			r:         aReservation("r", widgets(1)),
			want:      entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", short(line("widget", 1, -1), v1alpha1.ShortageOversold)),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 2, Reserved: 3, Available: -1},
		},
		"Commit on a Pending reservation reserves first": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(5)).wants(v1alpha1.IntentCommit),
			want:      entry(1, v1alpha1.EntryGrant, "r", "", line("widget", 5, 0)),
			wantPhase: v1alpha1.ReservationReserved,
			wantLevel: stock.Level{OnHand: 5, Reserved: 5},
		},
		"Restock on a Pending reservation that is short rejects it": {
			items:     items(anItem("widget", 4)),
			r:         aReservation("r", widgets(5)).wants(v1alpha1.IntentRestock),
			want:      entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", short(line("widget", 5, 4), v1alpha1.ShortageInsufficientStock)),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 4, Available: 4},
		},
		"Release on a Pending reservation holds nothing and is over": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(5)).wants(v1alpha1.IntentRelease),
			want:      entry(1, v1alpha1.EntryRelease, "r", journal.ReasonRequested),
			wantPhase: v1alpha1.ReservationReleased,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a Pending reservation whose time is up is released at that very second": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(5)).expires(0),
			want:      entry(1, v1alpha1.EntryRelease, "r", journal.ReasonExpired),
			wantPhase: v1alpha1.ReservationReleased,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a Pending reservation with a second left is reserved": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(5)).expires(time.Second),
			want:      entry(1, v1alpha1.EntryGrant, "r", "", line("widget", 5, 0)),
			wantPhase: v1alpha1.ReservationReserved,
			wantLevel: stock.Level{OnHand: 5, Reserved: 5},
		},
		"Hold on a Reserved reservation asks for nothing": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationReserved).expires(time.Second),
			wantPhase: v1alpha1.ReservationReserved,
			wantLevel: stock.Level{OnHand: 5, Reserved: 2, Available: 3},
		},
		"Release gives back what is held": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationReserved).wants(v1alpha1.IntentRelease),
			want:      entry(1, v1alpha1.EntryRelease, "r", journal.ReasonRequested, line("widget", 2, 5)),
			wantPhase: v1alpha1.ReservationReleased,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"time gives back what is held": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationReserved).expires(-time.Second),
			want:      entry(1, v1alpha1.EntryRelease, "r", journal.ReasonExpired, line("widget", 2, 5)),
			wantPhase: v1alpha1.ReservationReleased,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a deletion that waits for a finalizer gives back what is held": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationReserved).deleting(),
			want:      entry(1, v1alpha1.EntryRelease, "r", journal.ReasonDeleted, line("widget", 2, 5)),
			wantPhase: v1alpha1.ReservationReleased,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"Commit takes what is held off the shelf": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationReserved).wants(v1alpha1.IntentCommit),
			want:      entry(1, v1alpha1.EntryCommit, "r", "", line("widget", 2, 3)),
			wantPhase: v1alpha1.ReservationCommitted,
			wantLevel: stock.Level{OnHand: 3, Available: 3},
		},
		"Commit that was seen wins against expiry and deletion": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationReserved).wants(v1alpha1.IntentCommit).expires(-time.Hour).deleting(),
			want:      entry(1, v1alpha1.EntryCommit, "r", "", line("widget", 2, 3)),
			wantPhase: v1alpha1.ReservationCommitted,
			wantLevel: stock.Level{OnHand: 3, Available: 3},
		},
		"Restock on a Reserved reservation commits first": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationReserved).wants(v1alpha1.IntentRestock),
			want:      entry(1, v1alpha1.EntryCommit, "r", "", line("widget", 2, 3)),
			wantPhase: v1alpha1.ReservationCommitted,
			wantLevel: stock.Level{OnHand: 3, Available: 3},
		},
		"Restock puts back everything when it does not say what": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationCommitted).wants(v1alpha1.IntentRestock),
			want:      entry(1, v1alpha1.EntryRestock, "r", "", line("widget", 2, 7)),
			wantPhase: v1alpha1.ReservationRestocked,
			wantLevel: stock.Level{OnHand: 7, Available: 7},
		},
		"Restock puts back some of some lines when it says so": {
			items:     items(anItem("widget", 5), anItem("gadget", 5)),
			r:         aReservation("r", widgets(2), gadgets(3)).in(v1alpha1.ReservationCommitted).restocks(widgets(1)),
			want:      entry(1, v1alpha1.EntryRestock, "r", "", line("widget", 1, 6)),
			wantPhase: v1alpha1.ReservationRestocked,
			wantLevel: stock.Level{OnHand: 6, Available: 6},
		},
		"Restock never puts back more than was taken": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationCommitted).restocks(widgets(9), gadgets(1)),
			want:      entry(1, v1alpha1.EntryRestock, "r", "", line("widget", 2, 7)),
			wantPhase: v1alpha1.ReservationRestocked,
			wantLevel: stock.Level{OnHand: 7, Available: 7},
		},
		"Restock of nothing puts nothing back and is over": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationCommitted).restocks(),
			want:      entry(1, v1alpha1.EntryRestock, "r", ""),
			wantPhase: v1alpha1.ReservationRestocked,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"Commit on a committed reservation asks for nothing, however old": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationCommitted).wants(v1alpha1.IntentCommit).expires(-time.Hour),
			wantPhase: v1alpha1.ReservationCommitted,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a rejected reservation stays so": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationRejected).wants(v1alpha1.IntentRelease),
			wantPhase: v1alpha1.ReservationRejected,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a released reservation stays so": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationReleased).wants(v1alpha1.IntentCommit),
			wantPhase: v1alpha1.ReservationReleased,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"a restocked reservation stays so": {
			items:     items(anItem("widget", 5)),
			r:         aReservation("r", widgets(2)).in(v1alpha1.ReservationRestocked).wants(v1alpha1.IntentRestock),
			wantPhase: v1alpha1.ReservationRestocked,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
		"stock of an item made again is not debited for its predecessor": {
			items: items(anItem("widget", 5).uid("another-uid")),
			r:     aReservation("r", widgets(2)).in(v1alpha1.ReservationReserved).wants(v1alpha1.IntentCommit),
			want:  entry(1, v1alpha1.EntryCommit, "r", "", line("widget", 2, 0)),
			// The line still names the uid it was reserved from.
			wantPhase: v1alpha1.ReservationCommitted,
			wantLevel: stock.Level{OnHand: 5, Available: 5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := stock.NewLedger(0, c.items, append(c.others, reservations(c.r)...), nil)
			got := l.DecideReservation(&c.r.StockReservation, noon)
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
	r := aReservation("r", units("widget", 1))
	l := stock.NewLedger(0, items(anItem("widget", 1)), nil, nil)
	var kinds []v1alpha1.JournalEntryKind
	for _, intent := range []v1alpha1.ReservationIntent{
		v1alpha1.IntentHold, v1alpha1.IntentHold, v1alpha1.IntentCommit, v1alpha1.IntentHold, v1alpha1.IntentCommit,
		v1alpha1.IntentRestock, v1alpha1.IntentHold, v1alpha1.IntentRestock,
	} {
		if e := l.DecideReservation(&r.wants(intent).StockReservation, noon); e != nil {
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
		"an item's":         {stock.NewLedger(7, items(anItem("a", 1).holds(1, 9)), nil, nil), 9},
		"a reservation's":   {stock.NewLedger(7, nil, reservations(aReservation("r").in(v1alpha1.ReservationReserved).decided(3).decided(12)), nil), 12},
		"a document's":      {stock.NewLedger(7, nil, nil, documents(received("d", "a", 1).in(v1alpha1.AdjustmentApplied, 10))), 10},
		"a refused one's":   {stock.NewLedger(7, nil, nil, documents(received("d", "a", 1).in(v1alpha1.AdjustmentRefused, 11))), 11},
		"older ones do not": {stock.NewLedger(7, items(anItem("a", 1).holds(1, 2)), nil, nil), 7},
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
		return stock.NewLedger(0, items(anItem("widget", 5), anItem("gadget", 5)), reservations(
			aReservation("held", units("widget", 2), units("gadget", 1)).in(v1alpha1.ReservationReserved),
			aReservation("taken", units("widget", 2)).in(v1alpha1.ReservationCommitted)),
			documents(received("d", "widget", 1).in(v1alpha1.AdjustmentApplied, 1)))
	}
	t.Run("a reservation that held frees its products", func(t *testing.T) {
		t.Parallel()
		l := fresh()
		if diff := cmp.Diff([]string{"widget", "gadget"}, l.ForgetReservation(uidOf("held"))); diff != "" {
			t.Errorf("freed (-want +got):\n%s", diff)
		}
		if freed := l.ForgetReservation(uidOf("held")); freed != nil {
			t.Errorf("freed %v a second time", freed)
		}
		level, _ := l.Level(uidOf("widget"))
		if diff := cmp.Diff(stock.Level{OnHand: 5, Available: 5}, level); diff != "" {
			t.Errorf("level (-want +got):\n%s", diff)
		}
	})
	t.Run("a reservation that was committed frees nothing", func(t *testing.T) {
		t.Parallel()
		l := fresh()
		if freed := l.ForgetReservation(uidOf("taken")); freed != nil || l.Known(uidOf("taken")) {
			t.Errorf("freed %v, known %t", freed, l.Known(uidOf("taken")))
		}
	})
	t.Run("claims on an item that is gone bind nothing", func(t *testing.T) {
		t.Parallel()
		l := fresh()
		l.ForgetItem(uidOf("widget"))
		l.ForgetItem(uidOf("widget"))
		again := anItem("widget", 1).uid("second")
		isNew := l.ObserveItem(&again.StockItem)
		if _, known := l.Level(uidOf("widget")); !isNew || known {
			t.Fatal("the item made again is not new, or the old one is still known")
		}
		held := aReservation("held", units("widget", 2), units("gadget", 1)).wants(v1alpha1.IntentRelease)
		if e := l.DecideReservation(&held.StockReservation, noon); e == nil || e.Kind != v1alpha1.EntryRelease {
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
		l.ObserveItem(&anItem("widget", 1).uid("second").StockItem)
		l.ForgetItem(uidOf("widget"))
		r := aReservation("r", units("widget", 1))
		if e := l.DecideReservation(&r.StockReservation, noon); e.Kind != v1alpha1.EntryGrant || e.Lines[0].ItemUID != "second" {
			t.Errorf("decided %+v", e)
		}
	})
	t.Run("a document", func(t *testing.T) {
		t.Parallel()
		l := fresh()
		if !l.KnownDocument(uidOf("d")) || !l.Settled(uidOf("d")) {
			t.Fatal("the settled document is not known")
		}
		l.ForgetDocument(uidOf("d"))
		if l.KnownDocument(uidOf("d")) || l.Settled(uidOf("d")) {
			t.Error("the document is still known")
		}
	})
}

// A list may know earlier than an informer that something is gone; what the
// informer shows until then is old.
func TestWhatAListShowedToBeGoneStaysGone(t *testing.T) {
	t.Parallel()
	r := aReservation("r", units("widget", 2)).in(v1alpha1.ReservationCommitted)
	l := stock.NewLedger(0, items(anItem("widget", 5), anItem("gadget", 5)), reservations(r), nil)
	l.ForgetAbsent(items(anItem("widget", 5)), nil)
	if e := l.DecideReservation(&r.wants(v1alpha1.IntentRestock).StockReservation, noon); e != nil {
		t.Errorf("decided %s for a reservation that is gone", e.Kind)
	}
	isNew := l.ObserveItem(&anItem("gadget", 5).StockItem)
	if _, known := l.Level(uidOf("gadget")); isNew || known {
		t.Error("an item that is gone came back")
	}
	l.ForgetReservation(r.UID)
	l.ForgetItem(uidOf("gadget"))
	again := aReservation("r", units("widget", 2))
	again.UID = "another"
	if e := l.DecideReservation(&again.StockReservation, noon); e == nil || e.Kind != v1alpha1.EntryGrant {
		t.Errorf("decided %+v for another reservation of the name", e)
	}
}

func TestObserveItem(t *testing.T) {
	t.Parallel()
	l := stock.NewLedger(0, items(anItem("widget", 5)), nil, nil)
	changed := anItem("widget", 5).holds(99, 7).safety(2)
	if l.ObserveItem(&changed.StockItem) {
		t.Error("a known item is new")
	}
	level, _ := l.Level(uidOf("widget"))
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
	l := stock.NewLedger(0, nil, reservations(aReservation("listed", units("a", 1))), documents(received("d", "a", 1)))
	if !l.Known(uidOf("listed")) || l.Known(uidOf("other")) || l.Phase(uidOf("listed")) != v1alpha1.ReservationPending {
		t.Error("listed is not known as Pending, or other is known")
	}
	if !l.KnownDocument(uidOf("d")) || l.Settled(uidOf("d")) {
		t.Error("the listed document is not known, or settled")
	}
}
