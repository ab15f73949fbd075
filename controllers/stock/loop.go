package stock

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A batch is decided when so many wait for it, or so long after the one before it
// began: what arrives meanwhile shares a write of the journal, at eighty orders a
// second ten of them. One that arrives after a rest waits for nobody.
const (
	batchWorth = 12
	batchGap   = 120 * time.Millisecond
)

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
// batch does not wait for the slowest write of the one before.
func (s *shard) serve(ctx context.Context) error {
	for {
		if err := s.awaitTurn(ctx); err != nil {
			return err
		}
		handled, err := s.decideBatch(ctx)
		if err != nil {
			return err
		}
		s.launch(ctx)
		if len(s.carrier.flying) == 0 && (!handled || s.inbox.len() == 0) {
			return ctx.Err()
		}
	}
}

// turn is when the next batch may be decided.
type turn struct {
	at time.Time
	// crowded is true when the last batch left somebody waiting: then it is not who
	// waits that has the next one decided sooner, but that the last one's effects are written.
	crowded bool
}

func (t turn) come(waiting, flying int) bool {
	switch {
	case waiting == 0:
		return false
	case t.crowded && flying == 0, !t.crowded && waiting >= batchWorth:
		return true
	default:
		return !time.Now().Before(t.at)
	}
}

// awaitTurn lands what flies until the next batch may be decided, or nobody waits
// and nothing flies. While something flies for long it returns now and then: more
// may be due than what waits.
func (s *shard) awaitTurn(ctx context.Context) error {
	gap, idle := time.NewTimer(time.Until(s.turn.at)), time.NewTimer(idleLook)
	defer gap.Stop()
	defer idle.Stop()
	for ctx.Err() == nil {
		waiting, flying := s.inbox.len(), len(s.carrier.flying)
		if s.turn.come(waiting, flying) || waiting == 0 && flying == 0 {
			return nil
		}
		select {
		case e := <-s.carrier.landed:
			s.land(ctx, e)
			s.follow(ctx)
		case <-s.inbox.arrived:
		case <-gap.C:
		case <-idle.C:
			return nil
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// decideBatch decides what waits, as far as there is room, and journals it. It
// reports whether it took anything from the inbox.
func (s *shard) decideBatch(ctx context.Context) (handled bool, err error) {
	began := time.Now()
	now := s.opts.Clock.Now()
	if err := s.wakeExpired(ctx, now); err != nil {
		return false, err
	}
	kept := s.kept()
	decided, handled := s.decide(ctx, now, kept)
	if crowded := s.inbox.len() > 0; crowded || len(decided) > 0 {
		s.turn = turn{at: began.Add(batchGap), crowded: crowded}
	}
	if len(decided) > 0 {
		if err := s.swap(ctx, kept, decided); err != nil {
			return false, err
		}
		s.suspect = false
		s.projector.pace.add(len(decided), time.Now())
	}
	return handled, s.confirm(ctx)
}
