package stock

import (
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// MayBeDue reports whether there may be something to decide about a reservation as it
// stands, whatever the time. It leaves out what is held or over. A basket whose time will
// come is not among these: whoever asks has to mind spec.expiresAt.
//
// What the object shows may be older than what was decided: phases only move on, as does
// what was put back, and what is due later is due in an earlier state as well.
func MayBeDue(r *v1alpha1.StockReservation) bool {
	shown := asShown(r)
	kind, _ := due(&shown, r, false)
	return kind != ""
}

// due is what is to be decided about a reservation of which this much was, and the reason
// of a release; empty when nothing is. EntryGrant stands for a grant or a rejection.
//
// An expired reservation is released, unless its Commit was seen first.
func due(known *reservation, r *v1alpha1.StockReservation, expired bool) (kind v1alpha1.JournalEntryKind, reason string) {
	commits := r.Spec.Intent == v1alpha1.IntentCommit || r.Spec.Intent == v1alpha1.IntentRestock
	releases := releaseReason(r, expired)
	switch known.phase {
	case v1alpha1.ReservationPending, "":
		if releases != "" {
			return v1alpha1.EntryRelease, releases
		}
		return v1alpha1.EntryGrant, ""
	case v1alpha1.ReservationReserved:
		switch {
		case commits:
			return v1alpha1.EntryCommit, ""
		case releases != "":
			return v1alpha1.EntryRelease, releases
		}
	case v1alpha1.ReservationCommitted:
		if r.Spec.Intent == v1alpha1.IntentRestock {
			return v1alpha1.EntryRestock, ""
		}
	case v1alpha1.ReservationRestocked:
		if r.Spec.Intent == v1alpha1.IntentRestock && len(journal.Owed(known.allocations, r.Spec.Restock, known.answered)) > 0 {
			return v1alpha1.EntryRestock, ""
		}
	default: // it is over
	}
	return "", ""
}

// releaseReason is why a reservation gives back what it holds; empty when it does not.
func releaseReason(r *v1alpha1.StockReservation, expired bool) string {
	switch {
	case r.Spec.Intent == v1alpha1.IntentRelease:
		return journal.ReasonRequested
	case r.Spec.Intent != v1alpha1.IntentHold && r.Spec.Intent != "":
		return ""
	case r.DeletionTimestamp != nil:
		return journal.ReasonDeleted
	case expired:
		return journal.ReasonExpired
	}
	return ""
}

// isExpired reports whether a reservation's time is up.
func isExpired(r *v1alpha1.StockReservation, now time.Time) bool {
	return r.Spec.ExpiresAt != nil && !now.Before(r.Spec.ExpiresAt.Time)
}
