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
// The phase of the object may be older than what was decided: phases only move on, and
// what is due in a later phase is due in an earlier one as well.
func MayBeDue(r *v1alpha1.StockReservation) bool {
	kind, _ := due(r.Status.Phase, r, false)
	return kind != ""
}

// due is what is to be decided about a reservation in a phase, and the reason of a
// release; empty when nothing is. EntryGrant stands for a grant or a rejection.
//
// An expired reservation is released, unless its Commit was seen first.
func due(phase v1alpha1.StockReservationPhase, r *v1alpha1.StockReservation, expired bool) (kind v1alpha1.JournalEntryKind, reason string) {
	commits := r.Spec.Intent == v1alpha1.IntentCommit || r.Spec.Intent == v1alpha1.IntentRestock
	releases := releaseReason(r, expired)
	switch phase {
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
