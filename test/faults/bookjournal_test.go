package faults

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// mostJournalBytes is what the journal object may never reach, in etcd.
const mostJournalBytes = 64 << 10

// recordJournal checks a swap: it only adds decisions that may be made, and only
// drops ones whose effects are all there.
func (b *book) recordJournal(c *change) {
	if c.deleted {
		b.lostSeq = max(b.lostSeq, b.journal.seq)
		b.journal = journalPage{}
		return
	}
	j, ok := decode[v1alpha1.StockJournal](b, c)
	if !ok {
		return
	}
	if b.largest = max(b.largest, len(c.value)); len(c.value) >= mostJournalBytes {
		b.breaks(c, "the journal has %d bytes", len(c.value))
	}
	was := b.journal
	if was.uid != j.UID {
		was = journalPage{uid: j.UID}
	}
	now := journalPage{uid: j.UID, epoch: j.Status.Epoch, seq: j.Status.Seq, entries: map[int64]v1alpha1.JournalEntry{}}
	if now.epoch < was.epoch || now.epoch > was.epoch+1 || now.seq < was.seq {
		b.breaks(c, "epoch and seq go from %d/%d to %d/%d", was.epoch, was.seq, now.epoch, now.seq)
	}
	last := int64(0)
	for i := range j.Status.Entries {
		e := &j.Status.Entries[i]
		now.entries[e.Seq] = *e
		before, had := was.entries[e.Seq]
		switch {
		case e.Seq <= last || e.Seq > now.seq:
			b.breaks(c, "entry %d stands behind %d in a journal at %d", e.Seq, last, now.seq)
		case had && !equality.Semantic.DeepEqual(before, *e):
			b.breaks(c, "entry %d was rewritten: %+v is now %+v", e.Seq, before, *e)
		case !had && e.Seq <= was.seq:
			b.breaks(c, "entry %d was added behind %d", e.Seq, was.seq)
		case !had && now.epoch != was.epoch:
			b.breaks(c, "entry %d was added by a take-over", e.Seq)
		case !had:
			b.checkTakeOver(c, j.Status.Entries[i:])
			b.decide(c, e)
		}
		last = e.Seq
	}
	for seq, e := range was.entries {
		if _, kept := now.entries[seq]; !kept {
			b.checkDurable(c, &e)
		}
	}
	b.journal = now
}

// decide carries a new decision out in the book, if it may be made.
func (b *book) decide(c *change, e *v1alpha1.JournalEntry) {
	if e.Kind == v1alpha1.EntryAdjust || e.Kind == v1alpha1.EntryAdjustReject {
		b.decideDocument(c, e)
		return
	}
	r := b.reservations[types.UID(e.UID)]
	if r == nil {
		b.breaks(c, "decision %d (%s) is about a reservation %s that never was", e.Seq, e.Kind, e.Name)
		return
	}
	from, to := r.phase, phaseOf(e.Kind)
	if !slices.Contains(next[from], to) {
		b.breaks(c, "decision %d moves reservation %s from %s to %s", e.Seq, e.Name, from, to)
	}
	switch e.Kind {
	case v1alpha1.EntryGrant:
		b.grant(c, e, r)
	case v1alpha1.EntryRelease:
		b.give(r)
	case v1alpha1.EntryCommit:
		if !sameLines(e.Lines, r.holds) {
			b.breaks(c, "decision %d takes %v, reservation %s holds %v", e.Seq, e.Lines, r.name, r.holds)
		}
		b.give(r)
		b.move(c, e, -1)
	case v1alpha1.EntryRestock:
		b.restock(c, e, r)
	}
	r.phase = to
	r.decisions = append(r.decisions, decision{e.Seq, to})
}

// next are the phases a reservation may go to.
var next = map[v1alpha1.StockReservationPhase][]v1alpha1.StockReservationPhase{
	v1alpha1.ReservationPending:   {v1alpha1.ReservationReserved, v1alpha1.ReservationRejected, v1alpha1.ReservationReleased},
	v1alpha1.ReservationReserved:  {v1alpha1.ReservationCommitted, v1alpha1.ReservationReleased},
	v1alpha1.ReservationCommitted: {v1alpha1.ReservationRestocked},
	v1alpha1.ReservationRestocked: {v1alpha1.ReservationRestocked},
}

