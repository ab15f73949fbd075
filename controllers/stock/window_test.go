package stock

import (
	"testing"
	"time"
)

func TestWhenABatchIsDecided(t *testing.T) {
	soon, passed := time.Now().Add(time.Hour), time.Now().Add(-time.Millisecond)
	for name, tc := range map[string]struct {
		turn            turn
		waiting, flying int
		want            bool
	}{
		"the first after a rest":               {turn{}, 1, 0, true},
		"nobody waits":                         {turn{at: passed}, 0, 0, false},
		"the last one began long enough ago":   {turn{at: passed}, 1, 9, true},
		"too few, too soon":                    {turn{at: soon}, batchWorth - 1, 9, false},
		"too few, and nothing left to write":   {turn{at: soon}, batchWorth - 1, 0, false},
		"enough for a write of the journal":    {turn{at: soon}, batchWorth, 9, true},
		"those the last batch had no room for": {turn{at: soon, crowded: true}, 500, 9, false},
		"when all of that batch is written":    {turn{at: soon, crowded: true}, 500, 0, true},
		"or when their time has come":          {turn{at: passed, crowded: true}, 500, 9, true},
	} {
		if got := tc.turn.come(tc.waiting, tc.flying); got != tc.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
