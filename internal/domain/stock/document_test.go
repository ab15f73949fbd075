package stock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

func TestDecideDocument(t *testing.T) {
	const adjust, refuse = v1alpha1.EntryAdjust, v1alpha1.EntryAdjustReject
	holding := func(n int64) []v1alpha1.StockReservation {
		return stocktest.Reservations(stocktest.AReservation("held", stocktest.Units("widget", n)).In(v1alpha1.ReservationReserved))
	}
	for name, c := range map[string]struct {
		item       *stocktest.Item
		others     []v1alpha1.StockReservation
		d          *stocktest.Document
		kind       v1alpha1.JournalEntryKind
		reason     string
		change     int64
		wantOnHand int64
	}{
		"goods received":       {stocktest.AnItem("widget", 5), nil, stocktest.Received("d", "widget", 3), adjust, journal.ReasonApplied, 3, 8},
		"a correction upwards": {stocktest.AnItem("widget", 5), nil, stocktest.Adjusted("d", "widget", 1), adjust, journal.ReasonApplied, 1, 6},
		"a correction downwards to what is reserved": {
			stocktest.AnItem("widget", 5), holding(3), stocktest.Adjusted("d", "widget", -2), adjust, journal.ReasonApplied, -2, 3},
		"a correction into what is reserved": {
			stocktest.AnItem("widget", 5), holding(3), stocktest.Adjusted("d", "widget", -3), refuse, journal.ReasonBelowReserved, 0, 5},
		"a correction may take safety stock": {
			stocktest.AnItem("widget", 5).Safety(5), nil, stocktest.Adjusted("d", "widget", -5), adjust, journal.ReasonApplied, -5, 0},
		"a correction below nothing": {
			stocktest.AnItem("widget", 5), nil, stocktest.Adjusted("d", "widget", -6), refuse, journal.ReasonBelowZero, 0, 5},
		"a correction downwards of an oversold item": {
			stocktest.AnItem("widget", 0).Holds(2, 0), holding(3), stocktest.Adjusted("d", "widget", -1), refuse, journal.ReasonBelowReserved, 0, 2},
		"a correction upwards of an oversold item that stays oversold": {
			stocktest.AnItem("widget", 0).Holds(1, 0), holding(3), stocktest.Adjusted("d", "widget", 1), adjust, journal.ReasonApplied, 1, 2},
		"more than can be counted": {
			stocktest.AnItem("widget", 0).Holds(journal.MaxOnHand, 0), nil, stocktest.Received("d", "widget", 1), refuse, journal.ReasonQuantityOverflow, 0, journal.MaxOnHand},
		"as much as can be counted": {
			stocktest.AnItem("widget", 0).Holds(journal.MaxOnHand-1, 0), nil, stocktest.Received("d", "widget", 1), adjust, journal.ReasonApplied, 1, journal.MaxOnHand},
		"a count that found less": {stocktest.AnItem("widget", 5), nil, stocktest.Counted("d", "widget", 4, 0), adjust, journal.ReasonApplied, -1, 4},
		"a count that found more": {stocktest.AnItem("widget", 5), nil, stocktest.Counted("d", "widget", 6, 0), adjust, journal.ReasonApplied, 1, 6},
		"a count that found the same is a movement of nothing": {
			stocktest.AnItem("widget", 5), nil, stocktest.Counted("d", "widget", 5, 0), adjust, journal.ReasonApplied, 0, 5},
		"a count below what is reserved is believed": {
			stocktest.AnItem("widget", 5), holding(3), stocktest.Counted("d", "widget", 1, 0), adjust, journal.ReasonApplied, -4, 1},
		"a count of an item that is below zero": {
			stocktest.AnItem("widget", 0).Holds(-2, 0), nil, stocktest.Counted("d", "widget", 1, 0), adjust, journal.ReasonApplied, 3, 1},
		"a count older than the last movement": {
			stocktest.AnItem("widget", 5).MovedAt(-time.Minute), nil, stocktest.Counted("d", "widget", 4, -time.Hour), refuse, journal.ReasonStaleCount, 0, 5},
		"a count of the second of the last movement": {
			stocktest.AnItem("widget", 5).MovedAt(-time.Minute), nil, stocktest.Counted("d", "widget", 4, -time.Minute), refuse, journal.ReasonStaleCount, 0, 5},
		"a count of that second, told more exactly than the movement is": {
			stocktest.AnItem("widget", 5).MovedAt(-time.Minute), nil, stocktest.Counted("d", "widget", 4, -time.Minute+900*time.Millisecond), refuse, journal.ReasonStaleCount, 0, 5},
		"a count a second after the last movement": {
			stocktest.AnItem("widget", 5).MovedAt(-time.Minute), nil, stocktest.Counted("d", "widget", 4, -time.Minute+time.Second), adjust, journal.ReasonApplied, -1, 4},
		"a count by a clock that is ahead, after a movement that it may not have seen": {
			stocktest.AnItem("widget", 5).MovedAt(-time.Minute), nil, stocktest.Counted("d", "widget", 4, 2*time.Minute), refuse, journal.ReasonStaleCount, 0, 5},
		"a count by a clock that is ahead, of stock that has not moved for longer than clocks differ": {
			stocktest.AnItem("widget", 5).MovedAt(-time.Hour), nil, stocktest.Counted("d", "widget", 4, 2*time.Minute), adjust, journal.ReasonApplied, -1, 4},
		"a count in the second that begins": {
			stocktest.AnItem("widget", 5).MovedAt(-time.Minute), nil, stocktest.Counted("d", "widget", 4, time.Second), adjust, journal.ReasonApplied, -1, 4},
		"a count dated a little ahead of our clock": {
			stocktest.AnItem("widget", 5), nil, stocktest.Counted("d", "widget", 4, 5*time.Minute), adjust, journal.ReasonApplied, -1, 4},
		"a count dated in the future": {
			stocktest.AnItem("widget", 5), nil, stocktest.Counted("d", "widget", 4, 5*time.Minute+time.Second), refuse, journal.ReasonCountInFuture, 0, 5},
		"a count that expected what is on hand": {
			stocktest.AnItem("widget", 5), nil, stocktest.Counted("d", "widget", 4, 0).Expecting(5), adjust, journal.ReasonApplied, -1, 4},
		"a count that expected something else": {
			stocktest.AnItem("widget", 5), nil, stocktest.Counted("d", "widget", 4, 0).Expecting(6), refuse, journal.ReasonUnexpectedOnHand, 0, 5},
		"a name that counts already": {
			stocktest.AnItem("widget", 5).Counts("b", "d"), nil, stocktest.Received("d", "widget", 3).Again(), refuse, journal.ReasonAlreadyApplied, 0, 5},
		"a name that counts already, whatever else is wrong": {
			stocktest.AnItem("widget", 5).Counts("d"), nil, stocktest.Adjusted("d", "widget", -9).Again(), refuse, journal.ReasonAlreadyApplied, 0, 5},
		"a generated name can't have been used before": {
			stocktest.AnItem("widget", 5).Counts("d"), nil, stocktest.Received("d", "widget", 3).Generated(), adjust, journal.ReasonApplied, 3, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := stock.NewLedger(0, stocktest.Items(c.item), c.others, nil)
			before, _ := l.Level(c.item.UID)
			got, waits := l.DecideDocument(&c.d.StockAdjustment, stocktest.Noon())
			if waits || got == nil {
				t.Fatalf("entry %v, waits %t", got, waits)
			}
			available := before.Available + c.change
			want := stocktest.Entry(1, c.kind, "d", c.reason, stocktest.Leaving(stocktest.Line("widget", c.change, available), c.wantOnHand))
			want.UID, want.CountedAt, want.Generated = string(c.d.UID), c.d.Spec.CountedAt, c.d.GenerateName != ""
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
			after, _ := l.Level(c.item.UID)
			if diff := cmp.Diff(stock.Level{OnHand: c.wantOnHand, Reserved: before.Reserved, Available: available}, after); diff != "" {
				t.Errorf("level (-want +got):\n%s", diff)
			}
			if again, waits := l.DecideDocument(&c.d.StockAdjustment, stocktest.Noon()); again != nil || waits {
				t.Errorf("decided a second time: %+v, waits %t", again, waits)
			}
		})
	}
}

