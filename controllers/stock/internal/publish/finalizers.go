package publish

import (
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// Finalizers are those that every item of a namespace gets, in one write. The first is our
// own, and the only one that is ever taken off: the others belong to whoever waits for them.
type Finalizers []string

// FinalizersOf are those of a namespace: where it is mirrored, the mirror's as well
// (protocol rule 20 in docs/design/0015-mirror.md).
func FinalizersOf(namespace string, mirrored mirror.Namespaces) Finalizers {
	if mirrored.Has(namespace) {
		return Finalizers{v1alpha1.StockItemFinalizer, v1alpha1.MirrorFinalizer}
	}
	return Finalizers{v1alpha1.StockItemFinalizer}
}

// Keep has an item stay while anything is reserved of it, and go, as far as that is up to
// stock, once nothing is. It reports whether it changed the item.
func (f Finalizers) Keep(o *v1alpha1.StockItem, level stock.Level) (changed bool) {
	if o.DeletionTimestamp != nil {
		return level.Reserved == 0 && controllerutil.RemoveFinalizer(o, v1alpha1.StockItemFinalizer)
	}
	for _, finalizer := range f {
		changed = controllerutil.AddFinalizer(o, finalizer) || changed
	}
	return changed
}
