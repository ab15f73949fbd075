package stock_test

import (
	"fmt"
	"testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// One goroutine decides for a whole namespace: what a decision allocates is what all its
// orders wait for. It is held to a budget; it is the same on every machine.
func TestAllocationsOfDecideReservation(t *testing.T) {
	const runs = 200
	ledger := func() *stock.Ledger {
		return stock.NewLedger(0, stocktest.Items(stocktest.AnItem("widget", 1_000_000), stocktest.AnItem("gadget", 1_000_000)), nil, nil)
	}
	// AllocsPerRun runs once more, to warm up.
	many := func(lines ...v1alpha1.StockLine) (out []*v1alpha1.StockReservation) {
		for n := range runs + 1 {
			out = append(out, &stocktest.AReservation(fmt.Sprintf("r-%d", n), lines...).StockReservation)
		}
		return out
	}
	for name, c := range map[string]struct {
		before v1alpha1.ReservationIntent // with which all were decided; none when empty
		intent v1alpha1.ReservationIntent
		lines  []v1alpha1.StockLine
		kind   v1alpha1.JournalEntryKind // none when nothing is due
		budget float64
	}{
		"a grant of one line":        {intent: v1alpha1.IntentHold, lines: []v1alpha1.StockLine{stocktest.Units("widget", 1)}, kind: v1alpha1.EntryGrant, budget: 4},
		"a grant of two lines":       {intent: v1alpha1.IntentHold, lines: []v1alpha1.StockLine{stocktest.Units("widget", 1), stocktest.Units("gadget", 1)}, kind: v1alpha1.EntryGrant, budget: 4},
		"a rejection of one line":    {intent: v1alpha1.IntentHold, lines: []v1alpha1.StockLine{stocktest.Units("widget", 2_000_000)}, kind: v1alpha1.EntryReject, budget: 3},
		"a commit of one line":       {before: v1alpha1.IntentHold, intent: v1alpha1.IntentCommit, lines: []v1alpha1.StockLine{stocktest.Units("widget", 1)}, kind: v1alpha1.EntryCommit, budget: 2},
		"a release of one line":      {before: v1alpha1.IntentHold, intent: v1alpha1.IntentRelease, lines: []v1alpha1.StockLine{stocktest.Units("widget", 1)}, kind: v1alpha1.EntryRelease, budget: 3},
		"a decided one that is read": {before: v1alpha1.IntentHold, intent: v1alpha1.IntentHold, lines: []v1alpha1.StockLine{stocktest.Units("widget", 1)}, budget: 0},
	} {
		l, all := ledger(), many(c.lines...)
		for _, r := range all {
			if c.before != "" {
				r.Spec.Intent = c.before
				l.DecideReservation(r, stocktest.Noon())
			}
			r.Spec.Intent = c.intent
		}
		next := 0
		got := testing.AllocsPerRun(runs, func() {
			e, _ := l.DecideReservation(all[next], stocktest.Noon())
			next++
			switch {
			case e == nil && c.kind != "":
				t.Errorf("%s: nothing was due", name)
			case e != nil && e.Kind != c.kind:
				t.Errorf("%s: it was a %s", name, e.Kind)
			}
		})
		if got > c.budget {
			t.Errorf("%s: %v allocations, at most %v allowed", name, got, c.budget)
		}
	}
}
