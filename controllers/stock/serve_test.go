package stock

import (
	"testing"
	"time"
)

func TestWhenABatchIsDecided(t *testing.T) {
	soon, passed := time.Now().Add(time.Hour), time.Now().Add(-time.Millisecond)
	for name, tc := range map[string]struct {
		turn    turn
		waiting int
		want    bool
	}{
		"the first after a rest":               {turn{}, 1, true},
		"nobody waits":                         {turn{at: passed}, 0, false},
		"the last one began long enough ago":   {turn{at: passed}, 1, true},
		"too few, too soon":                    {turn{at: soon}, batchWorth - 1, false},
		"enough for a write of the journal":    {turn{at: soon}, batchWorth, true},
		"those the last batch had no room for": {turn{at: soon, crowded: true}, 500, false},
		"and when their time has come":         {turn{at: passed, crowded: true}, 500, true},
	} {
		if got := tc.turn.come(tc.waiting); got != tc.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
