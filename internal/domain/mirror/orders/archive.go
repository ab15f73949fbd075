package orders

import (
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// LeastArchiveDelay is the shortest delay that is safe in production (protocol rule 26): who
// asked for a name before its row was there has created the order by then, or given up.
const LeastArchiveDelay = 10 * time.Minute

// Archiving is what has to be known before an order leaves the cluster (protocol rule 26).
type Archiving struct {
	// Judged says that the order controller's rules have nothing to do and retention is over.
	Judged bool
	// ReservationTold says that the order's reservation, if there is one, is at its end and
	// that all its decisions are told.
	ReservationTold bool
	// Kept says that it stays: somebody applies it and would make it again, or a finalizer of
	// somebody else's holds it.
	Kept bool
	// Delay is how long the row must have had its entries.
	Delay time.Duration
	// Now is the time.
	Now time.Time
}

// Due says whether an order may take the next step to the archive. The row must show the
// version that it was judged on, which Plan asks.
func (a Archiving) Due(r Row) bool {
	return a.Judged && a.ReservationTold && !a.Kept && !a.Now.Before(a.At(r))
}

// At is when the row will have had its entries for long enough.
func (a Archiving) At(r Row) time.Time { return r.MirroredAt.Add(a.Delay) }

// ReservationEnded says that nothing more is decided about a reservation (protocol rule 22).
func ReservationEnded(r *v1alpha1.StockReservation) bool {
	switch r.Status.Phase {
	case v1alpha1.ReservationRejected, v1alpha1.ReservationReleased, v1alpha1.ReservationRestocked:
		return true
	case v1alpha1.ReservationCommitted:
		return r.Spec.Intent != v1alpha1.IntentRestock
	default:
		return false
	}
}
