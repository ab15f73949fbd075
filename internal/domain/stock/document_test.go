package stock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

func TestDecideDocument(t *testing.T) {
	const adjust, refuse = v1alpha1.EntryAdjust, v1alpha1.EntryAdjustReject
	holding := func(n int64) []v1alpha1.StockReservation {
		return reservations(aReservation("held", units("widget", n)).in(v1alpha1.ReservationReserved))
	}
	for name, c := range map[string]struct {
		item       *itemBuilder
		others     []v1alpha1.StockReservation
		d          *documentBuilder
		kind       v1alpha1.JournalEntryKind
		reason     string
		change     int64
		wantOnHand int64
	}{
		"goods received":       {anItem("widget", 5), nil, received("d", "widget", 3), adjust, journal.ReasonApplied, 3, 8},
		"a correction upwards": {anItem("widget", 5), nil, adjusted("d", "widget", 1), adjust, journal.ReasonApplied, 1, 6},
		"a correction downwards to what is reserved": {
			anItem("widget", 5), holding(3), adjusted("d", "widget", -2), adjust, journal.ReasonApplied, -2, 3},
		"a correction into what is reserved": {
			anItem("widget", 5), holding(3), adjusted("d", "widget", -3), refuse, journal.ReasonBelowReserved, 0, 5},
		"a correction may take safety stock": {
			anItem("widget", 5).safety(5), nil, adjusted("d", "widget", -5), adjust, journal.ReasonApplied, -5, 0},
		"a correction below nothing": {
			anItem("widget", 5), nil, adjusted("d", "widget", -6), refuse, journal.ReasonBelowZero, 0, 5},
		"a correction downwards of an oversold item": {
			anItem("widget", 0).holds(2, 0), holding(3), adjusted("d", "widget", -1), refuse, journal.ReasonBelowReserved, 0, 2},
		"a correction upwards of an oversold item that stays oversold": {
			anItem("widget", 0).holds(1, 0), holding(3), adjusted("d", "widget", 1), adjust, journal.ReasonApplied, 1, 2},
		"more than can be counted": {
			anItem("widget", 0).holds(journal.MaxOnHand, 0), nil, received("d", "widget", 1), refuse, journal.ReasonQuantityOverflow, 0, journal.MaxOnHand},
		"as much as can be counted": {
			anItem("widget", 0).holds(journal.MaxOnHand-1, 0), nil, received("d", "widget", 1), adjust, journal.ReasonApplied, 1, journal.MaxOnHand},
		"a count that found less": {anItem("widget", 5), nil, counted("d", "widget", 4, 0), adjust, journal.ReasonApplied, -1, 4},
		"a count that found more": {anItem("widget", 5), nil, counted("d", "widget", 6, 0), adjust, journal.ReasonApplied, 1, 6},
		"a count that found the same is a movement of nothing": {
			anItem("widget", 5), nil, counted("d", "widget", 5, 0), adjust, journal.ReasonApplied, 0, 5},
		"a count below what is reserved is believed": {
			anItem("widget", 5), holding(3), counted("d", "widget", 1, 0), adjust, journal.ReasonApplied, -4, 1},
		"a count of an item that is below zero": {
			anItem("widget", 0).holds(-2, 0), nil, counted("d", "widget", 1, 0), adjust, journal.ReasonApplied, 3, 1},
		"a count older than the last movement": {
			anItem("widget", 5).movedAt(-time.Minute), nil, counted("d", "widget", 4, -time.Hour), refuse, journal.ReasonStaleCount, 0, 5},
		"a count as old as the last movement": {
			anItem("widget", 5).movedAt(-time.Minute), nil, counted("d", "widget", 4, -time.Minute), adjust, journal.ReasonApplied, -1, 4},
		"a count dated a little ahead of our clock": {
			anItem("widget", 5), nil, counted("d", "widget", 4, 5*time.Minute), adjust, journal.ReasonApplied, -1, 4},
		"a count dated in the future": {
			anItem("widget", 5), nil, counted("d", "widget", 4, 5*time.Minute+time.Second), refuse, journal.ReasonCountInFuture, 0, 5},
		"a count that expected what is on hand": {
			anItem("widget", 5), nil, counted("d", "widget", 4, 0).expecting(5), adjust, journal.ReasonApplied, -1, 4},
		"a count that expected something else": {
			anItem("widget", 5), nil, counted("d", "widget", 4, 0).expecting(6), refuse, journal.ReasonUnexpectedOnHand, 0, 5},
		"a name that counts already": {
			anItem("widget", 5).counts("b", "d"), nil, received("d", "widget", 3).again(), refuse, journal.ReasonAlreadyApplied, 0, 5},
		"a name that counts already, whatever else is wrong": {
			anItem("widget", 5).counts("d"), nil, adjusted("d", "widget", -9).again(), refuse, journal.ReasonAlreadyApplied, 0, 5},
		"a generated name can't have been used before": {
			anItem("widget", 5).counts("d"), nil, received("d", "widget", 3).generated(), adjust, journal.ReasonApplied, 3, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := stock.NewLedger(0, items(c.item), c.others, nil)
			before, _ := l.Level(c.item.UID)
			got, waits := l.DecideDocument(&c.d.StockAdjustment, noon)
			if waits || got == nil {
				t.Fatalf("entry %v, waits %t", got, waits)
			}
			available := before.Available + c.change
			want := entry(1, c.kind, "d", c.reason, leaving(line("widget", c.change, available), c.wantOnHand))
			want.UID, want.CountedAt, want.Generated = string(c.d.UID), c.d.Spec.CountedAt, c.d.GenerateName != ""
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
			after, _ := l.Level(c.item.UID)
			if diff := cmp.Diff(stock.Level{OnHand: c.wantOnHand, Reserved: before.Reserved, Available: available}, after); diff != "" {
				t.Errorf("level (-want +got):\n%s", diff)
			}
			if again, waits := l.DecideDocument(&c.d.StockAdjustment, noon); again != nil || waits {
				t.Errorf("decided a second time: %+v, waits %t", again, waits)
			}
		})
	}
}

