package rest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest/internal/shared"
	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// handlers serve the operations of the OpenAPI document.
type handlers struct {
	cluster *cluster
	// archive is nil where no mirror serves the namespace.
	archive *archive
	// ledger has the movements of stock.
	ledger ledger
	// notices has what customers were told.
	notices notices
	// answers are the first answers that Redis keeps.
	answers *shared.Answers
	// levels are the stock levels that Redis keeps.
	levels *shared.Levels
	// wait is how long a command waits for its answer.
	wait time.Duration
	now  func() time.Time
	// draining is closed when what waits has to end.
	draining <-chan struct{}
	// maxBaskets is how many live baskets a customer may have.
	maxBaskets int
	// streams are the event streams, and waits the creates that wait for their decision.
	streams *streams
	waits   *waits
}

var _ wire.StrictServerInterface = (*handlers)(nil)

// GetOrder shows one order with its events.
func (h *handlers) GetOrder(ctx context.Context, request wire.GetOrderRequestObject) (wire.GetOrderResponseObject, error) {
	order, err := h.orderOrArchived(ctx, request.OrderId)
	if err != nil {
		return nil, err
	}
	return wire.GetOrder200JSONResponse{OrderJSONResponse: orderResponse(order)}, nil
}

// GetReturn shows the last return request of an order.
func (h *handlers) GetReturn(ctx context.Context, request wire.GetReturnRequestObject) (wire.GetReturnResponseObject, error) {
	order, err := h.orderOrArchived(ctx, request.OrderId)
	if err != nil {
		return nil, err
	}
	view := returnView(order)
	if view == nil {
		return nil, notFound("nobody asked to return this order")
	}
	return wire.GetReturn200JSONResponse(*view), nil
}

// order reads an order that the caller may see. Somebody else's is as good as none. So is one
// that can't be decoded, to a customer, if it can't be told whose it is.
func (h *handlers) order(ctx context.Context, id string, read func(context.Context, string, client.Object) error) (*v1alpha1.Order, error) {
	order := &v1alpha1.Order{}
	err := read(ctx, id, order)
	if err != nil && !cachedclient.WasSetAside(err) {
		if told := problemOf(err); told.code == codeNotFound {
			return nil, noSuchOrder(id)
		}
		return nil, err
	}
	return seenBy(ctx, id, order, err)
}

// orderOrArchived is order, also of one that has left the cluster. What the cache does not have the
// database is asked for first: of old orders there are more than of those that were made a moment ago.
func (h *handlers) orderOrArchived(ctx context.Context, id string) (*v1alpha1.Order, error) {
	order, _, err := h.findOrder(ctx, id)
	return order, err
}

// findOrder is orderOrArchived, and says whether the order has left the cluster.
func (h *handlers) findOrder(ctx context.Context, id string) (order *v1alpha1.Order, left bool, err error) {
	if h.archive == nil {
		order, err = h.order(ctx, id, h.cluster.read)
		return order, false, err
	}
	order, err = h.order(ctx, id, h.cluster.readCached)
	if !isNoSuchOrder(err) {
		return order, false, err
	}
	known, away := h.archived(ctx, id)
	if known == nil || !known.left {
		order, err = h.order(ctx, id, h.cluster.readLive)
		switch {
		case !isNoSuchOrder(err):
			return order, false, err
		case away != nil:
			return nil, false, away
		case known == nil:
			return nil, false, noSuchOrder(id)
		} // else it leaves just now
	}
	order, err = seenBy(ctx, id, known.order, nil)
	return order, true, err
}

// seenBy is an order as the caller may see it, with the error of reading it.
func seenBy(ctx context.Context, id string, order *v1alpha1.Order, err error) (*v1alpha1.Order, error) {
	who := callFrom(ctx).who
	if order.Spec.CustomerID != who.Subject && !who.SeesAll() {
		return nil, noSuchOrder(id)
	}
	return order, err
}

func isNoSuchOrder(err error) bool {
	var told *problem
	return errors.As(err, &told) && told.code == codeNotFound
}

func noSuchOrder(id string) *problem { return notFound(fmt.Sprintf("there is no order %q", id)) }

func orderResponse(order *v1alpha1.Order) wire.OrderJSONResponse {
	return wire.OrderJSONResponse{Body: orderView(order), Headers: wire.OrderResponseHeaders{ETag: etag(order)}}
}

func etag(order *v1alpha1.Order) *string {
	tag := `"` + order.ResourceVersion + `"`
	return &tag
}
