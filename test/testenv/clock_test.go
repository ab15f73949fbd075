package testenv_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderplane/orderplane/test/testenv"
)

func TestShiftedClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
		c := testenv.NewShiftedClock(start)
		shows := func(want time.Time) {
			t.Helper()
			if got := c.Now(); !got.Equal(want) {
				t.Errorf("it shows %s, want %s", got, want)
			}
		}
		shows(start)
		timer := c.NewTimer(time.Minute)
		c.Step(-24 * time.Hour)
		shows(start.Add(-24 * time.Hour))
		<-timer.C()
		shows(start.Add(-24*time.Hour + time.Minute))
		if got := c.Since(start); got != -24*time.Hour+time.Minute {
			t.Errorf("since the start: %s", got)
		}
		c.SetTime(start.Add(time.Hour))
		<-c.After(time.Second)
		shows(start.Add(time.Hour + time.Second))
	})
}
