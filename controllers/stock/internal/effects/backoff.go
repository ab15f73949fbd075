package stock

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Waits between tries to write what could not be written.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 30 * time.Second
	// patience is for how long others wait for a write that fails. Longer than
	// that and it counts as one that can't be written.
	patience = 2 * time.Second
)

// retries are the writes that failed last, by target: one object, or one aspect
// of it. A wait belongs to the target and not to a decision, so that all open
// decisions about an item are tried together, in order: an item that contains a
// decision is taken to contain all before it.
type retries map[string]*retry

type retry struct {
	wait time.Duration
	at   time.Time
	// refused is true when the API server has definitely refused the write.
	refused bool
}

// parked reports whether nobody should wait for this write.
func (r *retry) parked() bool { return r.refused || r.wait > patience }

// failed notes a failure at now.
func (r *retry) failed(now time.Time, err error) {
	r.wait = min(max(2*r.wait, firstRetry), lastRetry)
	r.at = now.Add(r.wait)
	r.refused = apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsRequestEntityTooLargeError(err)
}

func (r retries) due(target string, now time.Time) bool {
	failed := r[target]
	return failed == nil || !now.Before(failed.at)
}

// of is the retry of a target, a new one if that has not failed yet.
func (r retries) of(target string) *retry {
	f := r[target]
	if f == nil {
		f = &retry{}
		r[target] = f
	}
	return f
}

func (r retries) parked(target string) bool {
	f := r[target]
	return f != nil && f.parked()
}

func (r retries) refused(target string) bool {
	f := r[target]
	return f != nil && f.refused
}

// prune drops what was due at now and does not fly: it is not needed any more.
func (r retries) prune(now time.Time, flying map[string]*effect) {
	for target, f := range r {
		if !f.at.After(now) && flying[target] == nil {
			delete(r, target)
		}
	}
}

// next is when the first is tried again; ok is false when none is.
func (r retries) next() (at time.Time, ok bool) {
	for _, f := range r {
		if !ok || f.at.Before(at) {
			at, ok = f.at, true
		}
	}
	return at, ok
}
