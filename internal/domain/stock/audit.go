package stock

import (
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Drift is a difference between what a leader remembers and what the objects
// of its namespace say. There should be none: by construction every change of
// both goes through the journal. A person with a status editor makes some.
type Drift struct {
	Kind, Name, Field string
	Remembered, Found string
}

func (d Drift) String() string {
	return fmt.Sprintf("%s %s: %s is %s, the journal's holder remembers %s", d.Kind, d.Name, d.Field, d.Found, d.Remembered)
}

// Audit compares the ledger with consistent lists of items and reservations
// that were made while nothing was pending in the journal. Objects the ledger has
// not met yet, and ones that are gone from the lists but not yet from the
// ledger, are no drift: their events are on the way.
func (l *Ledger) Audit(items []v1alpha1.StockItem, reservations []v1alpha1.StockReservation) []Drift {
	var drift []Drift
	note := func(kind, name, field, remembered, found string) {
		if remembered != found {
			drift = append(drift, Drift{Kind: kind, Name: name, Field: field, Remembered: remembered, Found: found})
		}
	}
	listed := make(map[types.UID]struct{}, len(reservations))
	reserved := make(map[types.UID]int64, len(l.items))
	for i := range reservations {
		r := &reservations[i]
		listed[r.UID] = struct{}{}
		if r.Status.Phase == v1alpha1.ReservationReserved {
			for _, a := range r.Status.Allocations {
				reserved[types.UID(a.ItemUID)] += a.Quantity
			}
		}
		if phase := r.Status.Phase; phase != "" {
			note("StockReservation", r.Name, "status.phase", string(l.Phase(r.UID)), string(phase))
		}
	}
	for uid, known := range l.reservations {
		if _, ok := listed[uid]; !ok && known.phase == v1alpha1.ReservationReserved {
			for _, a := range known.allocations {
				reserved[types.UID(a.ItemUID)] += a.Quantity
			}
		}
	}
	for i := range items {
		o := &items[i]
		it, ok := l.items[o.UID]
		if !ok {
			continue
		}
		note("StockItem", o.Name, "status.onHand", strconv.FormatInt(it.onHand, 10), strconv.FormatInt(journal.OnHand(o), 10))
		note("StockItem", o.Name, "the sum of its Reserved reservations", strconv.FormatInt(it.reserved, 10), strconv.FormatInt(reserved[o.UID], 10))
	}
	return drift
}

// ForgetAbsent drops what is not in consistent lists made after everything the
// ledger knows was seen: it is gone. Usually an event said so already; it does
// not when the object came and went in a gap of the watch, between the list of
// the load and that of an informer. Where the event is only late, what comes
// before it is passed over: it would make a new reservation of one that was
// decided long ago. It returns the products whose stock that freed.
func (l *Ledger) ForgetAbsent(items []v1alpha1.StockItem, reservations []v1alpha1.StockReservation) (freed []string) {
	listed := make(map[types.UID]struct{}, len(items)+len(reservations))
	for i := range items {
		listed[items[i].UID] = struct{}{}
	}
	for i := range reservations {
		listed[reservations[i].UID] = struct{}{}
	}
	for uid := range l.reservations {
		if _, ok := listed[uid]; !ok {
			freed = append(freed, l.ForgetReservation(uid)...)
			l.absent[uid] = struct{}{}
		}
	}
	for uid := range l.items {
		if _, ok := listed[uid]; !ok {
			l.ForgetItem(uid)
			l.absent[uid] = struct{}{}
		}
	}
	return freed
}
