package order

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// enqueueForJournal wakes the orders whose stock was decided.
func (r *reconciler) enqueueForJournal() handler.EventHandler {
	wake := func(j *v1alpha1.StockJournal, since int64, q queue) {
		for _, name := range journal.DecidedSince(j, since) {
			if key := (types.NamespacedName{Namespace: j.Namespace, Name: name}); r.needsReconcile(key) {
				q.Add(reconcile.Request{NamespacedName: key})
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) {
			if j, ok := e.Object.(*v1alpha1.StockJournal); ok {
				wake(j, 0, q)
			}
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			was, ok1 := e.ObjectOld.(*v1alpha1.StockJournal)
			is, ok2 := e.ObjectNew.(*v1alpha1.StockJournal)
			if ok1 && ok2 {
				wake(is, was.Status.Seq, q)
			}
		},
	}
}
