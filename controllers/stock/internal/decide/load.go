package decide

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// Load makes the ledger from lists that were read after every pending entry was carried
// out, or refused for good by the API server. seq is the journal's. It offers everything
// that may be due, oldest first, and before everything that arrived since.
func (d *Decider) Load(lists *store.Lists, seq int64, pending []*journal.Pending) {
	journal.Overlay(pending, lists.Items.Items, lists.Reservations.Items, lists.Documents.Items)
	d.memory = newMemory(stock.NewLedger(seq, lists.Items.Items, lists.Reservations.Items, lists.Documents.Items), lists)
	var events []Event
	for i := range lists.Reservations.Items {
		r := &lists.Reservations.Items[i]
		if stock.MayBeDue(r) {
			events = append(events, Event{Object: r.DeepCopy()})
		}
		d.expiry.track(r, d.memory.Phase(r.UID))
	}
	for i := range lists.Documents.Items {
		if o := &lists.Documents.Items[i]; !journal.Settled(o) {
			events = append(events, Event{Object: o.DeepCopy()})
		}
	}
	slices.SortStableFunc(events, func(a, b Event) int { return byCreation(a.Object, b.Object) })
	d.queue.putFirst(events)
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
