package order_test

import (
	"fmt"

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
	shown := s.asDecided()
	phase, intent := shown.Status.Phase, s.rsv.Spec.Intent
	released := intent == v1alpha1.IntentRelease || s.rsv.DeletionTimestamp != nil
	switch {
	case phase == v1alpha1.ReservationPending && released, phase == v1alpha1.ReservationReserved && released:
		return v1alpha1.EntryRelease, nil, true
	case phase == v1alpha1.ReservationPending:
		if short := s.short(); len(short) > 0 {
			return v1alpha1.EntryReject, short, true
		}
		s.takeOver()
		return v1alpha1.EntryGrant, s.taken(), true
	case phase == v1alpha1.ReservationReserved && intent != v1alpha1.IntentHold:
		for _, line := range s.rsv.Spec.Lines {
			s.onHand[line.ProductID] -= line.Quantity
		}
		return v1alpha1.EntryCommit, s.taken(), true
	case intent == v1alpha1.IntentRestock && (phase == v1alpha1.ReservationCommitted || phase == v1alpha1.ReservationRestocked):
		lines = s.back(shown)
		return v1alpha1.EntryRestock, lines, len(lines) > 0 || phase == v1alpha1.ReservationCommitted
	}
	return "", nil, false
}

// taken are the lines of the reservation, each of the item that is there now.
func (s *sim) taken() []v1alpha1.JournalLine {
	var lines []v1alpha1.JournalLine
	for _, line := range s.rsv.Spec.Lines {
		lines = append(lines, v1alpha1.JournalLine{ProductID: line.ProductID, Quantity: line.Quantity, ItemUID: s.itemUID(line.ProductID)})
	}
	return lines
}

// back puts what is owed on the shelf, as far as the items are there that it was taken from.
func (s *sim) back(r *v1alpha1.StockReservation) []v1alpha1.JournalLine {
	var lines []v1alpha1.JournalLine
	for _, owed := range journal.Owed(r.Status.Allocations, r.Spec.Restock, journal.Answered(r)) {
		line := v1alpha1.JournalLine{ProductID: owed.ProductID, Quantity: owed.Quantity, ItemUID: owed.ItemUID}
		if _, there := s.onHand[owed.ProductID]; there && s.itemUID(owed.ProductID) == owed.ItemUID {
			s.onHand[owed.ProductID] += owed.Quantity
		} else {
			line.NotMoved = owed.Quantity
		}
		lines = append(lines, line)
	}
	return lines
}

func (s *sim) itemUID(productID string) string {
	return fmt.Sprint(productID, "-uid-", s.madeAgain[productID])
}

// remake deletes an item and makes it again, with nothing on hand.
func (s *sim) remake(productID string) {
	s.say("admin", "delete StockItem %s and make it again", productID)
	s.madeAgain[productID]++
	s.onHand[productID] = 0
}

func (s *sim) short() []v1alpha1.JournalLine {
	var short []v1alpha1.JournalLine
	for _, line := range s.rsv.Spec.Lines {
		onHand, known := s.onHand[line.ProductID]
		if !s.takesOver() {
			onHand -= s.basket[line.ProductID]
		}
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

// takesOver is whether the reservation takes over the basket that this world has.
func (s *sim) takesOver() bool {
	return s.rsv.Spec.TakeOver != nil && s.rsv.Spec.TakeOver.Name == basketName && s.rsv.Spec.CustomerID == basketOwner
}

func (s *sim) takeOver() {
	if s.takesOver() && s.basket != nil {
		s.basket = nil
		s.say("stock", "%s is taken over", basketName)
	}
}

// The one basket that a world may have, and whose it is.
const basketName, basketOwner = "basket-1", "customer-1"
