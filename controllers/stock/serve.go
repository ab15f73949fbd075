package stock

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// batchGap is how long a batch waits, at most, for the effects of the one before
// it. Under load it is what makes a batch worth its write of the journal: ten
// orders at a hundred a second.
const batchGap = 80 * time.Millisecond

// idleLook is how often a shard that waits for writes looks for what else is due.
const idleLook = time.Second

// run takes the journal over if need be, then decides and carries out until
// nothing is left to do at once. It returns when to look again; zero when only
// an event can bring more to do.
func (s *shard) run(ctx context.Context) (again time.Duration, err error) {
	if s.ledger == nil {
		if err := s.takeOver(ctx); err != nil {
			s.forget()
			return 0, fmt.Errorf("take over the stock journal of %s: %w", s.namespace, err)
		}
	}
	err = s.serve(ctx)
	s.landAll(ctx)
	if errors.Is(err, errLost) {
		s.forget()
	}
	if err != nil {
		return 0, err
	}
	if err := s.auditIfDue(ctx); err != nil {
		return 0, err
	}
	return s.nextLook(), nil
}

// serve decides batch after batch. What was decided is written meanwhile: a
// batch does not wait for the slowest write of the one before, but only a moment.
func (s *shard) serve(ctx context.Context) error {
	for {
		handled, err := s.decideBatch(ctx)
		if err != nil {
			return err
		}
		s.launch(ctx)
		if len(s.carrier.flying) == 0 && (!handled || s.inbox.len() == 0) {
			return ctx.Err()
		}
		if err := s.awaitTurn(ctx); err != nil {
			return err
		}
	}
}

// awaitTurn lands what flies until the next batch may be decided: when nothing
// flies any more, or something waits and the gap is over.
func (s *shard) awaitTurn(ctx context.Context) error {
	timer := time.NewTimer(batchGap)
	defer timer.Stop()
	var arrived <-chan struct{}
	for len(s.carrier.flying) > 0 {
		select {
		case e := <-s.carrier.landed:
			s.land(ctx, e)
			s.follow(ctx)
		case <-timer.C:
			if arrived != nil || s.inbox.len() > 0 {
				return nil
			}
			arrived = s.inbox.arrived
			timer.Reset(idleLook)
		case <-arrived:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// decideBatch decides what waits, as far as there is room, and journals it. It
// reports whether it took anything from the inbox.
func (s *shard) decideBatch(ctx context.Context) (handled bool, err error) {
	now := s.opts.Clock.Now()
	if err := s.wakeExpired(ctx, now); err != nil {
		return false, err
	}
	kept := s.kept()
	decided, handled := s.decide(ctx, now, kept)
	if len(decided) > 0 {
		if err := s.swap(ctx, kept, decided); err != nil {
			return false, err
		}
		s.suspect, s.projector.decided = false, time.Now()
	}
	return handled, s.confirm(ctx)
}
