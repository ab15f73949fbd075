package effects

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/orderplane/orderplane/controllers/stock/internal/pacing"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// Waits between tries to write what could not be written.
const (
	firstRetry = 200 * time.Millisecond
	// LastRetry is the longest of them.
	LastRetry = 30 * time.Second
	// patience is for how long others wait for a write that fails. Longer than
	// that and it counts as one that can't be written.
	patience = 2 * time.Second
)

// Backoff is how long to wait after writes that failed. The zero value has not failed.
type Backoff struct {
	wait  time.Duration
	since time.Time
	// refused is true when the API server has definitely refused the write, or the object
	// can't be decoded.
	refused bool
}

// Failed notes a failure at now.
func (b *Backoff) Failed(now time.Time, err error) {
	b.wait = min(max(2*b.wait, firstRetry), LastRetry)
	b.since = now
	b.refused = apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsRequestEntityTooLargeError(err) ||
		cachedclient.WasSetAside(err)
}

// Wait is how long to wait after the last failure.
func (b *Backoff) Wait() time.Duration { return b.wait }

// parked reports whether nobody should wait for this write.
func (b *Backoff) parked() bool { return b.refused || b.wait > patience }

func (b *Backoff) due(now time.Time) bool { return pacing.Over(b.since, b.wait, now) }

// backoffs are the writes that failed last, by target: one object, or one aspect
// of it. A wait belongs to the target and not to a decision, so that all pending
// decisions about an item are tried together, in order: an item that contains a
// decision is taken to contain all before it.
type backoffs map[string]*Backoff

func (b backoffs) due(target string, now time.Time) bool {
	failed := b[target]
	return failed == nil || failed.due(now)
}

// of is the backoff of a target, a new one if that has not failed yet.
func (b backoffs) of(target string) *Backoff {
	f := b[target]
	if f == nil {
		f = &Backoff{}
		b[target] = f
	}
	return f
}

// prune drops what was due at now and is not in flight: it is not needed any more.
func (b backoffs) prune(now time.Time, inFlight map[string]*Effect) {
	for target, f := range b {
		if f.due(now) && inFlight[target] == nil {
			delete(b, target)
		}
	}
}

// next is how long until the first is tried again; ok is false when none is.
func (b backoffs) next(now time.Time) (in time.Duration, ok bool) {
	for _, f := range b {
		if wait := pacing.Remaining(f.since, f.wait, now); !ok || wait < in {
			in, ok = wait, true
		}
	}
	return in, ok
}
