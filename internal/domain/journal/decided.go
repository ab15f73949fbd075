package journal

import (
	"github.com/orderplane/orderplane/api/v1alpha1"
)

// AsDecided returns a reservation as it was decided: a decision is made once it is
// in the stock journal, and the reservation shows it a write later. Neither argument is changed.
func AsDecided(r *v1alpha1.StockReservation, j *v1alpha1.StockJournal) *v1alpha1.StockReservation {
	shown := r
	for i := range j.Status.Entries {
		e := &j.Status.Entries[i]
		if e.UID != string(r.UID) || IsDocument(e.Kind) {
			continue
		}
		if r == shown {
			r = r.DeepCopy()
		}
		ApplyToReservation(e, r)
	}
	return r
}

// DecidedSince returns the names of the reservations that a journal's decisions after
// seq are about.
func DecidedSince(j *v1alpha1.StockJournal, seq int64) []string {
	var names []string
	for i := range j.Status.Entries {
		if e := &j.Status.Entries[i]; e.Seq > seq && !IsDocument(e.Kind) {
			names = append(names, e.Name)
		}
	}
	return names
}
