package testenv

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// ShiftedClock runs like the real clock and shows another time. A test sets it
// forward or back while work goes on. It is never behind a test's back: its timers
// and tickers are the real ones, so work that waits for one of them goes on,
// whatever time it shows.
//
// Set back, it takes the difference of two times back as well. A machine's clock
// spares those who subtract times the process took itself; nobody may rely on it.
type ShiftedClock struct {
	clock.RealClock

	mu     sync.Mutex
	offset time.Duration
}

var _ clock.WithTicker = &ShiftedClock{}

// NewShiftedClock makes a clock that shows this time now.
func NewShiftedClock(now time.Time) *ShiftedClock {
	c := &ShiftedClock{}
	c.SetTime(now)
	return c
}

// Now is the real time and the shift.
func (c *ShiftedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

// Since is how much later it is by this clock.
func (c *ShiftedClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// SetTime has it show this time now.
func (c *ShiftedClock) SetTime(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = time.Until(now)
}

// Step has it show a time that is later by d, or earlier when d is negative.
func (c *ShiftedClock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}
