package pacing_test

import (
	"testing"
	"time"

	"github.com/orderplane/orderplane/controllers/stock/internal/pacing"
)

func TestRemaining(t *testing.T) {
	since := time.Date(2026, time.November, 27, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		passed, want time.Duration
	}{
		"it has just begun":          {0, time.Minute},
		"half of it is over":         {30 * time.Second, 30 * time.Second},
		"it is over this moment":     {time.Minute, 0},
		"it was over long ago":       {time.Hour, 0},
		"the clock was set back":     {-time.Nanosecond, 0},
		"the clock was set far back": {-24 * time.Hour, 0},
	} {
		now := since.Add(tc.passed)
		if got := pacing.Remaining(since, time.Minute, now); got != tc.want {
			t.Errorf("%s: %s is left, want %s", name, got, tc.want)
		}
		if got := pacing.Over(since, time.Minute, now); got != (tc.want == 0) {
			t.Errorf("%s: over %t", name, got)
		}
	}
	if !pacing.Over(time.Time{}, time.Hour, since) {
		t.Error("what never began is waited for")
	}
}
