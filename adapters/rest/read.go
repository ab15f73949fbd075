package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest/internal/shared"
	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// defaultPageSize is the page size of lists that name none.
const defaultPageSize = 20

// handlers serve the operations of the OpenAPI document.
type handlers struct {
	cluster *cluster
	// archive is nil where no mirror serves the namespace.
	archive *archive
	// ledger has the movements of stock.
	ledger ledger
	// answers are the first answers that Redis keeps.
	answers *shared.Answers
	// levels are the stock levels that Redis keeps.
	levels *shared.Levels
	// wait is how long a command waits for its answer.
	wait time.Duration
	now  func() time.Time
	// maxBaskets is how many live baskets a customer may have.
	maxBaskets int
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

// orderOrArchived is order, also of one that has left the cluster.
func (h *handlers) orderOrArchived(ctx context.Context, id string) (*v1alpha1.Order, error) {
	order, err := h.order(ctx, id, h.cluster.read)
	if !isNoSuchOrder(err) {
		return order, err
	}
	archived, err := h.archived(ctx, id)
	if err != nil {
		return nil, err
	}
	return seenBy(ctx, id, archived, nil)
}

// seenBy is an order as the caller may see it, with the error of reading it.
func seenBy(ctx context.Context, id string, order *v1alpha1.Order, err error) (*v1alpha1.Order, error) {
	who := callFrom(ctx).who
	if order.Spec.CustomerID != who.Subject && !who.IsOps() {
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

// ListOrders shows a page of a customer's orders, newest first.
func (h *handlers) ListOrders(ctx context.Context, request wire.ListOrdersRequestObject) (wire.ListOrdersResponseObject, error) {
	customer, err := listedCustomer(ctx, request.Params.CustomerId)
	if err != nil {
		return nil, err
	}
	if from, to := request.Params.From, request.Params.To; from != nil && to != nil && from.After(*to) {
		return nil, invalidRequest(wire.FieldError{Field: "from", Message: "is after to; nothing can lie between them"})
	}
	// What the cache holds is only read here, so it need not be copied.
	options := []client.ListOption{client.InNamespace(h.cluster.namespace), client.UnsafeDisableDeepCopy}
	if customer != "" {
		options = append(options, client.MatchingFields{customerIndex: customer})
	}
	var list v1alpha1.OrderList
	if err := h.cluster.list(ctx, &list, options...); err != nil {
		return nil, err
	}
	found := matching(list.Items, request.Params)
	slices.SortFunc(found, newestFirst)
	return wire.ListOrders200JSONResponse(pageOf(found, request.Params)), nil
}

// listedCustomer says whose orders are listed; everybody's when it is empty.
func listedCustomer(ctx context.Context, asked *string) (string, error) {
	who := callFrom(ctx).who
	switch {
	case asked == nil && who.IsOps():
		return "", nil
	case asked == nil || *asked == who.Subject:
		return who.Subject, nil
	case who.IsOps():
		return *asked, nil
	default:
		return "", forbidden("customerId must be the subject of your token; only the role ops lists the orders of others")
	}
}

func matching(orders []v1alpha1.Order, params wire.ListOrdersParams) []*v1alpha1.Order {
	var found []*v1alpha1.Order
	for i := range orders {
		order := &orders[i]
		created := order.CreationTimestamp.Time
		switch {
		case params.Status != nil && statusOf(order.Status.Phase) != *params.Status:
		case params.From != nil && created.Before(*params.From):
		case params.To != nil && !created.Before(*params.To):
		default:
			found = append(found, order)
		}
	}
	return found
}

// newestFirst sorts by what is stored with an order, so that every gateway lists
// in the same way, also after a restart. The API server's clock comes first. It
// counts seconds; within one, what the creator wrote down counts, and then the
// name, which for orders made by hand often is a number that grows.
func newestFirst(a, b *v1alpha1.Order) int {
	if bySecond := b.CreationTimestamp.Compare(a.CreationTimestamp.Time); bySecond != 0 {
		return bySecond
	}
	return cmp.Or(v1alpha1.CreatedAt(b).Compare(v1alpha1.CreatedAt(a)), cmp.Compare(b.Name, a.Name))
}

func pageOf(found []*v1alpha1.Order, params wire.ListOrdersParams) wire.OrderPage {
	page := wire.OrderPage{Orders: []wire.Order{}, Total: len(found), PageSize: defaultPageSize}
	if params.Page != nil {
		page.Page = *params.Page
	}
	if params.PageSize != nil {
		page.PageSize = *params.PageSize
	}
	start := min(page.Page*page.PageSize, len(found))
	end := min(start+page.PageSize, len(found))
	for _, order := range found[start:end] {
		page.Orders = append(page.Orders, listView(order))
	}
	return page
}
