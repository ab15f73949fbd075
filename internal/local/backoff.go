package local

import (
	"context"
	"time"
)

// Delays between the end of a process and its next start: doubling from the
// first to the last, and back to the first once it has run for a while.
const (
	firstDelay = 200 * time.Millisecond
	lastDelay  = 10 * time.Second
	stableRun  = 30 * time.Second
)

// nextDelay is how long to wait before a process that ran for ran is started
// again, when the delay before was last (0 at its first end).
func nextDelay(last, ran time.Duration) time.Duration {
	if last == 0 || ran >= stableRun {
		return firstDelay
	}
	return min(2*last, lastDelay)
}

// pause waits, and is false when ctx was done first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
