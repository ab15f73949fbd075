// Package pacing says whether the time for something has come, by an injected clock.
//
// A clock that is set back must make nobody wait: what seems to lie in the future
// counts as over. Clocks of Go that were not set by hand carry the monotonic time, so
// that this is for the ones that were, and for tests.
package pacing

import "time"

// Remaining is how much of a wait that began at since is left at now; zero when it is over.
func Remaining(since time.Time, wait time.Duration, now time.Time) time.Duration {
	passed := now.Sub(since)
	if passed < 0 || passed >= wait {
		return 0
	}
	return wait - passed
}

// Over reports whether a wait that began at since is over at now.
func Over(since time.Time, wait time.Duration, now time.Time) bool {
	return Remaining(since, wait, now) == 0
}