// restock puts back what comes back: all parts together at most what was taken.
func (b *book) restock(c *change, e *v1alpha1.JournalEntry, r *reservationPage) {
	r.restocks[e.Seq] = e.Lines
	for _, l := range e.Lines {
		back := int64(0)
		for _, lines := range r.restocks {
			for _, earlier := range lines {
				if earlier.ProductID == l.ProductID {
					back += earlier.Quantity
				}
			}
		}
		if l.Quantity <= 0 || back > r.lines[l.ProductID] {
			b.breaks(c, "decision %d puts back %d of %s, %d in all; reservation %s took %d", e.Seq, l.Quantity, l.ProductID, back, r.name, r.lines[l.ProductID])
		}
	}
	b.move(c, e, +1)
}

// checkTakeOver checks that a basket is taken over by who stands right behind it in the
// same journal, and may.
func (b *book) checkTakeOver(c *change, from []v1alpha1.JournalEntry) {
	e := &from[0]
	if e.Reason != "TakenOver" {
		return
	}
	b.takenOver++
	basket := b.reservations[types.UID(e.UID)]
	if basket == nil || len(from) < 2 || e.Kind != v1alpha1.EntryRelease || from[1].Kind != v1alpha1.EntryGrant || from[1].Seq != e.Seq+1 {
		b.breaks(c, "decision %d takes over %s, and no grant stands right behind it", e.Seq, e.Name)
		return
	}
	taker := b.reservations[types.UID(from[1].UID)]
	if taker == nil || taker.takesOver != basket.name || !basket.basket || basket.customer != "" && taker.customer != "" && basket.customer != taker.customer {
		b.breaks(c, "decision %d takes over %s for %s, which may not", e.Seq, e.Name, from[1].Name)
	}
}

func phaseOf(kind v1alpha1.JournalEntryKind) v1alpha1.StockReservationPhase {
	return map[v1alpha1.JournalEntryKind]v1alpha1.StockReservationPhase{
		v1alpha1.EntryGrant: v1alpha1.ReservationReserved, v1alpha1.EntryReject: v1alpha1.ReservationRejected,
		v1alpha1.EntryRelease: v1alpha1.ReservationReleased, v1alpha1.EntryCommit: v1alpha1.ReservationCommitted,
		v1alpha1.EntryRestock: v1alpha1.ReservationRestocked,
	}[kind]
}

// grant checks that every line fits, and holds them: by what was deleted and
// counted up to this very change, not by what the controller has heard of it.
func (b *book) grant(c *change, e *v1alpha1.JournalEntry, r *reservationPage) {
	if len(e.Lines) != len(r.lines) {
		b.breaks(c, "decision %d reserves %d lines of %d of %s", e.Seq, len(e.Lines), len(r.lines), r.name)
	}
	for _, l := range e.Lines {
		if r.lines[l.ProductID] != l.Quantity {
			b.breaks(c, "decision %d reserves %d of %s, %s asks for %d", e.Seq, l.Quantity, l.ProductID, r.name, r.lines[l.ProductID])
		}
		i := b.items[types.UID(l.ItemUID)]
		if i == nil || i.name != l.ProductID {
			b.breaks(c, "decision %d reserves of an item %s (%s) that never was", e.Seq, l.ProductID, l.ItemUID)
			continue
		}
		if !i.gone && i.reserved+l.Quantity > i.onHand {
			b.breaks(c, "decision %d reserves %d of %s: %d on hand, %d reserved", e.Seq, l.Quantity, i.name, i.onHand, i.reserved)
		}
		r.holds = append(r.holds, v1alpha1.StockAllocation{ProductID: l.ProductID, ItemUID: l.ItemUID, Quantity: l.Quantity})
	}
	b.granted = append(b.granted, r.name)
	if r.gone {
		return // the controller has not heard of it; nothing is held for what is not there
	}
	for _, a := range r.holds {
		b.items[types.UID(a.ItemUID)].reserved += a.Quantity
	}
}

// give takes back what a reservation holds, once.
func (b *book) give(r *reservationPage) {
	if !r.gone && r.phase == v1alpha1.ReservationReserved {
		for _, a := range r.holds {
			if i := b.items[types.UID(a.ItemUID)]; i != nil {
				i.reserved -= a.Quantity
			}
		}
	}
}

