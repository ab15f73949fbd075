package cachedclient

import (
	"context"
	"slices"

	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// readable is a cache whose reads never hand on an object that is set aside.
type readable struct{ ctrlcache.Cache }

// Get reads an object. The error of one that is set aside is a SetAsideError; o then has what
// could be decoded.
func (c *readable) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if err := c.Cache.Get(ctx, key, o, opts...); err != nil {
		return err
	}
	return refuse(o)
}

// List lists objects, less those that are set aside.
func (c *readable) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if err := c.Cache.List(ctx, list, opts...); err != nil {
		return err
	}
	switch l := list.(type) {
	case *v1alpha1.OrderList:
		l.Items = whole(l.Items)
	case *v1alpha1.OrderClassList:
		l.Items = whole(l.Items)
	case *v1alpha1.StockReservationList:
		l.Items = whole(l.Items)
	case *v1alpha1.StockItemList:
		l.Items = whole(l.Items)
	case *v1alpha1.StockAdjustmentList:
		l.Items = whole(l.Items)
	case *v1alpha1.StockJournalList:
		l.Items = whole(l.Items)
	}
	return nil
}

// whole are the items that were decoded whole. The slice is the caller's own.
func whole[T any, P object[T]](items []T) []T {
	isSetAside := func(item *T) bool { return IsSetAside(P(item)) }
	for i := range items {
		if isSetAside(&items[i]) {
			return slices.DeleteFunc(items, func(item T) bool { return isSetAside(&item) })
		}
	}
	return items
}

// IndexField indexes the objects that are not set aside.
func (c *readable) IndexField(ctx context.Context, o client.Object, field string, extract client.IndexerFunc) error {
	return c.Cache.IndexField(ctx, o, field, func(o client.Object) []string {
		if IsSetAside(o) {
			return nil
		}
		return extract(o)
	})
}
