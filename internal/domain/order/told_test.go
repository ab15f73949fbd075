package order_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// What is told of goods that came back is what the stock side did with them.
func TestWhatIsToldOfGoodsIsWhatTheStockSideDid(t *testing.T) {
	no := false
	gone := "the StockItem they were taken from is gone, was made again, or is being deleted"
	for name, c := range map[string]struct {
		before   func(*sim)
		decision v1alpha1.ReturnDecision
		// says and notSays are parts of the history's message.
		says    []string
		notSays string
		notBack []v1alpha1.StockLine
	}{
		"all goes back": {
			before: func(*sim) {}, says: []string{"put back on the shelf"}, notSays: "not",
		},
		"worn goods don't": {
			before: func(*sim) {}, decision: v1alpha1.ReturnDecision{Restock: &no}, says: []string{"not put back on the shelf"}, notSays: "could",
		},
		"an item was made again": {
			before: func(s *sim) { s.remake("prod-001") }, says: []string{"1 of 6 units were put back", gone, "5 of prod-001"},
			notBack: []v1alpha1.StockLine{{ProductID: "prod-001", Quantity: 5}},
		},
		"an item is gone": {
			before: func(s *sim) { delete(s.onHand, "prod-002") }, says: []string{"5 of 6 units were put back", gone, "1 of prod-002"},
			notBack: []v1alpha1.StockLine{{ProductID: "prod-002", Quantity: 1}},
		},
		"an item is gone, and the goods are worn": {
			before: func(s *sim) { delete(s.onHand, "prod-002") }, decision: v1alpha1.ReturnDecision{Restock: &no},
			says: []string{"not put back on the shelf"}, notSays: "could",
		},
		"the reservation is gone": {
			before: func(s *sim) { s.meddle("delete the reservation", nil) },
			says:   []string{"nothing was put back on the shelf", "StockReservation is gone", "5 of prod-001, 1 of prod-002"},
			notBack: []v1alpha1.StockLine{
				{ProductID: "prod-001", Quantity: 5}, {ProductID: "prod-002", Quantity: 1},
			},
		},
		"the reservation is gone, and the goods are worn": {
			before: func(s *sim) { s.meddle("delete the reservation", nil) }, decision: v1alpha1.ReturnDecision{Restock: &no},
			says: []string{"not put back on the shelf"}, notSays: "gone",
		},
	} {
		s := newSim(t)
		s.place()
		s.ship()
		c.before(s)
		s.sendBack("r1")
		c.decision.Verdict = v1alpha1.VerdictApprove
		s.decide("approve", c.decision)
		status := s.order.Status
		var told string
		for _, e := range status.History {
			if e.Type == v1alpha1.HistoryReturned {
				told = e.Message
			}
		}
		for _, part := range c.says {
			if !strings.Contains(told, part) {
				t.Errorf("%s: the history says %q, not %q", name, told, part)
			}
		}
		if c.notSays != "" && strings.Contains(told, c.notSays) {
			t.Errorf("%s: the history says %q", name, told)
		}
		if condition := meta.FindStatusCondition(status.Conditions, v1alpha1.OrderConditionReturned); condition == nil || condition.Message != told {
			t.Errorf("%s: the history says %q, the condition %+v", name, told, condition)
		}
		if !slices.Equal(status.NotRestocked, c.notBack) {
			t.Errorf("%s: not put back: %v, want %v", name, status.NotRestocked, c.notBack)
		}
	}
}
