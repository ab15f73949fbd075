package order

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/orderplane/orderplane/internal/domain/order"
)

// evaluateWithin bounds the evaluation of an order outside of a reconcile; it reads the cache.
const evaluateWithin = 10 * time.Second

// needsReconcilePredicate lets through the events, of an order or of its reservation, after which
// there is something to do or to wait for. It reads and judges as a reconcile does;
// where that would do nothing, what it saves is the way through the queue: half of
// the events under load are the echo of our own writes, and nearly all orders that
// are there at a start are at rest.
func (r *reconciler) needsReconcilePredicate() predicate.Predicate {
	return predicate.NewPredicateFuncs(func(o client.Object) bool {
		return r.needsReconcile(client.ObjectKeyFromObject(o))
	})
}

// needsReconcile reports whether there is something to do about an order, or to wait for.
func (r *reconciler) needsReconcile(key client.ObjectKey) (needed bool) {
	defer func() {
		if recover() != nil {
			needed = true // the controller knows how to go on after a panic
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), evaluateWithin)
	defer cancel()
	_, decision, err := r.evaluate(ctx, key)
	return err != nil || decision.Act != order.Nothing || decision.RequeueAfter > 0
}
