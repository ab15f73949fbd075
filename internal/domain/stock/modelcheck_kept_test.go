package stock_test

import (
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// What is deleted and kept until it is decided, as by the mirror's finalizer, and a journal
// that is deleted and made again.

// deleting reports whether a reservation or document that is kept was deleted.
func (c *checker) deleting(kind objectKind, version ref) bool {
	if kind == kindDocument {
		return c.tables.documents.at(version).DeletionTimestamp != nil
	}
	return c.tables.reservations.at(version).DeletionTimestamp != nil
}

// withDeletion is a reservation or document that was deleted and is kept.
func (c *checker) withDeletion(kind objectKind, version ref) ref {
	return c.memoDeleted.get(versionKey{kind, version}, func() ref {
		if kind == kindDocument {
			d := c.tables.documents.at(version).DeepCopy()
			d.DeletionTimestamp = stocktest.At(0)
			return c.tables.document(d)
		}
		r := c.tables.reservations.at(version).DeepCopy()
		r.DeletionTimestamp = stocktest.At(0)
		return c.tables.reservation(r)
	})
}

type versionKey struct {
	kind    objectKind
	version ref
}

// isAtItsEnd is when the mirror lets go, by protocol rule 22.
func (c *checker) isAtItsEnd(kind objectKind, version ref) bool {
	if kind == kindDocument {
		return journal.Settled(c.tables.documents.at(version))
	}
	r := c.tables.reservations.at(version)
	switch r.Status.Phase {
	case v1alpha1.ReservationRejected, v1alpha1.ReservationReleased:
		return true
	case v1alpha1.ReservationRestocked:
		return len(journal.Owed(r.Status.Allocations, r.Spec.Restock, journal.Answered(r))) == 0
	case v1alpha1.ReservationCommitted:
		return r.Spec.Intent != v1alpha1.IntentRestock
	}
	return false
}

// isCarriedOut reports whether nothing is left to do of what the journal holds.
func (c *checker) isCarriedOut(s *state) bool {
	all := c.allPending(ref(s.journal))
	for _, e := range c.effects(all) {
		if found := c.get(s, e); found >= firstRow && len(c.apply(found, all, e).by) > 0 {
			return false
		}
	}
	return true
}

// firstSeq is where a journal that is made anew begins to number. Numbers are few here, so
// the clock goes on by a second for each: it says more than any number that was given,
// unless it went back.
func (c *checker) firstSeq(s *state) int64 {
	now := time.Unix(int64(s.ghost.top)+1, 0)
	if c.world.clockBack {
		now = time.Unix(0, 0)
	}
	made := c.rules.fenced(v1alpha1.StockJournalStatus{}, "", now)
	return made.Seq / journal.FirstSeq(time.Unix(1, 0))
}

// numbered holds a decision's number against all that were given before.
func (c *checker) numbered(g *ghost, e *v1alpha1.JournalEntry) {
	if !c.world.journalDies || c.world.clockBack {
		return
	}
	if e.Seq <= int64(g.top) {
		c.breaks(numberAgain)
	}
	g.top = uint8(e.Seq)
}
