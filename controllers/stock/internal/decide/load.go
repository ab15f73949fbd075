package decide

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// Load makes the ledger from lists that were read after every pending entry was carried
// out, or refused for good by the API server. seq is the journal's. It offers everything
// that may be due, oldest first, and before everything that arrived since.
func (d *Decider) Load(lists *store.Lists, seq int64, pending []*journal.Pending) {
	overlay(lists, pending)
	d.memory = newMemory(stock.NewLedger(seq, lists.Items.Items, lists.Reservations.Items, lists.Documents.Items), lists)
	var events []Event
	for i := range lists.Reservations.Items {
		r := &lists.Reservations.Items[i]
		if MayBeDue(r) {
			events = append(events, Event{Object: r.DeepCopy()})
		}
		d.expiry.track(r, d.memory.Phase(r.UID))
	}
	for i := range lists.Documents.Items {
		if o := &lists.Documents.Items[i]; !d.memory.Settled(o.UID) {
			events = append(events, Event{Object: o.DeepCopy()})
		}
	}
	slices.SortStableFunc(events, func(a, b Event) int { return byCreation(a.Object, b.Object) })
	d.queue.putFirst(events)
}

// overlay carries out on the listed copies what the API server refused to have
// written on the objects themselves, so that one such object does not keep the
// rest of the namespace waiting.
func overlay(l *store.Lists, pending []*journal.Pending) {
	if len(pending) == 0 {
		return
	}
	var entries []*v1alpha1.JournalEntry
	for _, p := range pending {
		entries = append(entries, p.Entry)
		for i := range l.Reservations.Items {
			if r := &l.Reservations.Items[i]; string(r.UID) == p.Entry.UID {
				*r = *r.DeepCopy()
				journal.ApplyToReservation(p.Entry, r)
			}
		}
		for i := range l.Documents.Items {
			if o := &l.Documents.Items[i]; string(o.UID) == p.Entry.UID {
				*o = *o.DeepCopy()
				journal.ApplyToDocument(p.Entry, o)
			}
		}
	}
	for i := range l.Items.Items {
		l.Items.Items[i] = *l.Items.Items[i].DeepCopy()
		journal.ApplyToItem(entries, &l.Items.Items[i])
	}
}

// byCreation is the order of arrival of objects found in a list. Creation times
// have whole seconds; within one, the resourceVersion of an object nobody
// touched since is the order in which they were made.
func byCreation(a, b client.Object) int {
	if c := a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time); c != 0 {
		return c
	}
	if c, err := resourceversion.CompareResourceVersion(a.GetResourceVersion(), b.GetResourceVersion()); err == nil && c != 0 {
		return c
	}
	return strings.Compare(a.GetName(), b.GetName())
}

// MayBeDue reports whether the ledger may have something to decide about a
// reservation as it stands; it leaves out what is held or over.
func MayBeDue(r *v1alpha1.StockReservation) bool {
	switch r.Status.Phase {
	case v1alpha1.ReservationPending, "":
		return true
	case v1alpha1.ReservationReserved:
		return r.Spec.Intent != v1alpha1.IntentHold || r.DeletionTimestamp != nil
	case v1alpha1.ReservationCommitted:
		return r.Spec.Intent == v1alpha1.IntentRestock
	}
	return false
}
