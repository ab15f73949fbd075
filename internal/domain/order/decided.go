package order

import (
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/stock"
)

// AsDecided returns a reservation as it was decided: a decision is made once it is
// in the stock journal, and the reservation shows it a write later. Neither argument is changed.
func AsDecided(r *v1alpha1.StockReservation, journal *v1alpha1.StockJournal) *v1alpha1.StockReservation {
	shown := r
	for i := range journal.Status.Entries {
		e := &journal.Status.Entries[i]
		if e.UID != string(r.UID) || stock.IsDocument(e.Kind) {
			continue
		}
		if r == shown {
			r = r.DeepCopy()
		}
		stock.ApplyToReservation(e, r)
	}
	return r
}

// DecidedSince returns the names of the reservations that a journal's decisions after
// seq are about.
func DecidedSince(journal *v1alpha1.StockJournal, seq int64) []string {
	var names []string
	for i := range journal.Status.Entries {
		if e := &journal.Status.Entries[i]; e.Seq > seq && !stock.IsDocument(e.Kind) {
			names = append(names, e.Name)
		}
	}
	return names
}
