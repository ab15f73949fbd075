package decide

import (
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// Objects that can't be decoded are set aside: nothing is decided about them. What a leader
// remembers of one stays as it is, since phases and quantities come from its own decisions. A
// leader that loads one remembers what could be decoded, on the safe side, and makes its memory
// anew once the object is mended.

// IsOutdated reports whether the memory was made from a part of an object that can be decoded
// whole by now. It is to be forgotten then, and loaded again.
func (m *Memory) IsOutdated() bool { return m != nil && m.outdated }

// isMended reports whether an object is whole of which only a part is remembered.
func (m *Memory) isMended(o client.Object) bool {
	_, is := m.setAside[o.GetUID()]
	return is && !cachedclient.IsSetAside(o)
}

// loadSetAside notes what was loaded of objects that are set aside.
func (m *Memory) loadSetAside(lists *store.Lists) {
	m.setAside = map[types.UID]struct{}{}
	for i := range lists.Items.Items {
		if o := &lists.Items.Items[i]; cachedclient.IsSetAside(o) {
			m.withhold(o)
		}
	}
	for i := range lists.Reservations.Items {
		if r := &lists.Reservations.Items[i]; cachedclient.IsSetAside(r) {
			m.setAside[r.UID] = struct{}{}
			m.KeepBasket(r.UID)
		}
	}
}

func (m *Memory) withhold(o *v1alpha1.StockItem) {
	m.setAside[o.UID] = struct{}{}
	if !store.KnowsStock(o) {
		m.Withhold(o.UID)
	}
}

// observeSetAside sees an object that can't be decoded. Of an item it still has to be known
// that it is there, and that it is being deleted. It returns the product about which something
// is to be done.
func (m *Memory) observeSetAside(o client.Object) (touched []string) {
	item, is := o.(*v1alpha1.StockItem)
	if !is {
		return nil
	}
	if _, known := m.Level(item.UID); !known {
		m.ObserveItem(item)
		m.withhold(item)
	}
	if item.DeletionTimestamp == nil {
		return nil
	}
	m.MarkDeleting(item.UID)
	return []string{item.Name}
}
