package order

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// enqueueForJournal wakes the orders whose stock was decided.
func (r *reconciler) enqueueForJournal() handler.EventHandler {
	wake := func(ctx context.Context, j *v1alpha1.StockJournal, since int64, q queue) {
		for _, name := range journal.DecidedSince(j, since) {
			if key := (types.NamespacedName{Namespace: j.Namespace, Name: name}); r.needsReconcile(ctx, key) {
				q.Add(reconcile.Request{NamespacedName: key})
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			if j, ok := e.Object.(*v1alpha1.StockJournal); ok && !cachedclient.IsSetAside(j) {
				wake(ctx, j, 0, q)
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			was, ok1 := e.ObjectOld.(*v1alpha1.StockJournal)
			is, ok2 := e.ObjectNew.(*v1alpha1.StockJournal)
			switch {
			case !ok1 || !ok2 || cachedclient.IsSetAside(is):
			case cachedclient.IsSetAside(was):
				r.enqueueNamespace(ctx, is.Namespace, q)
			default:
				wake(ctx, is, was.Status.Seq, q)
			}
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) {
			if cachedclient.IsSetAside(e.Object) {
				r.enqueueNamespace(ctx, e.Object.GetNamespace(), q)
			}
		},
	}
}

// enqueueNamespace wakes all orders of a namespace: they waited while its journal could not be decoded.
func (r *reconciler) enqueueNamespace(ctx context.Context, namespace string, q queue) {
	orders := &v1alpha1.OrderList{}
	if err := r.client.List(ctx, orders, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "the orders that waited for a stock journal can't be listed", "namespace", namespace)
		return
	}
	for i := range orders.Items {
		q.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&orders.Items[i])})
	}
}
