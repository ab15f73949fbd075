package order

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/orderplane/orderplane/internal/domain/order"
)

// evaluateWithin bounds the evaluation of an order outside of a reconcile; it reads the cache.
const evaluateWithin = 10 * time.Second

// enqueueWhereNeeded enqueues the order of an event, its own or its reservation's, when there
// is something to do or to wait for. It reads and judges as a reconcile does; where that
// would do nothing, what it saves is the way through the queue: half of the events under
// load are the echo of our own writes, and nearly all orders that are there at a start
// are at rest.
func (r *reconciler) enqueueWhereNeeded() handler.EventHandler {
	enqueue := func(ctx context.Context, o client.Object, q queue) {
		if key := client.ObjectKeyFromObject(o); r.needsReconcile(ctx, key) {
			q.Add(reconcile.Request{NamespacedName: key})
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { enqueue(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { enqueue(ctx, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { enqueue(ctx, e.Object, q) },
	}
}

// needsReconcile reports whether there is something to do about an order, or to wait for.
// What it reads may be a cache that does not fill: it waits no longer than ctx, which ends
// with the manager.
func (r *reconciler) needsReconcile(ctx context.Context, key client.ObjectKey) (needed bool) {
	defer func() {
		if recover() != nil {
			needed = true // the controller knows how to go on after a panic
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, evaluateWithin)
	defer cancel()
	_, decision, err := r.evaluate(ctx, key)
	return err != nil || decision.Act != order.Nothing || decision.RequeueAfter > 0
}
