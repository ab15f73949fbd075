package stock

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// carrier has effects written in the background, a bounded number at a time and
// never two with the same target, so that nobody's decision waits for a write
// about somebody else. Only an effect's write runs beside the shard's goroutine;
// all else of it belongs to that.
type carrier struct {
	places places
	flying map[string]*effect // by target, those that wait for a place included
	landed chan *effect
	// behind is true when the last launch left something that may go once another
	// effect has landed.
	behind bool
}

func newCarrier(limit int) carrier {
	return carrier{places: places{limit: limit}, flying: map[string]*effect{}, landed: make(chan *effect, limit)}
}

// full reports whether what people only see has to wait: all places are open.
func (c *carrier) full() bool { return len(c.flying) >= c.places.limit*sharers }

// launch has every open effect written whose time and turn have come, and what
// people see as far as there is room. What can't be written stays open and
// is tried again later.
func (s *shard) launch(ctx context.Context) {
	now, c := time.Now(), &s.carrier
	plan, held := s.plan()
	c.behind = held
	for _, e := range plan {
		if !s.try(ctx, e, now) {
			c.behind = true
		}
	}
	s.mark(ctx, now)
	s.answer(ctx, now)
	if c.full() {
		return
	}
	for _, e := range s.projections(ctx, now) {
		if !c.full() { // else it stays due
			s.try(ctx, e, now)
		}
	}
	s.retries.prune(now, c.flying)
}

// try has an effect written, unless it is to be tried later or flies already.
func (s *shard) try(ctx context.Context, e *effect, now time.Time) bool {
	c := &s.carrier
	if c.flying[e.target] != nil || !s.retries.due(e.target, now) {
		return false
	}
	c.flying[e.target] = e
	go func() {
		c.places.take()
		e.err = e.write(ctx)
		c.places.free()
		c.landed <- e
	}()
	return true
}

// landAll waits until nothing flies any more.
func (s *shard) landAll(ctx context.Context) {
	for len(s.carrier.flying) > 0 {
		s.land(ctx, <-s.carrier.landed)
	}
}

// follow launches what had to wait for what landed.
func (s *shard) follow(ctx context.Context) {
	if s.carrier.behind && len(s.carrier.landed) == 0 && ctx.Err() == nil {
		s.launch(ctx)
	}
}

// land notes what became of an effect.
func (s *shard) land(ctx context.Context, e *effect) {
	delete(s.carrier.flying, e.target)
	if e.err == nil {
		delete(s.retries, e.target)
		e.done()
		return
	}
	if ctx.Err() != nil {
		return
	}
	if apierrors.IsConflict(e.err) {
		return // only a projection gives up on a conflict, and it stays due
	}
	s.metrics.effectFailed(e.kind)
	failure := e.retry
	if failure == nil {
		failure = s.retries.of(e.target)
	}
	failure.failed(time.Now(), e.err)
	log := logr.FromContextOrDiscard(ctx).WithValues("kind", e.kind, "object", e.key.String(), "retryIn", failure.wait)
	if len(e.entries) > 0 {
		log.Error(e.err, "a stock decision can't be carried out yet; it stays in the journal and is tried again", "seq", e.entries[0].Entry.Seq)
	} else {
		log.Error(e.err, "what people see of an object can't be refreshed yet; it is tried again")
	}
}

// redo carries out what a journal held when it was taken over, from live
// objects. What the API server refuses to have written is left open.
func (s *shard) redo(ctx context.Context) error {
	s.launch(ctx)
	for len(s.carrier.flying) > 0 {
		s.land(ctx, <-s.carrier.landed)
		s.follow(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, o := range s.open {
		if target, is := s.undone(o); is {
			return fmt.Errorf("decision %d (%s of %s) is not carried out on %s yet", o.Entry.Seq, o.Entry.Kind, o.Entry.Name, target)
		}
	}
	return nil
}

// undone finds an object that an open decision is yet to be carried out on, and
// may be.
func (s *shard) undone(o *openEntry) (target string, is bool) {
	if !o.Object && !s.retries.refused(o.Entry.UID) {
		return o.Entry.UID, true
	}
	for _, uid := range o.Items() {
		if !s.retries.refused(string(uid)) {
			return string(uid), true
		}
	}
	return "", false
}
