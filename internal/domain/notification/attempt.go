package notification

import "time"

// longestWait bounds what a provider may ask for by saying when to try again.
const longestWait = time.Minute

// Pauses before the tries that follow the first, as the public contract has them.
func Pauses() []time.Duration { return []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} }

// Attempt is how a try to send went.
type Attempt struct {
	// Err is nil once the provider has taken the message.
	Err error
	// Permanent says that no further try would go better.
	Permanent bool
	// RetryAfter is when the provider wants to be asked again, zero if it did not say.
	RetryAfter time.Duration
}

// Step is what becomes of a notification after a try.
type Step struct {
	Status Status
	Reason Reason
	// Attempts counts the tries, this one included.
	Attempts int
	// Pause is how long to wait for the next try of a pending one.
	Pause time.Duration
}

// After says what follows from a try of a notification that was tried before times before.
func After(before int, a Attempt) Step {
	step := Step{Attempts: before + 1}
	pauses := Pauses()
	switch {
	case a.Err == nil:
		step.Status = Delivered
	case a.Permanent:
		step.Status, step.Reason = Failed, Refused
	case before >= len(pauses):
		step.Status, step.Reason = Failed, GaveUp
	default:
		step.Status = Pending
		step.Pause = max(pauses[before], min(a.RetryAfter, longestWait))
	}
	return step
}