func TestDocumentWaitsForItsProduct(t *testing.T) {
	t.Parallel()
	l := stock.NewLedger(0, items(anItem("leaving", 5).deleting()), nil, nil)
	for _, product := range []string{"widget", "leaving"} {
		d := received("d-"+product, product, 3)
		if e, waits := l.DecideDocument(&d.StockAdjustment, noon); e != nil || !waits || l.Settled(d.UID) {
			t.Errorf("%s: entry %v, waits %t, settled %t", product, e, waits, l.Settled(d.UID))
		}
	}
	l.ObserveItem(&anItem("widget", 5).StockItem)
	if e, waits := l.DecideDocument(&received("d-widget", "widget", 3).StockAdjustment, noon); e == nil || waits || e.Kind != v1alpha1.EntryAdjust {
		t.Errorf("once the item is there: entry %v, waits %t", e, waits)
	}
}

// What moves an item makes an older count stale; what only reserves does not.
func TestCountAfterMovement(t *testing.T) {
	held := aReservation("held", units("widget", 1)).in(v1alpha1.ReservationReserved)
	for name, c := range map[string]struct {
		before func(l *stock.Ledger)
		want   string
	}{
		"a grant moves nothing": {func(l *stock.Ledger) {
			l.DecideReservation(&aReservation("r", units("widget", 1)).StockReservation, noon)
		}, journal.ReasonApplied},
		"a release moves nothing": {func(l *stock.Ledger) {
			l.DecideReservation(&aReservation("held").wants(v1alpha1.IntentRelease).StockReservation, noon)
		}, journal.ReasonApplied},
		"a commit moves": {func(l *stock.Ledger) {
			l.DecideReservation(&aReservation("held").wants(v1alpha1.IntentCommit).StockReservation, noon)
		}, journal.ReasonStaleCount},
		"a document moves": {func(l *stock.Ledger) {
			l.DecideDocument(&received("in", "widget", 1).StockAdjustment, noon)
		}, journal.ReasonStaleCount},
		"a refused document moves nothing": {func(l *stock.Ledger) {
			l.DecideDocument(&adjusted("out", "widget", -99).StockAdjustment, noon)
		}, journal.ReasonApplied},
		"a count speaks for the moment it was made, not for when it was decided": {func(l *stock.Ledger) {
			l.DecideDocument(&counted("first", "widget", 4, -2*time.Minute).StockAdjustment, noon)
		}, journal.ReasonApplied},
		"an older count than the last one is stale": {func(l *stock.Ledger) {
			l.DecideDocument(&counted("first", "widget", 4, 0).StockAdjustment, noon)
		}, journal.ReasonStaleCount},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := stock.NewLedger(0, items(anItem("widget", 5)), reservations(held), nil)
			c.before(l)
			e, _ := l.DecideDocument(&counted("count", "widget", 3, -time.Minute).StockAdjustment, noon)
			if e.Reason != c.want {
				t.Errorf("decided %s, want %s", e.Reason, c.want)
			}
		})
	}
}

