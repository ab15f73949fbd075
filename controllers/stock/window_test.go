package stock

import (
	"testing"
	"time"
)

func TestWhenABatchIsDecided(t *testing.T) {
	now := time.Date(2026, time.November, 27, 12, 0, 0, 0, time.UTC)
	soon, passed := now, now.Add(-batchGap)
	for name, tc := range map[string]struct {
		window            batchWindow
		waiting, inFlight int
		want              bool
	}{
		"the first after a rest":               {batchWindow{}, 1, 0, true},
		"nobody waits":                         {batchWindow{began: passed}, 0, 0, false},
		"the last one began long enough ago":   {batchWindow{began: passed}, 1, 9, true},
		"too few, too soon":                    {batchWindow{began: soon}, batchWorth - 1, 9, false},
		"too few, and nothing left to write":   {batchWindow{began: soon}, batchWorth - 1, 0, false},
		"enough for a write of the journal":    {batchWindow{began: soon}, batchWorth, 9, true},
		"those the last batch had no room for": {batchWindow{began: soon, crowded: true}, 500, 9, false},
		"when all of that batch is written":    {batchWindow{began: soon, crowded: true}, 500, 0, true},
		"or when their time has come":          {batchWindow{began: passed, crowded: true}, 500, 9, true},
		"the clock was set back meanwhile":     {batchWindow{began: now.Add(time.Hour)}, 1, 9, true},
	} {
		if got := tc.window.isOpen(tc.waiting, tc.inFlight, now); got != tc.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