func (b *book) move(c *change, e *v1alpha1.JournalEntry, sign int64) {
	for _, l := range e.Lines {
		i := b.items[types.UID(l.ItemUID)]
		if l.NotMoved != 0 && i != nil && !i.gone && (e.Kind != v1alpha1.EntryRestock || !i.deleting) {
			b.breaks(c, "decision %d leaves %d of %s alone, which is there", e.Seq, l.NotMoved, i.name)
		}
		if units := sign * (l.Quantity - l.NotMoved); i != nil && units != 0 {
			i.onHand += units
			i.moves = append(i.moves, move{e.Seq, units})
		}
	}
}

func (b *book) decideDocument(c *change, e *v1alpha1.JournalEntry) {
	d := b.documents[types.UID(e.UID)]
	if d == nil || len(e.Lines) != 1 {
		b.breaks(c, "decision %d is about a document %s that never was, or has %d lines", e.Seq, e.Name, len(e.Lines))
		return
	}
	if d.decided != nil {
		b.breaks(c, "decision %d settles document %s again, after %d", e.Seq, e.Name, d.decided.Seq)
	}
	d.decided = e.DeepCopy()
	if e.Kind == v1alpha1.EntryAdjustReject {
		return
	}
	i, delta := b.items[types.UID(e.Lines[0].ItemUID)], e.Lines[0].Quantity
	if i == nil || i.name != d.spec.ProductID {
		b.breaks(c, "decision %d moves item %q, document %s is about %s", e.Seq, e.Lines[0].ItemUID, e.Name, d.spec.ProductID)
		return
	}
	if !d.generated && i.appliedByName[d.name] {
		b.breaks(c, "decision %d counts a document %s in item %s again", e.Seq, e.Name, i.name)
	}
	i.appliedByName[d.name] = true
	b.move(c, e, +1)
	if counted := d.spec.Kind == v1alpha1.AdjustmentCounted; counted {
		if i.onHand != d.spec.Quantity {
			b.breaks(c, "decision %d: after a count of %d there are %d", e.Seq, d.spec.Quantity, i.onHand)
		}
		if i.reserved > i.onHand {
			i.oversold, i.shortBy, i.shortOf = true, e.Seq, i.reserved
		}
	} else if delta != d.spec.Quantity {
		b.breaks(c, "decision %d moves %d, document %s says %d", e.Seq, delta, e.Name, d.spec.Quantity)
	}
}

// checkDurable checks that a dropped decision is carried out everywhere.
func (b *book) checkDurable(c *change, e *v1alpha1.JournalEntry) {
	if r := b.reservations[types.UID(e.UID)]; r != nil && !r.gone {
		if !slices.ContainsFunc(r.shown.History, func(h v1alpha1.ReservationHistoryEntry) bool { return h.Seq == e.Seq }) {
			b.breaks(c, "decision %d (%s) was dropped, reservation %s does not have it", e.Seq, e.Kind, e.Name)
		}
	}
	if d := b.documents[types.UID(e.UID)]; d != nil && !d.gone && d.shown.JournalSeq != e.Seq {
		b.breaks(c, "decision %d (%s) was dropped, document %s does not have it", e.Seq, e.Kind, e.Name)
	}
	switch e.Kind {
	case v1alpha1.EntryCommit, v1alpha1.EntryRestock, v1alpha1.EntryAdjust:
		for _, l := range e.Lines {
			if i := b.items[types.UID(l.ItemUID)]; i != nil && !i.gone && i.shownSeq < e.Seq && (e.Kind == v1alpha1.EntryAdjust || l.NotMoved < l.Quantity) {
				b.breaks(c, "decision %d (%s) was dropped, item %s is at %d", e.Seq, e.Kind, i.name, i.shownSeq)
			}
		}
	}
}

func sameLines(lines []v1alpha1.JournalLine, holds []v1alpha1.StockAllocation) bool {
	return slices.EqualFunc(lines, holds, func(l v1alpha1.JournalLine, a v1alpha1.StockAllocation) bool {
		return l.ProductID == a.ProductID && l.ItemUID == a.ItemUID && l.Quantity == a.Quantity
	})
}