// A document that is deleted and made again under its name counts once, for
// the ledger that applied it and for every later one.
func TestDocumentMadeAgainCountsOnce(t *testing.T) {
	t.Parallel()
	item := anItem("widget", 5)
	l := stock.NewLedger(0, items(item), nil, nil)
	first, _ := l.DecideDocument(&received("delivery", "widget", 3).StockAdjustment, noon)
	l.ForgetDocument(uidOf("delivery"))
	second, _ := l.DecideDocument(&received("delivery", "widget", 3).again().StockAdjustment, noon)
	if second.Reason != journal.ReasonAlreadyApplied {
		t.Fatalf("decided %s", second.Reason)
	}
	journal.ApplyToItem([]*v1alpha1.JournalEntry{first, second}, &item.StockItem)
	third := received("delivery", "widget", 3).again().again()
	later := stock.NewLedger(second.Seq, items(item), nil, nil)
	if e, _ := later.DecideDocument(&third.StockAdjustment, noon); e.Reason != journal.ReasonAlreadyApplied {
		t.Errorf("a later leader decided %s", e.Reason)
	}
	if got := journal.OnHand(&item.StockItem); got != 8 {
		t.Errorf("%d on hand, want 8", got)
	}
}

// The ledger and the item's object remember the same names, the newest 512.
func TestItemsRememberTheLastDocuments(t *testing.T) {
	t.Parallel()
	const remembered, more = 512, 3
	item := anItem("widget", 0)
	l := stock.NewLedger(0, items(item), nil, nil)
	for i := range remembered + more {
		e, _ := l.DecideDocument(&received(fmt.Sprint("d", i), "widget", 1).StockAdjustment, noon)
		g, _ := l.DecideDocument(&received(fmt.Sprint("generated", i), "widget", 1).generated().StockAdjustment, noon)
		journal.ApplyToItem([]*v1alpha1.JournalEntry{e, g}, &item.StockItem)
	}
	names := item.Status.AppliedDocuments
	if len(names) != remembered || names[0] != fmt.Sprint("d", more) || names[remembered-1] != fmt.Sprint("d", remembered+more-1) {
		t.Fatalf("%d names, %s to %s", len(names), names[0], names[len(names)-1])
	}
	for _, who := range []*stock.Ledger{l, stock.NewLedger(l.Seq(), items(item), nil, nil)} {
		kept, _ := who.DecideDocument(&received(fmt.Sprint("d", more), "widget", 1).again().StockAdjustment, noon)
		dropped, _ := who.DecideDocument(&received(fmt.Sprint("d", more-1), "widget", 1).again().StockAdjustment, noon)
		if kept.Reason != journal.ReasonAlreadyApplied || dropped.Reason != journal.ReasonApplied {
			t.Errorf("oldest remembered name: %s, youngest forgotten one: %s", kept.Reason, dropped.Reason)
		}
	}
}
