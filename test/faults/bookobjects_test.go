package faults

import (
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// recordReservation checks that a reservation shows the decisions about it, from
// the first, in order, without a gap, and nothing that was not decided.
func (b *book) recordReservation(c *change) {
	if c.deleted {
		for _, r := range b.reservations {
			if r.name == c.key && !r.gone {
				b.give(r)
				b.show(r, -1)
				r.gone = true
			}
		}
		return
	}
	o, ok := decode[v1alpha1.StockReservation](b, c)
	if !ok {
		return
	}
	r := b.reservations[o.UID]
	if r == nil {
		r = &reservationPage{
			name: o.Name, lines: map[string]int64{}, phase: v1alpha1.ReservationPending, restocks: map[int64][]v1alpha1.JournalLine{},
			basket: o.Spec.OrderRef == nil, customer: o.Spec.CustomerID,
		}
		if o.Spec.TakeOver != nil {
			r.takesOver = o.Spec.TakeOver.Name
		}
		for _, l := range o.Spec.Lines {
			r.lines[l.ProductID] = l.Quantity
		}
		b.reservations[o.UID] = r
	}
	s := &o.Status
	if s.Phase == "" {
		s.Phase = v1alpha1.ReservationPending // a default the API server adds when it reads
	}
	if len(s.History) < len(r.shown.History) || len(s.History) > len(r.decisions) {
		b.breaks(c, "has %d entries of history after %d, decided were %d", len(s.History), len(r.shown.History), len(r.decisions))
		return
	}
	phase := v1alpha1.ReservationPending
	for i, h := range s.History {
		if r.decisions[i] != (decision{h.Seq, h.Phase}) {
			b.breaks(c, "its history has %d %s, decided was %d %s", h.Seq, h.Phase, r.decisions[i].seq, r.decisions[i].phase)
		}
		phase = h.Phase
	}
	if s.Phase != phase {
		b.breaks(c, "shows %s, its history ends in %s", s.Phase, phase)
	}
	if len(s.Conditions) == 0 && phase != v1alpha1.ReservationPending {
		b.breaks(c, "is %s without a condition", phase)
	}
	b.checkRestocked(c, r, s)
	b.show(r, -1)
	r.shown = *s
	b.show(r, +1)
}

// checkRestocked checks that a reservation says of what came back what the decisions
// that it shows did: how many units, and how many of them are on no shelf.
func (b *book) checkRestocked(c *change, r *reservationPage, s *v1alpha1.StockReservationStatus) {
	want := map[string]v1alpha1.RestockedLine{}
	for _, h := range s.History {
		for _, l := range r.restocks[h.Seq] {
			sum := want[l.ProductID]
			want[l.ProductID] = v1alpha1.RestockedLine{ProductID: l.ProductID, Quantity: sum.Quantity + l.Quantity, NotRestocked: sum.NotRestocked + l.NotMoved}
		}
	}
	if len(want) != len(s.Restocked) {
		b.breaks(c, "says %v came back, decided was %v", s.Restocked, want)
		return
	}
	for _, l := range s.Restocked {
		if want[l.ProductID] != l {
			b.breaks(c, "says %+v came back, decided was %+v", l, want[l.ProductID])
		}
	}
}

// recordItem checks that what an item shows on hand is its opening quantity and
// the journaled moves up to the decision it says it contains.
func (b *book) recordItem(c *change) {
	if c.deleted {
		uid := b.byName[c.key]
		if i := b.items[uid]; i != nil {
			// One that is deleted before it got its finalizer goes at once.
			if i.finalized && i.reserved > 0 && !b.unfinalized[i.name] {
				b.breaks(c, "the item lost its finalizer while %d were reserved of it", i.reserved)
			}
			i.gone = true
		}
		delete(b.byName, c.key)
		return
	}
	o, ok := decode[v1alpha1.StockItem](b, c)
	if !ok {
		return
	}
	i := b.items[o.UID]
	if i == nil {
		i = &itemPage{name: o.Name, opening: o.Spec.OpeningQuantity, onHand: o.Spec.OpeningQuantity, appliedByName: map[string]bool{}}
		b.items[o.UID] = i
		b.byName[o.Name] = o.UID
	}
	i.deleting = o.DeletionTimestamp != nil
	i.finalized = controllerutil.ContainsFinalizer(o, v1alpha1.StockItemFinalizer)
	s := &o.Status
	i.shownOnHand = i.opening
	if s.OnHand != nil {
		i.shownOnHand = *s.OnHand
	}
	if s.JournalSeq < i.shownSeq || s.JournalSeq > max(b.journal.seq, b.lostSeq) {
		b.breaks(c, "goes from decision %d to %d, the journal is at %d", i.shownSeq, s.JournalSeq, b.journal.seq)
	}
	i.shownSeq, i.shownReserved, i.shownAvailable = s.JournalSeq, s.Reserved, s.Available
	i.safety, i.generation, i.seen = o.Spec.SafetyStock, o.Generation, s.ObservedGeneration
	if want := i.at(s.JournalSeq); want != i.shownOnHand {
		b.breaks(c, "shows %d on hand at decision %d, the journal makes it %d", i.shownOnHand, s.JournalSeq, want)
	}
	if s.Reserved < 0 {
		b.breaks(c, "shows %d reserved", s.Reserved)
	}
}

// at is what was on hand once decision seq was carried out.
func (i *itemPage) at(seq int64) int64 {
	n := i.opening
	for _, m := range i.moves {
		if m.seq <= seq {
			n += m.quantity
		}
	}
	return n
}

// recordDocument checks that a document is settled by one journaled decision.
func (b *book) recordDocument(c *change) {
	if c.deleted {
		for _, d := range b.documents {
			if d.name == c.key {
				d.gone = true
			}
		}
		return
	}
	o, ok := decode[v1alpha1.StockAdjustment](b, c)
	if !ok {
		return
	}
	d := b.documents[o.UID]
	if d == nil {
		d = &documentPage{name: o.Name, spec: o.Spec, generated: o.GenerateName != ""}
		b.documents[o.UID] = d
	}
	was, now := d.shown.Phase, o.Status.Phase
	settled := now == v1alpha1.AdjustmentApplied || now == v1alpha1.AdjustmentRefused
	switch {
	case (was == v1alpha1.AdjustmentApplied || was == v1alpha1.AdjustmentRefused) && was != now:
		b.breaks(c, "goes from %s to %s", was, now)
	case settled && (d.decided == nil || d.decided.Seq != o.Status.JournalSeq):
		b.breaks(c, "is %s by decision %d, which was not made", now, o.Status.JournalSeq)
	case settled && len(o.Status.Conditions) == 0:
		b.breaks(c, "is %s without a condition", now)
	}
	d.shown = o.Status
}
