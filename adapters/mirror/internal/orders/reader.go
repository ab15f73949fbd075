package orders

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// reader reads the caches of a namespace. What it returns is shared: read only.
type reader struct {
	cache     client.Reader
	namespace string
}

// order is the newest version of an order, as far as it could be decoded; nil when there is none.
func (r reader) order(ctx context.Context, name string) (*v1alpha1.Order, error) {
	o := &v1alpha1.Order{}
	err := r.get(ctx, name, o)
	switch {
	case err == nil, cachedclient.WasSetAside(err):
		return o, nil
	case apierrors.IsNotFound(err):
		return nil, nil
	default:
		return nil, fmt.Errorf("read order %s: %w", name, err)
	}
}

// facts are what a judgement of an order rests on, but for the time. An error says that they can't
// be had, also because one of them is set aside.
func (r reader) facts(ctx context.Context, o *v1alpha1.Order) (order.Facts, error) {
	f := order.Facts{Order: o, Mirrored: true}
	reservation := &v1alpha1.StockReservation{}
	switch err := r.get(ctx, o.Name, reservation); {
	case err == nil:
		f.Reservation = reservation
	case !apierrors.IsNotFound(err):
		return f, fmt.Errorf("read the reservation of order %s: %w", o.Name, err)
	}
	if !order.NeedsClass(o) {
		return f, nil
	}
	classes := &v1alpha1.OrderClassList{}
	if err := r.cache.List(ctx, classes); err != nil {
		return f, fmt.Errorf("read the class of order %s: %w", o.Name, err)
	}
	f.Class = order.ClassOf(o.Spec.ClassName, classes.Items)
	return f, nil
}

func (r reader) get(ctx context.Context, name string, into client.Object) error {
	return r.cache.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: name}, into, client.UnsafeDisableDeepCopy)
}
