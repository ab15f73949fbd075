package order

import (
	"context"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/trace"
)

// logFor makes the logger of a reconcile, which the line about its error comes from as well. All
// of its lines have the order's name and trace.
func logFor(log logr.Logger, orders client.Reader) func(*reconcile.Request) logr.Logger {
	log = log.WithValues("controller", "order")
	return func(request *reconcile.Request) logr.Logger {
		if request == nil {
			return log
		}
		return log.WithValues("namespace", request.Namespace, "name", request.Name, "traceId", traceOf{orders, request.NamespacedName})
	}
}

// traceOf is the trace id of an order, looked up when a line is written: most reconciles write
// none. It is empty once the order is gone.
type traceOf struct {
	orders client.Reader
	order  client.ObjectKey
}

// String implements fmt.Stringer.
func (t traceOf) String() string {
	o := &v1alpha1.Order{}
	if err := t.orders.Get(context.Background(), t.order, o); err != nil {
		return ""
	}
	return trace.IDOf(o)
}
