package v1alpha1_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The API server gives each rule a budget. A reservation with as many lines as there may be,
// their names alike to the last letters, stays within it, whatever is wanted back in whatever order.
func TestReservationsOfManyLinesStayWithinTheBudget(t *testing.T) {
	const most = 250
	var all []any
	for i := range most {
		all = append(all, object{"productID": strings.Repeat("p", 60) + fmt.Sprintf("%03d", i), "quantity": int64(2)})
	}
	some := func(quantity int64) (lines []any) {
		for _, l := range slices.Backward(all) {
			lines = append(lines, object{"productID": l.(object)["productID"], "quantity": quantity})
		}
		return lines
	}
	j := newJudge(t, "stockreservations")
	reservation := edits{"spec.lines": all}.of(good("stockreservations"))
	if errs := j.of(t, reservation, nil); len(errs) > 0 {
		t.Fatalf("made: %v", errs)
	}
	was := edits{"spec.intent": "Commit"}.of(reservation)
	for _, restock := range []struct {
		quantity int64
		refused  bool
	}{{1, false}, {2, false}, {1, true}} {
		now := edits{"spec.intent": "Restock", "spec.restock": some(restock.quantity)}.of(reservation)
		errs := j.of(t, now, was)
		if (len(errs) > 0) != restock.refused {
			t.Errorf("%d of each wanted back: %v", restock.quantity, errs)
		}
		for _, err := range errs {
			if !strings.Contains(err.Error(), "only grows") {
				t.Errorf("refused for another reason: %v", err)
			}
		}
		was = now
		slices.Reverse(all) // the next list is in the other order
	}
}
