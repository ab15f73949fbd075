package stock_test

import (
	"slices"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// What an informer that lags may show.

// views are the states of a reservation an informer may show: with every
// intent there was on the way to the present one.
func views(r *v1alpha1.StockReservation, parts [][]v1alpha1.StockLine) []*v1alpha1.StockReservation {
	intents := map[v1alpha1.ReservationIntent][]v1alpha1.ReservationIntent{
		v1alpha1.IntentHold:    {v1alpha1.IntentHold},
		v1alpha1.IntentCommit:  {v1alpha1.IntentHold, v1alpha1.IntentCommit},
		v1alpha1.IntentRelease: {v1alpha1.IntentHold, v1alpha1.IntentRelease},
		v1alpha1.IntentRestock: {v1alpha1.IntentHold, v1alpha1.IntentCommit, v1alpha1.IntentRestock},
	}
	var out []*v1alpha1.StockReservation
	for _, intent := range intents[r.Spec.Intent] {
		view := r.DeepCopy()
		if view.Spec.Intent = intent; intent != v1alpha1.IntentRestock {
			view.Spec.Restock = nil
		}
		out = append(out, view)
	}
	for n := range partOf(r, parts) { // what it wanted back before
		view := r.DeepCopy()
		view.Spec.Restock = new(parts[n])
		out = append(out, view)
	}
	if r.DeletionTimestamp == nil {
		return out
	}
	for _, deleted := range slices.Clone(out) { // and before it was deleted
		view := deleted.DeepCopy()
		view.DeletionTimestamp = nil
		out = append(out, view)
	}
	return out
}

func earlierPhases(p v1alpha1.StockReservationPhase) []v1alpha1.StockReservationPhase {
	switch p {
	case v1alpha1.ReservationReserved, v1alpha1.ReservationRejected, v1alpha1.ReservationReleased:
		return []v1alpha1.StockReservationPhase{v1alpha1.ReservationPending}
	case v1alpha1.ReservationCommitted, v1alpha1.ReservationRestocked:
		return []v1alpha1.StockReservationPhase{v1alpha1.ReservationPending, v1alpha1.ReservationReserved}
	}
	return nil
}

// documentViews are the states of a document an informer may show: before it was deleted, too.
func documentViews(d *v1alpha1.StockAdjustment, fresh bool) []*v1alpha1.StockAdjustment {
	if fresh || d.DeletionTimestamp == nil {
		return []*v1alpha1.StockAdjustment{d}
	}
	before := d.DeepCopy()
	before.DeletionTimestamp = nil
	return []*v1alpha1.StockAdjustment{d, before}
}

// asItWas is an object that is gone as an informer may still show it: one that was kept was
// deleted before it went.
func (c *checker) asItWas(s *state, kind objectKind, slot int) ref {
	v := c.asMade(kind, slot)
	if c.world.life(kind, slot).kept {
		v = c.withDeletion(kind, v)
	}
	if kind == kindDocument {
		return v
	}
	intent, part := wantedBy(s.ghost.wanted[slot])
	for range part + 1 {
		v = c.wants(v, intent, c.world.reservations[slot].parts)
	}
	return v
}
