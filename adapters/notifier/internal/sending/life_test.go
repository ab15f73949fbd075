package sending

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// What was claimed before a lapse is not sent after it: another sender may have it by now.
func TestALapseEndsWhatWasClaimedBefore(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))
	l := life{clock: clock}
	if alive, _ := l.is(); alive {
		t.Error("it is alive before it said so")
	}
	says := func(want bool) {
		t.Helper()
		if revived := l.until(clock.Now().Add(aliveFor)); revived != want {
			t.Errorf("revived: %t, want %t", revived, want)
		}
	}
	says(true)
	alive, lapses := l.is()
	clock.Step(aliveFor - 1)
	says(false)
	clock.Step(aliveFor - 1)
	if !alive || !l.still(lapses) {
		t.Error("who says so in time is not alive without a lapse")
	}
	clock.Step(1)
	if l.still(lapses) {
		t.Error("it is alive after its time")
	}
	says(true)
	if alive, _ := l.is(); !alive || l.still(lapses) {
		t.Errorf("alive again: %t; what was claimed before the lapse is still its own: %t", alive, l.still(lapses))
	}
}
