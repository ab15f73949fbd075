package journal_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// Every phase against every decision: what is before the decision moves, what
// is at it or past it stays.
func TestApplyToReservationMovesOnlyForward(t *testing.T) {
	phases := []v1alpha1.StockReservationPhase{
		"", v1alpha1.ReservationPending, v1alpha1.ReservationReserved, v1alpha1.ReservationRejected,
		v1alpha1.ReservationReleased, v1alpha1.ReservationCommitted, v1alpha1.ReservationRestocked,
	}
	moves := map[v1alpha1.JournalEntryKind]struct {
		to   v1alpha1.StockReservationPhase
		from []v1alpha1.StockReservationPhase
	}{
		v1alpha1.EntryGrant:        {v1alpha1.ReservationReserved, phases[:2]},
		v1alpha1.EntryReject:       {v1alpha1.ReservationRejected, phases[:2]},
		v1alpha1.EntryRelease:      {v1alpha1.ReservationReleased, phases[:3]},
		v1alpha1.EntryCommit:       {v1alpha1.ReservationCommitted, phases[:3]},
		v1alpha1.EntryRestock:      {v1alpha1.ReservationRestocked, append(phases[:3:3], v1alpha1.ReservationCommitted)},
		v1alpha1.EntryAdjust:       {},
		v1alpha1.EntryAdjustReject: {},
	}
	for kind, move := range moves {
		for _, phase := range phases {
			want, wantChanged := phase, false
			for _, from := range move.from {
				if from == phase {
					want, wantChanged = move.to, true
				}
			}
			r := stocktest.AReservation("r", stocktest.Units("widget", 1)).In(phase).Decided(7)
			e := stocktest.Entry(7, kind, "r", "", stocktest.Line("widget", 1, 0))
			changed := journal.ApplyToReservation(e, &r.StockReservation)
			if changed != wantChanged || r.Status.Phase != want {
				t.Errorf("%s on %q: changed %t to %q, want %t to %q", kind, phase, changed, r.Status.Phase, wantChanged, want)
			}
			if journal.ApplyToReservation(e, &r.StockReservation) {
				t.Errorf("%s on %q: changed it a second time", kind, phase)
			}
		}
	}
}

