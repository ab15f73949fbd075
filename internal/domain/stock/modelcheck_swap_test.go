package stock_test

import (
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

type swapping struct {
	open    ref
	entries decisions
	seq     uint8
}

type swapped struct {
	journal, open ref
	seq           uint8
	// alone: nothing of it goes through the journal; only in mutants.
	alone bool
}

// swapTo is what a process would write and then hold.
func (c *checker) swapTo(p *process, entries decisions) swapped {
	return c.memoSwap.get(swapping{p.open, entries, p.seq}, func() swapped {
		kept := journal.Keep(c.tables.opens.at(p.open))
		held := kept
		journaled := func(o *journal.Pending) bool { return c.rules.journaled(o.Entry.Kind) }
		var decided []*v1alpha1.JournalEntry
		anything := entries[0] == unmade
		for _, r := range entries {
			if r == unmade {
				continue
			}
			e := c.tables.entries.at(r)
			held = append(held, journal.NewPending(e))
			if c.rules.journaled(e.Kind) {
				decided, anything = append(decided, e), true
			}
		}
		stays := make([]*journal.Pending, 0, len(kept))
		for _, o := range kept {
			if journaled(o) && !c.rules.dropEarly {
				stays = append(stays, o)
			}
		}
		next := journal.Next(v1alpha1.StockJournalStatus{Seq: int64(p.seq)}, stays, decided)
		return swapped{journal: c.tables.journal(next), open: c.tables.open(held), seq: uint8(next.Seq), alone: !anything}
	})
}

// swap emits what may become of writing one or two decisions into the journal.
func (c *checker) swap(s *state, n int, entries decisions, ledger ref, next emit) {
	p := &s.processes[n]
	to := c.swapTo(p, entries)
	done := *s
	q := &done.processes[n]
	q.open, q.ledger, q.seq = to.open, ledger, to.seq
	a := action{verb: swaps, who: n, entries: entries}
	if to.alone {
		c.decided(&done, entries, p)
		a.verb = decidesAlone
		next(done, a)
		return
	}
	failed := done
	failed.processes[n].doing = unsure
	if !p.current {
		c.loseSwap(s, n, failed, a, next)
		return
	}
	done.journal = narrow(to.journal)
	replaceOthers(&done, n)
	c.decided(&done, entries, p)
	next(done, a)
	if c.world.unclear {
		done.processes[n].doing = unsure
		a.verb = swapsUnclear
		next(done, a)
		a.verb = swapFailsUnclear
		next(failed, a)
	}
}

// loseSwap emits what a process does that is told, or not told, that another
// has the journal. By the protocol it forgets everything, which is a crash.
func (c *checker) loseSwap(s *state, n int, failed state, a action, next emit) {
	if c.world.unclear {
		a.verb = swapFailsUnclear
		next(failed, a)
	}
	if !c.rules.keepMemory {
		return
	}
	t := *s
	p := &t.processes[n]
	l := c.tables.ledgers.at(p.ledger).Clone()
	p.seq, p.open, p.current = uint8(c.tables.journals.at(ref(s.journal)).Seq), c.allPending(ref(s.journal)), true
	l.Renumber(max(l.Seq(), int64(p.seq)))
	p.ledger = c.tables.ledger(l)
	a.verb = keepsMemory
	next(t, a)
}

// readJournal is what follows a swap whose answer was lost.
func (c *checker) readJournal(s *state, n int, next emit) {
	t := *s
	p := &t.processes[n]
	has := c.journalHolds(s, n)
	wrote := v1alpha1.StockJournalStatus{Epoch: 1, Seq: int64(p.seq)}
	for _, o := range c.tables.opens.at(p.open) {
		wrote.Entries = append(wrote.Entries, *o.Entry)
	}
	if !c.rules.same(&has, &wrote) {
		c.crash(s, n, next)
		return
	}
	p.doing, p.current = serving, true
	next(t, action{verb: readsJournal, who: n})
}
