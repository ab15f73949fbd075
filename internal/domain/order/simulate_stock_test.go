package order_test

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// asDecided is the reservation with what the journal says of it.
func (s *sim) asDecided() *v1alpha1.StockReservation {
	if s.rsv == nil {
		return nil
	}
	return journal.AsDecided(s.rsv, &s.journal)
}

// stock plays the stock controller with this one reservation: what is decided is in
// the journal first, and then on the reservation.
func (s *sim) stock() bool {
	if s.rsv == nil {
		return false
	}
	kind, lines, decided := s.decision()
	if decided {
		seq := &s.journal.Status.Seq
		*seq++
		s.journal.Status.Entries = append(s.journal.Status.Entries, v1alpha1.JournalEntry{
			Seq: *seq, Kind: kind, Name: s.rsv.Name, UID: string(s.rsv.UID), At: metav1.NewTime(s.now), Lines: lines,
		})
	}
	switch {
	case !s.effectsAreLate && len(s.journal.Status.Entries) > 0:
		s.rsv = s.asDecided().DeepCopy()
		s.rsv.ResourceVersion = s.nextVersion()
		s.journal.Status.Entries = nil
		s.say("stock", "%s", s.rsv.Status.Phase)
	case decided:
		s.say("stock", "journals %s", kind)
	default:
		return false
	}
	return true
}

// decision is what is due about the reservation.
func (s *sim) decision() (kind v1alpha1.JournalEntryKind, lines []v1alpha1.JournalLine, decided bool) {
	phase, intent := s.asDecided().Status.Phase, s.rsv.Spec.Intent
	switch {
	case phase == v1alpha1.ReservationPending && intent == v1alpha1.IntentRelease,
		phase == v1alpha1.ReservationReserved && intent == v1alpha1.IntentRelease:
		return v1alpha1.EntryRelease, nil, true
	case phase == v1alpha1.ReservationPending:
		if short := s.short(); len(short) > 0 {
			return v1alpha1.EntryReject, short, true
		}
		return v1alpha1.EntryGrant, nil, true
	case phase == v1alpha1.ReservationReserved && intent != v1alpha1.IntentHold:
		s.move(s.rsv.Spec.Lines, -1)
		return v1alpha1.EntryCommit, nil, true
	case phase == v1alpha1.ReservationCommitted && intent == v1alpha1.IntentRestock:
		back := s.rsv.Spec.Lines
		if s.rsv.Spec.Restock != nil {
			back = *s.rsv.Spec.Restock
		}
		s.move(back, +1)
		return v1alpha1.EntryRestock, nil, true
	}
	return "", nil, false
}

func (s *sim) short() []v1alpha1.JournalLine {
	var short []v1alpha1.JournalLine
	for _, line := range s.rsv.Spec.Lines {
		onHand, known := s.onHand[line.ProductID]
		l := v1alpha1.JournalLine{ProductID: line.ProductID, Quantity: line.Quantity, Remaining: onHand}
		switch {
		case !known:
			l.Shortage = v1alpha1.ShortageUnknownProduct
		case onHand < line.Quantity:
			l.Shortage = v1alpha1.ShortageInsufficientStock
		default:
			continue
		}
		short = append(short, l)
	}
	return short
}

func (s *sim) move(lines []v1alpha1.StockLine, sign int64) {
	for _, line := range lines {
		s.onHand[line.ProductID] += sign * line.Quantity
	}
}