func TestApplyToReservation(t *testing.T) {
	reserved := func(b *stocktest.Reservation) *stocktest.Reservation {
		return b.In(v1alpha1.ReservationReserved).Decided(1)
	}
	allocated := []v1alpha1.StockAllocation{{ProductID: "widget", ItemUID: "widget-uid", Quantity: 2}}
	for name, c := range map[string]struct {
		r           *stocktest.Reservation
		e           *v1alpha1.JournalEntry
		allocations []v1alpha1.StockAllocation
		shortages   []v1alpha1.StockShortage
		condition   metav1.ConditionStatus
		message     string
		history     v1alpha1.ReservationHistoryEntry
	}{
		"a grant": {
			r: stocktest.AReservation("r", stocktest.Units("widget", 2)), e: stocktest.Entry(4, v1alpha1.EntryGrant, "r", "", stocktest.Line("widget", 2, 3)),
			allocations: allocated, condition: metav1.ConditionTrue,
			history: v1alpha1.ReservationHistoryEntry{Seq: 4, Phase: "Reserved", At: *stocktest.At(0), Lines: []v1alpha1.StockMovementLine{{ProductID: "widget", Quantity: 2, Remaining: 3}}},
		},
		"a refusal names every short product and the way it is short": {
			r: stocktest.AReservation("r", stocktest.Units("widget", 2)),
			e: stocktest.Entry(4, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", stocktest.Short(stocktest.Line("widget", 2, 1), "InsufficientStock"), stocktest.Line("gadget", 1, 5),
				stocktest.Short(stocktest.Line("gizmo", 1, -3), "Oversold"), stocktest.Short(v1alpha1.JournalLine{ProductID: "ghost", Quantity: 1}, "UnknownProduct")),
			shortages: []v1alpha1.StockShortage{
				{ProductID: "widget", Requested: 2, Available: 1, Reason: "InsufficientStock"},
				{ProductID: "gizmo", Requested: 1, Available: -3, Reason: "Oversold"},
				{ProductID: "ghost", Requested: 1, Reason: "UnknownProduct"},
			},
			condition: metav1.ConditionFalse, message: "widget is short: 2 asked, 1 available; gizmo is oversold: 1 asked, -3 available; ghost does not exist",
			history: v1alpha1.ReservationHistoryEntry{Seq: 4, Phase: "Rejected", At: *stocktest.At(0), Reason: "INSUFFICIENT_STOCK", Lines: []v1alpha1.StockMovementLine{
				{ProductID: "widget", Quantity: 2, Remaining: 1}, {ProductID: "gadget", Quantity: 1, Remaining: 5}, {ProductID: "gizmo", Quantity: 1, Remaining: -3}, {ProductID: "ghost", Quantity: 1}}},
		},
		"a release": {
			r: reserved(stocktest.AReservation("r", stocktest.Units("widget", 2))), e: stocktest.Entry(4, v1alpha1.EntryRelease, "r", journal.ReasonExpired, stocktest.Line("widget", 2, 5)),
			condition: metav1.ConditionFalse, message: "spec.expiresAt passed; what was held was given back",
			history: v1alpha1.ReservationHistoryEntry{Seq: 4, Phase: "Released", At: *stocktest.At(0), Reason: "Expired", Lines: []v1alpha1.StockMovementLine{{ProductID: "widget", Quantity: 2, Remaining: 5}}},
		},
		"a commit keeps what was taken": {
			r: reserved(stocktest.AReservation("r", stocktest.Units("widget", 2))), e: stocktest.Entry(4, v1alpha1.EntryCommit, "r", "", stocktest.Line("widget", 2, 3)),
			allocations: allocated, condition: metav1.ConditionTrue,
			history: v1alpha1.ReservationHistoryEntry{Seq: 4, Phase: "Committed", At: *stocktest.At(0), Lines: []v1alpha1.StockMovementLine{{ProductID: "widget", Quantity: 2, Remaining: 3}}},
		},
		"a restock of a part keeps what was taken": {
			r: stocktest.AReservation("r", stocktest.Units("widget", 2)).In(v1alpha1.ReservationCommitted).Decided(1), e: stocktest.Entry(4, v1alpha1.EntryRestock, "r", "", stocktest.Line("widget", 1, 4)),
			allocations: allocated, condition: metav1.ConditionFalse,
			history: v1alpha1.ReservationHistoryEntry{Seq: 4, Phase: "Restocked", At: *stocktest.At(0), Lines: []v1alpha1.StockMovementLine{{ProductID: "widget", Quantity: 1, Remaining: 4}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.r.Generation = 3
			before := len(c.r.Status.History)
			if !journal.ApplyToReservation(c.e, &c.r.StockReservation) {
				t.Fatal("changed nothing")
			}
			s := c.r.Status
			if diff := cmp.Diff(c.allocations, s.Allocations, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("allocations (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.shortages, s.Shortages); diff != "" {
				t.Errorf("shortages (-want +got):\n%s", diff)
			}
			condition := []metav1.Condition{{Type: "Reserved", Status: c.condition, Reason: string(s.Phase), Message: c.message, ObservedGeneration: 3, LastTransitionTime: *stocktest.At(0)}}
			if diff := cmp.Diff(condition, s.Conditions); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
			if len(s.History) != before+1 {
				t.Fatalf("history has %d entries, want %d", len(s.History), before+1)
			}
			if diff := cmp.Diff(c.history, s.History[before]); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
			if s.ObservedGeneration != 3 {
				t.Errorf("observedGeneration %d", s.ObservedGeneration)
			}
		})
	}
}

// Of several restocks each is carried out once, whoever repeats it.
func TestSeveralRestocksAreCarriedOutOnceEach(t *testing.T) {
	t.Parallel()
	r := stocktest.AReservation("r", stocktest.Units("widget", 3), stocktest.Units("gadget", 1)).In(v1alpha1.ReservationCommitted).Decided(1)
	entries := []*v1alpha1.JournalEntry{
		stocktest.Entry(4, v1alpha1.EntryRestock, "r", "", stocktest.Line("widget", 1, 4)),
		stocktest.Entry(6, v1alpha1.EntryRestock, "r", "", stocktest.Line("gadget", 1, 1)),
		stocktest.Entry(9, v1alpha1.EntryRestock, "r", "", stocktest.Line("widget", 2, 6)),
	}
	for i, e := range entries {
		if !journal.ApplyToReservation(e, &r.StockReservation) {
			t.Errorf("restock %d changed nothing", e.Seq)
		}
		for _, again := range entries[:i+1] {
			if journal.ApplyToReservation(again, &r.StockReservation) {
				t.Errorf("restock %d was carried out again behind %d", again.Seq, e.Seq)
			}
		}
	}
	if got := len(r.Status.History); got != 1+len(entries) {
		t.Errorf("%d decisions in the history", got)
	}
}

func TestRefusalMessageStaysShort(t *testing.T) {
	t.Parallel()
	var lines []v1alpha1.JournalLine
	for i := range 100 {
		lines = append(lines, stocktest.Short(stocktest.Line(strings.Repeat("x", 60)+string(rune('a'+i%26)), 1, 0), v1alpha1.ShortageInsufficientStock))
	}
	r := stocktest.AReservation("r")
	journal.ApplyToReservation(stocktest.Entry(1, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", lines...), &r.StockReservation)
	message := r.Status.Conditions[0].Message
	if !strings.HasSuffix(message, "and 92 more") || len(message) > 1024 {
		t.Errorf("message of %d bytes: %s", len(message), message)
	}
}

func TestAnObjectMadeAgainIsLeftAlone(t *testing.T) {
	t.Parallel()
	r := stocktest.AReservation("r", stocktest.Units("widget", 1))
	r.UID = "another"
	d := stocktest.Received("d", "widget", 1).Again()
	i := stocktest.AnItem("widget", 5).WithUID("another")
	if journal.ApplyToReservation(stocktest.Entry(1, v1alpha1.EntryGrant, "r", "", stocktest.Line("widget", 1, 0)), &r.StockReservation) ||
		journal.ApplyToDocument(stocktest.Entry(2, v1alpha1.EntryAdjust, "d", journal.ReasonApplied, stocktest.Line("widget", 1, 0)), &d.StockAdjustment) ||
		journal.ApplyToItem([]*v1alpha1.JournalEntry{stocktest.Entry(3, v1alpha1.EntryCommit, "r", "", stocktest.Line("widget", 1, 0))}, &i.StockItem) {
		t.Errorf("an entry about another uid changed %v, %v or %v", r.Status, d.Status, i.Status)
	}
}

func TestApplyToItem(t *testing.T) {
	take := func(seq, n int64) *v1alpha1.JournalEntry {
		return stocktest.Entry(seq, v1alpha1.EntryCommit, "r", "", stocktest.Line("other", 50, 0), stocktest.Line("widget", n, 0))
	}
	restock := func(seq, n int64) *v1alpha1.JournalEntry {
		return stocktest.Entry(seq, v1alpha1.EntryRestock, "r", "", stocktest.Line("widget", n, 0))
	}
	adjust := func(seq, n int64, name string) *v1alpha1.JournalEntry {
		return stocktest.Entry(seq, v1alpha1.EntryAdjust, name, journal.ReasonApplied, stocktest.Line("widget", n, 0))
	}
	dated := func(e *v1alpha1.JournalEntry, decided, counted time.Duration) *v1alpha1.JournalEntry {
		e.At, e.CountedAt = *stocktest.At(decided), stocktest.At(counted)
		return e
	}
	for name, c := range map[string]struct {
		item       *stocktest.Item
		entries    []*v1alpha1.JournalEntry
		wantOnHand int64
		wantSeq    int64
		wantNames  []string
		wantMoved  *metav1.Time
	}{
		"the first movement starts from the opening quantity": {
			stocktest.AnItem("widget", 9), []*v1alpha1.JournalEntry{take(4, 2)}, 7, 4, nil, stocktest.At(0)},
		"all in one, in order": {
			stocktest.AnItem("widget", 0).Holds(9, 3), []*v1alpha1.JournalEntry{take(4, 2), adjust(5, 10, "d"), restock(7, 1)}, 18, 7, []string{"d"}, stocktest.At(0)},
		"what the item contains is passed over": {
			stocktest.AnItem("widget", 0).Holds(9, 5), []*v1alpha1.JournalEntry{take(4, 2), adjust(5, 10, "d"), restock(7, 1)}, 10, 7, nil, stocktest.At(0)},
		"nothing new changes nothing": {
			stocktest.AnItem("widget", 0).Holds(9, 7), []*v1alpha1.JournalEntry{take(4, 2), adjust(5, 10, "d"), restock(7, 1)}, 9, 7, nil, nil},
		"decisions that move nothing, and refusals, change nothing": {
			stocktest.AnItem("widget", 9), []*v1alpha1.JournalEntry{
				stocktest.Entry(1, v1alpha1.EntryGrant, "r", "", stocktest.Line("widget", 1, 0)), stocktest.Entry(2, v1alpha1.EntryReject, "s", "", stocktest.Line("widget", 1, 0)),
				stocktest.Entry(3, v1alpha1.EntryRelease, "r", "", stocktest.Line("widget", 1, 0)), stocktest.Entry(4, v1alpha1.EntryAdjustReject, "d", "", stocktest.Line("widget", 0, 0))},
			9, 0, nil, nil},
		"a count that changed nothing is noted": {
			stocktest.AnItem("widget", 9), []*v1alpha1.JournalEntry{dated(adjust(4, 0, "count"), 0, -time.Hour)}, 9, 4, []string{"count"}, stocktest.At(-time.Hour)},
		"an earlier count does not make the last movement earlier": {
			stocktest.AnItem("widget", 0).Holds(9, 1).MovedAt(-time.Minute), []*v1alpha1.JournalEntry{dated(adjust(4, 1, "count"), 0, -time.Hour)}, 10, 4, []string{"count"}, stocktest.At(-time.Minute)},
		"on hand may go below zero: more was promised and shipped than a count found": {
			stocktest.AnItem("widget", 0).Holds(1, 1), []*v1alpha1.JournalEntry{take(4, 2)}, -1, 4, nil, stocktest.At(0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &c.item.StockItem
			changed := journal.ApplyToItem(c.entries, o)
			if wantChanged := c.wantSeq > 0 && c.wantMoved != nil; changed != wantChanged {
				t.Errorf("changed %t", changed)
			}
			if got := journal.OnHand(o); got != c.wantOnHand || o.Status.JournalSeq != c.wantSeq {
				t.Errorf("%d on hand at %d, want %d at %d", got, o.Status.JournalSeq, c.wantOnHand, c.wantSeq)
			}
			if diff := cmp.Diff(c.wantNames, o.Status.AppliedDocuments); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.wantMoved, o.Status.LastMovementAt); diff != "" {
				t.Errorf("last movement (-want +got):\n%s", diff)
			}
			if journal.ApplyToItem(c.entries, o) {
				t.Error("changed it a second time")
			}
		})
	}
}

// One write for many decisions comes to the same as one write each.
func TestApplyToItemInOneWriteOrMany(t *testing.T) {
	t.Parallel()
	var entries []*v1alpha1.JournalEntry
	one, many := stocktest.AnItem("widget", 100), stocktest.AnItem("widget", 100)
	for seq, kind := range []v1alpha1.JournalEntryKind{v1alpha1.EntryCommit, v1alpha1.EntryAdjust, v1alpha1.EntryGrant, v1alpha1.EntryRestock, v1alpha1.EntryCommit} {
		e := stocktest.Entry(int64(seq+1), kind, "x", "", stocktest.Line("widget", int64(seq+2), 0))
		entries = append(entries, e)
		journal.ApplyToItem([]*v1alpha1.JournalEntry{e}, &many.StockItem)
	}
	journal.ApplyToItem(entries, &one.StockItem)
	if diff := cmp.Diff(many.StockItem, one.StockItem); diff != "" {
		t.Errorf("(-many +one):\n%s", diff)
	}
}

func TestApplyToDocument(t *testing.T) {
	const adjust, refuse = v1alpha1.EntryAdjust, v1alpha1.EntryAdjustReject
	for name, c := range map[string]struct {
		kind    v1alpha1.JournalEntryKind
		reason  string
		phase   v1alpha1.AdjustmentPhase
		delta   *int64
		stalled bool
		says    []string // what a person has to learn from the message
	}{
		"applied":         {adjust, journal.ReasonApplied, v1alpha1.AdjustmentApplied, new(int64(-4)), false, []string{"5 on hand", "3 available"}},
		"applied before":  {refuse, journal.ReasonAlreadyApplied, v1alpha1.AdjustmentApplied, new(int64(0)), false, []string{"d already counts", "new name"}},
		"below reserved":  {refuse, journal.ReasonBelowReserved, v1alpha1.AdjustmentRefused, nil, true, []string{"spec.quantity -4", "5 on hand", "3 available", "release", "Counted"}},
		"below zero":      {refuse, journal.ReasonBelowZero, v1alpha1.AdjustmentRefused, nil, true, []string{"spec.quantity -4", "5 on hand", "new document"}},
		"stale":           {refuse, journal.ReasonStaleCount, v1alpha1.AdjustmentRefused, nil, true, []string{"spec.countedAt", "widget", "count again"}},
		"from the future": {refuse, journal.ReasonCountInFuture, v1alpha1.AdjustmentRefused, nil, true, []string{"spec.countedAt", "future", "new document"}},
		"unexpected":      {refuse, journal.ReasonUnexpectedOnHand, v1alpha1.AdjustmentRefused, nil, true, []string{"spec.expectedOnHand", "5 on hand", "new document"}},
		"withdrawn":       {refuse, journal.ReasonWithdrawn, v1alpha1.AdjustmentRefused, nil, true, []string{"deleted", "counts nowhere", "new document"}},
		"more than fits":  {refuse, journal.ReasonQuantityOverflow, v1alpha1.AdjustmentRefused, nil, true, []string{"spec.quantity -4", "new document"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := stocktest.Adjusted("d", "widget", -4)
			d.Generation = 1
			e := stocktest.Entry(6, c.kind, "d", c.reason, stocktest.Leaving(stocktest.Line("widget", -4, 3), 5))
			if !journal.ApplyToDocument(e, &d.StockAdjustment) {
				t.Fatal("changed nothing")
			}
			applied := metav1.ConditionTrue
			if c.stalled {
				applied = metav1.ConditionFalse
			}
			got := d.Status
			message := got.Conditions[0].Message
			want := v1alpha1.StockAdjustmentStatus{
				ObservedGeneration: 1, Phase: c.phase, JournalSeq: 6, ItemUID: "widget-uid", Delta: c.delta, OnHandAfter: new(int64(5)), AvailableAfter: new(int64(3)), DecidedAt: stocktest.At(0),
				Conditions: []metav1.Condition{{Type: "Applied", Status: applied, Reason: c.reason, Message: message, ObservedGeneration: 1, LastTransitionTime: *stocktest.At(0)}},
			}
			if c.stalled {
				want.Conditions = append(want.Conditions, metav1.Condition{Type: "Stalled", Status: metav1.ConditionTrue, Reason: c.reason, Message: message, ObservedGeneration: 1, LastTransitionTime: *stocktest.At(0)})
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			for _, words := range c.says {
				if !strings.Contains(message, words) {
					t.Errorf("message %q does not say %q", message, words)
				}
			}
			if journal.ApplyToDocument(stocktest.Entry(7, adjust, "d", journal.ReasonApplied, stocktest.Leaving(stocktest.Line("widget", 9, 9), 9)), &d.StockAdjustment) {
				t.Error("a settled document was settled again")
			}
		})
	}
	t.Run("withdrawn while there was no item", func(t *testing.T) {
		t.Parallel()
		d := stocktest.Received("d", "widget", 1)
		e := stocktest.Entry(6, refuse, "d", journal.ReasonWithdrawn, v1alpha1.JournalLine{ProductID: "widget"})
		if !journal.ApplyToDocument(e, &d.StockAdjustment) {
			t.Fatal("changed nothing")
		}
		got := d.Status
		got.Conditions = nil
		if diff := cmp.Diff(v1alpha1.StockAdjustmentStatus{ObservedGeneration: 1, Phase: v1alpha1.AdjustmentRefused, JournalSeq: 6, DecidedAt: stocktest.At(0)}, got); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
	})
	t.Run("a decision about a reservation is not about a document", func(t *testing.T) {
		t.Parallel()
		d := stocktest.Received("d", "widget", 1)
		if journal.ApplyToDocument(stocktest.Entry(1, v1alpha1.EntryGrant, "d", "", stocktest.Line("widget", 1, 0)), &d.StockAdjustment) {
			t.Error("changed it")
		}
	})
}

func TestMarkWaiting(t *testing.T) {
	t.Parallel()
	d := stocktest.Received("d", "widget", 1)
	if !journal.MarkWaiting(&d.StockAdjustment, *stocktest.At(0)) || journal.MarkWaiting(&d.StockAdjustment, *stocktest.At(time.Hour)) {
		t.Error("marked not at all or twice")
	}
	c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.AdjustmentConditionApplied)
	if c == nil || c.Reason != journal.ReasonUnknownProduct || !strings.Contains(c.Message, "widget (spec.productID)") {
		t.Errorf("condition %+v", c)
	}
	journal.ApplyToDocument(stocktest.Entry(1, v1alpha1.EntryAdjust, "d", journal.ReasonApplied, stocktest.Leaving(stocktest.Line("widget", 1, 1), 1)), &d.StockAdjustment)
	if c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.AdjustmentConditionApplied); c.Status != metav1.ConditionTrue || len(d.Status.Conditions) != 1 {
		t.Errorf("after it was applied: %+v", d.Status.Conditions)
	}
	if journal.MarkWaiting(&d.StockAdjustment, *stocktest.At(time.Hour)) {
		t.Error("a leader that was replaced marked a settled document as waiting")
	}
}

// What the cache showed is shared with others: only a copy of it may change.
func TestOverlayChangesCopies(t *testing.T) {
	grant := journal.NewPending(stocktest.Entry(1, v1alpha1.EntryGrant, "r", "", stocktest.Line("widget", 2, 3)))
	commit := journal.NewPending(stocktest.Entry(2, v1alpha1.EntryCommit, "r", "", stocktest.Line("widget", 2, 3)))
	count := journal.NewPending(stocktest.Entry(3, v1alpha1.EntryAdjust, "d", journal.ReasonApplied, stocktest.Leaving(stocktest.Line("widget", 4, 7), 7)))
	item, r, other, d := stocktest.AnItem("widget", 5), stocktest.AReservation("r", stocktest.Units("widget", 2)), stocktest.AReservation("other"), stocktest.Received("d", "widget", 4)
	r.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReservationConditionReserved, Status: metav1.ConditionUnknown}}
	d.Status.Conditions = []metav1.Condition{{Type: v1alpha1.AdjustmentConditionApplied, Status: metav1.ConditionUnknown}}
	was := []any{item.DeepCopy(), r.DeepCopy(), other.DeepCopy(), d.DeepCopy()}
	listed := []v1alpha1.StockItem{item.StockItem}
	reserved := []v1alpha1.StockReservation{r.StockReservation, other.StockReservation}
	settled := []v1alpha1.StockAdjustment{d.StockAdjustment}
	journal.Overlay([]*journal.Pending{grant, commit, count}, listed, reserved, settled)
	if diff := cmp.Diff(was, []any{&item.StockItem, &r.StockReservation, &other.StockReservation, &d.StockAdjustment}); diff != "" {
		t.Errorf("the objects that were given (-want +got):\n%s", diff)
	}
	got := []any{journal.OnHand(&listed[0]), reserved[0].Status.Phase, reserved[1].Status.Phase, settled[0].Status.Phase}
	want := []any{int64(7), v1alpha1.ReservationCommitted, v1alpha1.StockReservationPhase(""), v1alpha1.AdjustmentApplied}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("on hand and phases (-want +got):\n%s", diff)
	}
}
