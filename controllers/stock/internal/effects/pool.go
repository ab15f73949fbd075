// Package effects writes what was decided, in the background: a bounded number of
// writes at a time, never two with the same target, so that nobody's decision waits
// for a write about somebody else. A write that fails is tried again ever more rarely.
package effects

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Effect is one write: an object brought to where the pending decisions about it
// want it, or what people see of it refreshed.
type Effect struct {
	Object store.Identity
	Kind   string
	// Target is whose failures count; no two effects of one are in flight.
	Target string
	// Backoff is where failures count instead, when whoever planned it minds them.
	Backoff *Backoff
	// Entries are the decisions it carries out, in order of seq; none for a projection.
	Entries []*journal.Pending
	// Write runs beside the loop; all else of an effect belongs to the loop's goroutine.
	Write func(context.Context) error
	// Done is called once the write succeeded.
	Done func()

	err error
}

// Pool is the writer pool of one namespace. Its methods belong to the one goroutine
// that reconciles the namespace.
type Pool struct {
	clock     clock.Clock
	failed    func(kind string)
	limiter   *limiter
	inFlight  map[string]*Effect // by target, those that wait for a permit included
	completed chan *Effect
	backoffs  backoffs
}

// NewPool makes a pool that writes at most limit effects at a time, and calls failed
// with the kind of object whenever a write failed.
func NewPool(c clock.Clock, limit int, failed func(kind string)) *Pool {
	return &Pool{
		clock: c, failed: failed, limiter: &limiter{clock: c, limit: limit},
		inFlight: map[string]*Effect{}, completed: make(chan *Effect, limit), backoffs: backoffs{},
	}
}

// Dispatch has an effect written, unless it is to be tried later or its target is in
// flight already.
func (p *Pool) Dispatch(ctx context.Context, e *Effect) (dispatched bool) {
	if p.inFlight[e.Target] != nil || !p.backoffs.due(e.Target, p.clock.Now()) {
		return false
	}
	p.inFlight[e.Target] = e
	go func() {
		p.limiter.acquire()
		e.err = e.Write(ctx)
		p.limiter.release()
		p.completed <- e
	}()
	return true
}

// Completed brings effects whose write is over, each of which is to be given to Complete.
func (p *Pool) Completed() <-chan *Effect { return p.completed }

// Complete notes what became of an effect.
func (p *Pool) Complete(ctx context.Context, e *Effect) {
	delete(p.inFlight, e.Target)
	if e.err == nil {
		delete(p.backoffs, e.Target)
		e.Done()
		return
	}
	if ctx.Err() != nil {
		return
	}
	if apierrors.IsConflict(e.err) {
		return // only a projection gives up on a conflict, and it stays due
	}
	p.failed(e.Kind)
	backoff := e.Backoff
	if backoff == nil {
		backoff = p.backoffs.of(e.Target)
	}
	backoff.Failed(p.clock.Now(), e.err)
	log := logr.FromContextOrDiscard(ctx).WithValues("kind", e.Kind, "object", e.Object.String(), "retryIn", backoff.wait)
	if len(e.Entries) > 0 {
		log.Error(e.err, "a stock decision can't be carried out yet; it stays in the journal and is tried again", "seq", e.Entries[0].Entry.Seq)
	} else {
		log.Error(e.err, "what people see of an object can't be refreshed yet; it is tried again")
	}
}

// Drain waits until nothing is in flight any more.
func (p *Pool) Drain(ctx context.Context) {
	for len(p.inFlight) > 0 {
		p.Complete(ctx, <-p.completed)
	}
}

// Of is the effect in flight about a target, nil when there is none.
func (p *Pool) Of(target string) *Effect { return p.inFlight[target] }

// InFlight is how many effects are in flight.
func (p *Pool) InFlight() int { return len(p.inFlight) }

// Full reports whether what people only see has to wait: every permit has its sharers.
func (p *Pool) Full() bool { return len(p.inFlight) >= p.limiter.limit*sharers }

// HasFailed reports whether the last write of a target failed: it may have been
// carried out without an answer, so that what was seen of the object is not to be trusted.
func (p *Pool) HasFailed(target string) bool { return p.backoffs[target] != nil }

// Parked reports whether nobody should wait for the writes of a target.
func (p *Pool) Parked(target string) bool {
	f := p.backoffs[target]
	return f != nil && f.parked()
}

// Refused reports whether the API server has definitely refused to write a target.
func (p *Pool) Refused(target string) bool {
	f := p.backoffs[target]
	return f != nil && f.refused
}

// Prune forgets the failures of targets that were due at now and are not in flight:
// nobody wants them written any more. To be called when all that was due at now has been
// dispatched.
func (p *Pool) Prune(now time.Time) { p.backoffs.prune(now, p.inFlight) }

// NextRetry is how long until a write is to be tried again; ok is false when none is.
func (p *Pool) NextRetry() (in time.Duration, ok bool) { return p.backoffs.next(p.clock.Now()) }

// Forget drops all failures, as a leader does that lost the journal.
func (p *Pool) Forget() { p.backoffs = backoffs{} }
