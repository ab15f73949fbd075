package order

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// whenSetAside does what can be done about an order when it, its reservation or the stock journal
// can't be decoded: an order that is being deleted gives its stock back and goes, and so does
// a reservation whose order is gone. Anything else waits until the object is mended; its event
// wakes us. All of it is read live, and as it is stored.
func (r *reconciler) whenSetAside(ctx context.Context, key client.ObjectKey, facts order.Facts) (ctrl.Result, error) {
	if facts.Order != nil && facts.Order.DeletionTimestamp == nil {
		return ctrl.Result{}, nil
	}
	o, err := r.stored(ctx, "Order", key)
	if err != nil || o != nil && o.GetDeletionTimestamp() == nil {
		return ctrl.Result{}, err
	}
	reservation, err := r.stored(ctx, "StockReservation", key)
	if err != nil {
		return ctrl.Result{}, err
	}
	switch {
	case madeFor(reservation, key.Name, o):
		if reservation.GetDeletionTimestamp() == nil {
			err = r.deleteReservation(ctx, reservation)
		}
	case o != nil && controllerutil.RemoveFinalizer(o, v1alpha1.OrderFinalizer):
		err = cachedclient.SetFinalizers(ctx, r.client, o)
	}
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: behind}, nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// stored is an object as the API server has it, nil when there is none.
func (r *reconciler) stored(ctx context.Context, kind string, key client.ObjectKey) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	switch err := r.live.Get(ctx, key, u); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get %s %s: %w", kind, key, err)
	}
	return u, nil
}

// madeFor reports whether a reservation was made for this order, or, when o is nil, for one of
// this name that is gone. One that does not say so is somebody's own.
func madeFor(reservation *unstructured.Unstructured, name string, o *unstructured.Unstructured) bool {
	if reservation == nil {
		return false
	}
	ref, _, _ := unstructured.NestedMap(reservation.Object, "spec", "orderRef")
	return ref["name"] == name && (o == nil || ref["uid"] == string(o.GetUID()))
}

// deleteReservation deletes a reservation by its uid, not its version: whatever was decided about
// it in the meantime, it goes.
func (r *reconciler) deleteReservation(ctx context.Context, o metav1.Object) error {
	uid := o.GetUID()
	gone := &v1alpha1.StockReservation{ObjectMeta: metav1.ObjectMeta{Namespace: o.GetNamespace(), Name: o.GetName()}}
	return r.client.Delete(ctx, gone, client.Preconditions{UID: &uid})
}
