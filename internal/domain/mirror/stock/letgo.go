package stock

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Objects are let go only after the very version that is asked about was committed, and the
// finalizer is taken off that version alone. Whoever asks sees to both (rule 21).

// IsHeld reports whether an object is being deleted and waits for the mirror.
func IsHeld(o metav1.Object) bool {
	return o.GetDeletionTimestamp() != nil && slices.Contains(o.GetFinalizers(), v1alpha1.MirrorFinalizer)
}

// MayLetGoReservation reports whether a reservation that is being deleted may go: it is at its
// end, and every decision that it shows was told (rules 21 and 22).
func MayLetGoReservation(r *v1alpha1.StockReservation, cursor int64) bool {
	return IsHeld(r) && reservationIsAtEnd(r) && ToldReservation(r, cursor)
}

// ToldReservation reports whether every decision that a reservation shows was told. Restocks
// that its history leaves out are older than the last.
func ToldReservation(r *v1alpha1.StockReservation, cursor int64) bool {
	return journal.LastSeq(&r.Status) <= cursor
}

// reservationIsAtEnd reports whether no decision about a reservation is on its way. Pending is
// no end, nor is Reserved; and what was taken off the shelf may have to be put back, several
// times if it comes back in parts.
func reservationIsAtEnd(r *v1alpha1.StockReservation) bool {
	switch r.Status.Phase {
	case v1alpha1.ReservationRejected, v1alpha1.ReservationReleased:
		return true
	case v1alpha1.ReservationCommitted:
		return r.Spec.Intent != v1alpha1.IntentRestock
	case v1alpha1.ReservationRestocked:
		return len(journal.Owed(r.Status.Allocations, r.Spec.Restock, journal.Answered(r))) == 0
	default:
		return false
	}
}

// MayLetGoDocument is MayLetGoReservation of a stock document.
func MayLetGoDocument(d *v1alpha1.StockAdjustment, cursor int64) bool {
	return IsHeld(d) && journal.Settled(d) && ToldDocument(d, cursor)
}

// ToldDocument reports whether what a document shows was told.
func ToldDocument(d *v1alpha1.StockAdjustment, cursor int64) bool {
	return d.Status.JournalSeq <= cursor
}

// MayLetGoItem reports whether an item that is being deleted may go: the stock controller let
// it go, so that nothing is reserved of it, and every movement that it contains was told.
func MayLetGoItem(o *v1alpha1.StockItem, cursor int64) bool {
	return IsHeld(o) && !slices.Contains(o.Finalizers, v1alpha1.StockItemFinalizer) && ToldItem(o, cursor)
}

// ToldItem reports whether every movement that an item contains was told.
func ToldItem(o *v1alpha1.StockItem, cursor int64) bool { return o.Status.JournalSeq <= cursor }
