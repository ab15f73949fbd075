package decide

import (
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// Memory is what a leader knows of its namespace: the ledger, and how new the lists
// were that it was made from.
type Memory struct {
	*stock.Ledger

	items, reservations, documents string // resourceVersions of the lists
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
