package stock_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
)

func TestNeedsSync(t *testing.T) {
	for name, tc := range map[string]struct {
		cursor, known int64
		missing       time.Duration
		want          bool
	}{
		"nothing is known beyond the cursor":              {cursor: 7, known: 7, missing: time.Hour},
		"a later one is known, for a moment":              {cursor: 7, known: 9, missing: stock.SyncAfter - 1},
		"a later one is known, and the next nowhere":      {cursor: 7, known: 9, missing: stock.SyncAfter, want: true},
		"nothing was ever told, and something is decided": {cursor: 0, known: 9, want: true},
		"nothing was ever told, nothing is decided":       {cursor: 0, known: 0, missing: time.Hour},
	} {
		if got := stock.NeedsSync(tc.cursor, tc.known, tc.missing); got != tc.want {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}

func TestSyncTells(t *testing.T) {
	seqs := func(ds []event.Decision) (seqs []int64) {
		for _, d := range ds {
			seqs = append(seqs, d.Seq)
		}
		return seqs
	}
	found := []event.Decision{{Seq: 9}, {Seq: 4}, {Seq: 7}, {Seq: 6}, {Seq: 7}, {Seq: 5}}
	s := stock.Sync{Cursor: 4, Upto: 8}
	tell, next := s.Tells(4, found)
	if diff := cmp.Diff([]int64{5, 6, 7}, seqs(tell)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	var cursors []int64
	for n := range 4 {
		cursors = append(cursors, next(n))
	}
	if diff := cmp.Diff([]int64{4, 5, 6, 8}, cursors); diff != "" {
		t.Errorf("the cursor after each (-want +got):\n%s", diff)
	}
	if tell, next := s.Tells(5, found); len(tell) != 0 || next(0) != 5 {
		t.Errorf("somebody else moved the cursor, and %v are told, the cursor goes to %d", seqs(tell), next(0))
	}
	if tell, next := (stock.Sync{Cursor: 4, Upto: 100}).Tells(4, nil); len(tell) != 0 || next(0) != 100 {
		t.Errorf("all was forced away, and %v are told, the cursor goes to %d", seqs(tell), next(0))
	}
	if _, next := (stock.Sync{Cursor: 4, Upto: 0}).Tells(4, nil); next(0) != 4 {
		t.Errorf("a journal that decided nothing takes the cursor back to %d", next(0))
	}
}

func TestMayLetGo(t *testing.T) {
	deleted := metav1.ObjectMeta{DeletionTimestamp: &metav1.Time{}, Finalizers: []string{"example.com/other", v1alpha1.MirrorFinalizer}}
	reservation := func(phase v1alpha1.StockReservationPhase, intent v1alpha1.ReservationIntent) *v1alpha1.StockReservation {
		return &v1alpha1.StockReservation{
			ObjectMeta: deleted, Spec: v1alpha1.StockReservationSpec{Intent: intent},
			Status: v1alpha1.StockReservationStatus{Phase: phase, History: []v1alpha1.ReservationHistoryEntry{{Seq: 3}, {Seq: 7}}},
		}
	}
	restocked := func(wanted *[]v1alpha1.StockLine, back int64) *v1alpha1.StockReservation {
		r := reservation(v1alpha1.ReservationRestocked, v1alpha1.IntentRestock)
		r.Spec.Restock = wanted
		r.Status.Allocations = []v1alpha1.StockAllocation{{ProductID: "tea", Quantity: 3}}
		r.Status.Restocked = []v1alpha1.RestockedLine{{ProductID: "tea", Quantity: back}}
		return r
	}
	live := reservation(v1alpha1.ReservationReleased, v1alpha1.IntentHold)
	live.DeletionTimestamp = nil
	others := reservation(v1alpha1.ReservationReleased, v1alpha1.IntentHold)
	others.Finalizers = []string{"example.com/other"}
	for name, tc := range map[string]struct {
		r      *v1alpha1.StockReservation
		cursor int64
		want   bool
	}{
		"released and told":               {reservation(v1alpha1.ReservationReleased, v1alpha1.IntentHold), 7, true},
		"released, its end untold":        {reservation(v1alpha1.ReservationReleased, v1alpha1.IntentHold), 6, false},
		"rejected":                        {reservation(v1alpha1.ReservationRejected, v1alpha1.IntentHold), 7, true},
		"undecided":                       {reservation(v1alpha1.ReservationPending, v1alpha1.IntentHold), 7, false},
		"undecided, no phase at all":      {reservation("", v1alpha1.IntentHold), 7, false},
		"holds stock":                     {reservation(v1alpha1.ReservationReserved, v1alpha1.IntentHold), 7, false},
		"taken":                           {reservation(v1alpha1.ReservationCommitted, v1alpha1.IntentCommit), 7, true},
		"taken and wanted back":           {reservation(v1alpha1.ReservationCommitted, v1alpha1.IntentRestock), 7, false},
		"all came back":                   {restocked(nil, 3), 7, true},
		"a part of what is wanted back":   {restocked(&[]v1alpha1.StockLine{{ProductID: "tea", Quantity: 2}}, 1), 7, false},
		"a part came back, as was wanted": {restocked(&[]v1alpha1.StockLine{{ProductID: "tea", Quantity: 1}}, 1), 7, true},
		"nobody deletes it":               {live, 7, false},
		"it is not the mirror's":          {others, 7, false},
	} {
		if got := stock.MayLetGoReservation(tc.r, tc.cursor); got != tc.want {
			t.Errorf("a reservation, %s: got %v, want %v", name, got, tc.want)
		}
	}
	document := &v1alpha1.StockAdjustment{ObjectMeta: deleted}
	if stock.MayLetGoDocument(document, 7) {
		t.Error("a document that waits for its decision may go")
	}
	document.Status = v1alpha1.StockAdjustmentStatus{Phase: v1alpha1.AdjustmentRefused, JournalSeq: 7}
	if !stock.MayLetGoDocument(document, 7) || stock.MayLetGoDocument(document, 6) {
		t.Error("a document that was refused goes once that was told, and not before")
	}
	item := &v1alpha1.StockItem{ObjectMeta: deleted, Status: v1alpha1.StockItemStatus{JournalSeq: 7}}
	if !stock.MayLetGoItem(item, 7) || stock.MayLetGoItem(item, 6) {
		t.Error("an item goes once what it contains was told, and not before")
	}
	item.Finalizers = append(item.Finalizers, v1alpha1.StockItemFinalizer)
	if stock.MayLetGoItem(item, 7) {
		t.Error("an item may go that the stock controller keeps")
	}
}

func TestMovements(t *testing.T) {
	at := time.Date(2026, time.November, 27, 9, 0, 0, 0, time.UTC)
	decision := func(kind v1alpha1.JournalEntryKind, lines ...event.DecisionLine) event.Decision {
		return event.Decision{Seq: 7, Kind: kind, Name: "o-1", UID: "r1", OrderID: "o-1", Reason: "why", At: at, Lines: lines}
	}
	movement := func(kind stock.MovementKind, quantity, delta, onHand int64) stock.Movement {
		return stock.Movement{
			ItemUID: "i1", ProductID: "tea", Seq: 7, Kind: kind, Quantity: quantity, Delta: delta, Remaining: ptr.To(int64(4)), OnHand: onHand,
			UID: "r1", Object: "o-1", OrderID: "o-1", Reason: "why", At: at,
		}
	}
	tea := event.DecisionLine{ProductID: "tea", ItemUID: "i1", Quantity: 3, Remaining: 4, Delta: -3}
	unmoved := tea
	unmoved.Delta = 0
	adjusted := event.DecisionLine{ProductID: "tea", ItemUID: "i1", Remaining: 4, Delta: -2}
	for name, tc := range map[string]struct {
		decision event.Decision
		want     []stock.Movement
	}{
		"a commit":                         {decision(v1alpha1.EntryCommit, tea), []stock.Movement{movement(stock.MovedByCommit, 3, -3, 7)}},
		"a commit of an item that is gone": {decision(v1alpha1.EntryCommit, unmoved), []stock.Movement{movement(stock.MovedByCommit, 3, 0, 10)}},
		"a document":                       {decision(v1alpha1.EntryAdjust, adjusted), []stock.Movement{movement(stock.MovedByAdjust, -2, -2, 8)}},
		"a document without its item":      {decision(v1alpha1.EntryAdjust, event.DecisionLine{ProductID: "tea"}), []stock.Movement{}},
		"a grant moves nothing":            {decision(v1alpha1.EntryGrant, event.DecisionLine{ProductID: "tea", Quantity: 3, Remaining: 4}), nil},
		"nor does a refusal":               {decision(v1alpha1.EntryAdjustReject, adjusted), nil},
	} {
		balances := map[string]int64{"i1": 10}
		got := stock.MovementsOf(tc.decision)
		stock.Balance(balances, got)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestOpening(t *testing.T) {
	item := &v1alpha1.StockItem{ObjectMeta: metav1.ObjectMeta{Name: "tea", UID: "i1"}, Spec: v1alpha1.StockItemSpec{OpeningQuantity: 5}}
	if got := stock.Opening(item); got.Delta != 5 || got.Seq != 0 || got.Kind != stock.MovedByOpening || got.ItemUID != "i1" {
		t.Errorf("an item that nobody counted begins with %+v, want its 5", got)
	}
	item.Spec.OpeningQuantity, item.Status.OpeningQuantity = 0, ptr.To(int64(5))
	if got := stock.Opening(item); got.Delta != 5 {
		t.Errorf("a manifest that no longer says it makes it begin with %d, want 5", got.Delta)
	}
}

func TestCarry(t *testing.T) {
	item := &v1alpha1.StockItem{ObjectMeta: metav1.ObjectMeta{Name: "tea", UID: "i1"}, Status: v1alpha1.StockItemStatus{OnHand: ptr.To(int64(47)), JournalSeq: 9}}
	if stock.MayCompare(item, 8) || !stock.MayCompare(item, 9) {
		t.Error("an item is compared once all that it contains was told, and not before")
	}
	if got := stock.Carry(item, 47, time.Time{}); got != nil {
		t.Errorf("nothing was lost, and %+v is booked", got)
	}
	got := stock.Carry(item, 40, time.Time{})
	if got == nil || got.Delta != 7 || got.Seq != 9 || got.Kind != stock.Carried {
		t.Fatalf("7 were lost, and %+v is booked", got)
	}
	if records := stock.CarriedEvents(got, 12); len(records) != 1 || records[0].Key != "tea" || records[0].Seq != 12 {
		t.Errorf("told as %+v", records)
	}
}
