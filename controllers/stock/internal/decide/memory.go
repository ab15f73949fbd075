package decide

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// Memory is what a leader knows of its namespace: the ledger, and how new the lists
// were that it was made from.
type Memory struct {
	*stock.Ledger

	items, reservations, documents string // resourceVersions of the lists
	// setAside are the objects of which the ledger was made from what could be decoded.
	setAside map[types.UID]struct{}
	outdated bool
}

func newMemory(ledger *stock.Ledger, from *store.Lists) *Memory {
	return &Memory{
		Ledger: ledger, items: from.Items.ResourceVersion,
		reservations: from.Reservations.ResourceVersion, documents: from.Documents.ResourceVersion,
	}
}

// IsStale reports whether an object, as an informer that lags shows it, is older than
// the list of its kind. When the ledger does not know it, it was gone when the list was
// made and handled by an earlier leader: deciding about it would count it twice. When it
// does, the list said something newer: that an item is being deleted, or that a basket
// lasts longer.
func (m *Memory) IsStale(o client.Object) bool {
	listed := m.documents
	switch o.(type) {
	case *v1alpha1.StockItem:
		listed = m.items
	case *v1alpha1.StockReservation:
		listed = m.reservations
	}
	order, err := resourceversion.CompareResourceVersion(o.GetResourceVersion(), listed)
	return err != nil || order <= 0
}

// Load makes the ledger from lists that were read after every pending entry was carried
// out, or refused for good by the API server. seq is the journal's. It offers everything
// that may be due, oldest first, and before everything that arrived since.
func (d *Decider) Load(lists *store.Lists, seq int64, pending []*journal.Pending) {
	journal.Overlay(pending, lists.Items.Items, lists.Reservations.Items, lists.Documents.Items)
	d.memory = newMemory(stock.NewLedger(seq, lists.Items.Items, lists.Reservations.Items, lists.Documents.Items), lists)
	d.memory.loadSetAside(lists)
	var events []Event
	for i := range lists.Reservations.Items {
		r := &lists.Reservations.Items[i]
		if cachedclient.IsSetAside(r) {
			continue
		}
		if stock.MayBeDue(r) {
			events = append(events, Event{Object: r.DeepCopy()})
		}
		d.expiry.track(r, d.memory.Phase(r.UID))
	}
	for i := range lists.Documents.Items {
		if o := &lists.Documents.Items[i]; !journal.Settled(o) && !cachedclient.IsSetAside(o) {
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
