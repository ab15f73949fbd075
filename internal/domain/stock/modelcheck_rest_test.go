package stock_test

import (
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// alone is the one step that a process takes when no other does anything,
// nothing fails, and its informers are up to date. rest is true when there is
// none left to take.
func (c *checker) alone(s *state, n int) (after state, did action, rest bool) {
	took := false
	first := func(t state, a action) {
		if !took {
			after, did, took = t, a, true
		}
	}
	if s.refuses != 0 {
		t := *s
		t.refuses = 0
		return t, action{verb: heals}, false
	}
	p := &s.processes[n]
	switch p.doing {
	case serving:
		c.carryOut(s, n, first)
		switch {
		case took:
		case !p.current:
			c.crash(s, n, first)
		default:
			c.notice(s, n, first)
			c.offered(s, p, p.ledger, true, func(ch choice) {
				if !took {
					c.swap(s, n, ch.entries, ch.ledger, first)
				}
			})
			if !took {
				c.dropOnly(s, n, first)
			}
		}
	case late:
		c.carryOut(s, n, first)
		if !took {
			c.crash(s, n, first)
		}
	default:
		c.process(s, n, first)
	}
	return after, did, !took
}

// settles runs each process alone from a state and checks where it ends. What
// the others hold does not matter then, so states are told apart without it.
func (c *checker) settles(s *state) {
	for n := range c.world.processes {
		lonely := *s
		lonely.processes = [maxProcesses]process{s.processes[n]}
		for steps := 0; c.broken == ""; steps++ {
			c.simplify(&lonely)
			if _, isNew := c.settled.add(&lonely, 0); !isNew {
				break
			}
			after, _, rest := c.alone(&lonely, 0)
			if rest {
				c.checkRest(&lonely)
				break
			}
			if steps > 200 {
				c.breaks(restless)
			}
			lonely = after
		}
		if c.broken != "" {
			c.alonePart = n
			return
		}
	}
}

// checkRest is what must hold when the first process is alone and has nothing left to do.
func (c *checker) checkRest(s *state) {
	p := &s.processes[0]
	for slot := range c.world.reservations {
		if v := s.version(kindReservation, slot); v >= firstRow {
			c.checkReservationAtRest(s, slot, c.tables.reservations.at(v))
		} else if v == gone && !c.tookAll(s, slot) {
			c.breaks(commitLost)
		}
	}
	for slot, d := range c.world.documents {
		v := s.version(kindDocument, slot)
		if v < firstRow {
			continue
		}
		changed := s.ghost.done>>((maxReservations+slot)*maxItems)&(1<<maxItems-1) != 0
		switch c.tables.documents.at(v).Status.Phase {
		case v1alpha1.AdjustmentApplied:
			if !changed && d.after == 0 && c.world.steady(d.product) {
				c.breaks(documentUntrue)
			}
		case v1alpha1.AdjustmentRefused:
			if changed {
				c.breaks(documentUntrue)
			}
		default:
			if c.world.steady(d.product) || c.deleting(kindDocument, v) {
				c.breaks(stuck)
			}
		}
	}
	l := c.tables.ledgers.at(p.ledger)
	items, reservations := c.objects(s)
	for i := range c.world.items {
		if v := s.version(kindItem, i); v >= firstRow {
			o := c.tables.items.at(v)
			seen := c.seenReserved(s, i)
			if seen > journal.OnHand(o) && s.ghost.sold&(1<<i) == 0 {
				c.breaks(oversold)
			}
			if level, known := l.Level(o.UID); !known || level.OnHand != journal.OnHand(o) || level.Reserved != seen {
				c.breaks(memoryIsWrong)
			}
		}
	}
	if len(l.Audit(items, reservations)) > 0 {
		c.breaks(memoryIsWrong)
	}
	if len(c.tables.opens.at(p.open)) > 0 {
		c.breaks(stuck)
	}
}

// tookAll reports whether a reservation that is gone took its lines off the
// shelf, if it was committed before that.
func (c *checker) tookAll(s *state, slot int) bool {
	if p := s.ghost.path[slot]; p != committed && p != restocked && p != restockedAgain {
		return true
	}
	for i := range c.world.items {
		granted := s.ghost.from[slot]&(1<<i) != 0
		if granted && s.exists(kindItem, i) && s.ghost.done>>(slot*maxItems+i)&1 == 0 {
			return false
		}
	}
	return true
}

func (c *checker) checkReservationAtRest(s *state, slot int, r *v1alpha1.StockReservation) {
	phase, intent := r.Status.Phase, r.Spec.Intent
	waits := phase == v1alpha1.ReservationPending || phase == "" ||
		phase == v1alpha1.ReservationReserved && (intent != v1alpha1.IntentHold || r.DeletionTimestamp != nil) ||
		phase == v1alpha1.ReservationCommitted && intent == v1alpha1.IntentRestock
	if settled, _ := journal.Restocked(r); waits || phase == v1alpha1.ReservationRestocked && !settled {
		c.breaks(stuck)
	}
	if phase == v1alpha1.ReservationReleased && !c.endedRightly(s, slot, r) {
		c.breaks(basketLost)
	}
	if !c.rules.harmOnly && phase != pathPhase[s.ghost.path[slot]] {
		c.breaks(neverCarriedOut)
	}
	for i, item := range c.world.items {
		n := quantityOf(r.Spec.Lines, item.name)
		if n == 0 || !s.exists(kindItem, i) || s.ghost.from[slot]&(1<<i) == 0 {
			continue
		}
		took := s.ghost.done>>(slot*maxItems+i)&1 != 0
		returned := int64(s.ghost.back[slot][i]) == c.wantedBack(s, slot, i)
		switch phase {
		case v1alpha1.ReservationCommitted, v1alpha1.ReservationRestocked:
			if !took {
				c.breaks(notTaken)
			}
			if phase == v1alpha1.ReservationRestocked && !returned {
				c.breaks(notReturned)
			}
		default:
			if took {
				c.breaks(taken)
			}
		}
	}
}

// endedRightly reports whether a reservation was released because its client or time
// wanted it, or because another one that may was granted in its place.
func (c *checker) endedRightly(s *state, slot int, r *v1alpha1.StockReservation) bool {
	b := c.world.reservations[slot]
	if r.Spec.Intent == v1alpha1.IntentRelease || b.expires || r.DeletionTimestamp != nil {
		return true
	}
	for other, o := range c.world.reservations {
		if s.ghost.from[other] != 0 && c.mayTakeOver(o, b) {
			return true
		}
	}
	return false
}

// mayTakeOver is who may take over what.
func (c *checker) mayTakeOver(o, basket reservationSlot) bool {
	return o.takeOver == basket.name && !basket.order && (o.customer == "" || basket.customer == "" || o.customer == basket.customer)
}