func TestADeletedDocumentIsWithdrawn(t *testing.T) {
	t.Parallel()
	withLevel := stocktest.Leaving(stocktest.Line("widget", 0, 3), 5)
	for name, c := range map[string]struct {
		item *stocktest.Item
		d    *stocktest.Document
		line v1alpha1.JournalLine
	}{
		"of a product":                   {stocktest.AnItem("widget", 5).Safety(2), stocktest.Received("d", "widget", 3), withLevel},
		"of a product on its way out":    {stocktest.AnItem("widget", 5).Safety(2).Deleting(), stocktest.Received("d", "widget", 3), withLevel},
		"of a product that is not there": {stocktest.AnItem("gadget", 5), stocktest.Received("d", "widget", 3), v1alpha1.JournalLine{ProductID: "widget"}},
		"whose name counts already":      {stocktest.AnItem("widget", 5).Safety(2).Counts("d"), stocktest.Received("d", "widget", 3), withLevel},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := stock.NewLedger(0, stocktest.Items(c.item), nil, nil)
			before, _ := l.Level(c.item.UID)
			got, waits := l.DecideDocument(&c.d.Deleting().StockAdjustment, stocktest.Noon())
			want := stocktest.Entry(1, v1alpha1.EntryAdjustReject, "d", journal.ReasonWithdrawn, c.line)
			if diff := cmp.Diff(want, got); diff != "" || waits {
				t.Fatalf("waits %t, entry (-want +got):\n%s", waits, diff)
			}
			if after, _ := l.Level(c.item.UID); after != before {
				t.Errorf("there were %+v, and are %+v", before, after)
			}
			c.d.DeletionTimestamp = nil // as an informer that lags may still show it
			if again, waits := l.DecideDocument(&c.d.StockAdjustment, stocktest.Noon()); again != nil || waits {
				t.Errorf("decided a second time: %+v, waits %t", again, waits)
			}
		})
	}
	t.Run("of a product that can't be decoded", func(t *testing.T) {
		t.Parallel()
		item := stocktest.AnItem("widget", 5)
		l := stock.NewLedger(0, stocktest.Items(item), nil, nil)
		l.Withhold(item.UID)
		got, _ := l.DecideDocument(&stocktest.Received("d", "widget", 3).Deleting().StockAdjustment, stocktest.Noon())
		if diff := cmp.Diff([]v1alpha1.JournalLine{{ProductID: "widget"}}, got.Lines); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
}

func TestDocumentWaitsForItsProduct(t *testing.T) {
	t.Parallel()
	l := stock.NewLedger(0, stocktest.Items(stocktest.AnItem("leaving", 5).Deleting()), nil, nil)
	for _, product := range []string{"widget", "leaving"} {
		d := stocktest.Received("d-"+product, product, 3)
		if e, waits := l.DecideDocument(&d.StockAdjustment, stocktest.Noon()); e != nil || !waits || l.Settled(d.UID) {
			t.Errorf("%s: entry %v, waits %t, settled %t", product, e, waits, l.Settled(d.UID))
		}
	}
	l.ObserveItem(&stocktest.AnItem("widget", 5).StockItem)
	if e, waits := l.DecideDocument(&stocktest.Received("d-widget", "widget", 3).StockAdjustment, stocktest.Noon()); e == nil || waits || e.Kind != v1alpha1.EntryAdjust {
		t.Errorf("once the item is there: entry %v, waits %t", e, waits)
	}
}

// What moves an item makes an older count stale; what only reserves does not.
func TestCountAfterMovement(t *testing.T) {
	held := stocktest.AReservation("held", stocktest.Units("widget", 1)).In(v1alpha1.ReservationReserved)
	for name, c := range map[string]struct {
		before func(l *stock.Ledger)
		want   string
	}{
		"a grant moves nothing": {func(l *stock.Ledger) {
			l.DecideReservation(&stocktest.AReservation("r", stocktest.Units("widget", 1)).StockReservation, stocktest.Noon())
		}, journal.ReasonApplied},
		"a release moves nothing": {func(l *stock.Ledger) {
			l.DecideReservation(&stocktest.AReservation("held").Wants(v1alpha1.IntentRelease).StockReservation, stocktest.Noon())
		}, journal.ReasonApplied},
		"a commit moves": {func(l *stock.Ledger) {
			l.DecideReservation(&stocktest.AReservation("held").Wants(v1alpha1.IntentCommit).StockReservation, stocktest.Noon())
		}, journal.ReasonStaleCount},
		"a document moves": {func(l *stock.Ledger) {
			l.DecideDocument(&stocktest.Received("in", "widget", 1).StockAdjustment, stocktest.Noon())
		}, journal.ReasonStaleCount},
		"a refused document moves nothing": {func(l *stock.Ledger) {
			l.DecideDocument(&stocktest.Adjusted("out", "widget", -99).StockAdjustment, stocktest.Noon())
		}, journal.ReasonApplied},
		"a count speaks for the moment it was made, not for when it was decided": {func(l *stock.Ledger) {
			l.DecideDocument(&stocktest.Counted("first", "widget", 4, -2*time.Minute).StockAdjustment, stocktest.Noon())
		}, journal.ReasonApplied},
		"an older count than the last one is stale": {func(l *stock.Ledger) {
			l.DecideDocument(&stocktest.Counted("first", "widget", 4, 0).StockAdjustment, stocktest.Noon())
		}, journal.ReasonStaleCount},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := stock.NewLedger(0, stocktest.Items(stocktest.AnItem("widget", 5)), stocktest.Reservations(held), nil)
			c.before(l)
			e, _ := l.DecideDocument(&stocktest.Counted("count", "widget", 3, -time.Minute).StockAdjustment, stocktest.Noon())
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
	item := stocktest.AnItem("widget", 5)
	l := stock.NewLedger(0, stocktest.Items(item), nil, nil)
	first, _ := l.DecideDocument(&stocktest.Received("delivery", "widget", 3).StockAdjustment, stocktest.Noon())
	l.ForgetDocument(stocktest.UIDOf("delivery"))
	second, _ := l.DecideDocument(&stocktest.Received("delivery", "widget", 3).Again().StockAdjustment, stocktest.Noon())
	if second.Reason != journal.ReasonAlreadyApplied {
		t.Fatalf("decided %s", second.Reason)
	}
	journal.ApplyToItem([]*v1alpha1.JournalEntry{first, second}, &item.StockItem)
	third := stocktest.Received("delivery", "widget", 3).Again().Again()
	later := stock.NewLedger(second.Seq, stocktest.Items(item), nil, nil)
	if e, _ := later.DecideDocument(&third.StockAdjustment, stocktest.Noon()); e.Reason != journal.ReasonAlreadyApplied {
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
	item := stocktest.AnItem("widget", 0)
	l := stock.NewLedger(0, stocktest.Items(item), nil, nil)
	for i := range remembered + more {
		e, _ := l.DecideDocument(&stocktest.Received(fmt.Sprint("d", i), "widget", 1).StockAdjustment, stocktest.Noon())
		g, _ := l.DecideDocument(&stocktest.Received(fmt.Sprint("generated", i), "widget", 1).Generated().StockAdjustment, stocktest.Noon())
		journal.ApplyToItem([]*v1alpha1.JournalEntry{e, g}, &item.StockItem)
	}
	names := item.Status.AppliedDocuments
	if len(names) != remembered || names[0] != fmt.Sprint("d", more) || names[remembered-1] != fmt.Sprint("d", remembered+more-1) {
		t.Fatalf("%d names, %s to %s", len(names), names[0], names[len(names)-1])
	}
	for _, who := range []*stock.Ledger{l, stock.NewLedger(l.Seq(), stocktest.Items(item), nil, nil)} {
		kept, _ := who.DecideDocument(&stocktest.Received(fmt.Sprint("d", more), "widget", 1).Again().StockAdjustment, stocktest.Noon())
		dropped, _ := who.DecideDocument(&stocktest.Received(fmt.Sprint("d", more-1), "widget", 1).Again().StockAdjustment, stocktest.Noon())
		if kept.Reason != journal.ReasonAlreadyApplied || dropped.Reason != journal.ReasonApplied {
			t.Errorf("oldest remembered name: %s, youngest forgotten one: %s", kept.Reason, dropped.Reason)
		}
	}
}

// Five units are shipped within the second in which the shelf was counted: nobody can tell
// whether the count saw them. What a count of the future left does not hide it either.
func TestACountOfTheSecondOfAShipmentIsRefused(t *testing.T) {
	t.Parallel()
	count := func(name string, at time.Duration) *v1alpha1.StockAdjustment {
		return &stocktest.Counted(name, "widget", 10, at).StockAdjustment
	}
	l := stock.NewLedger(0, stocktest.Items(stocktest.AnItem("widget", 10)), nil, nil)
	now := stocktest.Noon().Add(300 * time.Millisecond)
	if e, _ := l.DecideDocument(count("first, by a clock that is ahead", 3*time.Minute), now); e.Reason != journal.ReasonApplied {
		t.Fatalf("decided %s", e.Reason)
	}
	r := stocktest.AReservation("r", stocktest.Units("widget", 5)).Wants(v1alpha1.IntentCommit)
	l.DecideReservation(&r.StockReservation, now)
	l.DecideReservation(&r.StockReservation, now)
	for at, want := range map[time.Duration]string{0: journal.ReasonStaleCount, time.Second: journal.ReasonApplied} {
		copied := l.Clone()
		if e, _ := copied.DecideDocument(count("second", at), now.Add(time.Second)); e.Reason != want {
			t.Errorf("counted %s after noon: decided %s, want %s", at, e.Reason, want)
		}
	}
}
