package rest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/ids"
	"github.com/orderplane/orderplane/internal/domain/number"
	"github.com/orderplane/orderplane/internal/domain/order"
)

const (
	// basketTTL is how long a basket holds that names no time.
	basketTTL = 15 * time.Minute
	// basketKept is how long a basket that ended can still be read.
	basketKept = time.Hour
	// basketSweep is how many baskets that ended one request clears away.
	basketSweep = 20
	// maxLineQuantity is how many units of a product a reservation may hold.
	maxLineQuantity = 100_000_000
)

// CreateBasket holds stock for a while.
func (h *handlers) CreateBasket(ctx context.Context, request wire.CreateBasketRequestObject) (wire.CreateBasketResponseObject, error) {
	who := callFrom(ctx).who
	customer := request.Body.CustomerId
	if customer == "" {
		customer = who.Subject
	}
	if customer != who.Subject && !who.IsOps() {
		return nil, forbidden("customerId must be the subject of your token; only the role ops holds stock for somebody else")
	}
	lines, err := basketLines(request.Body.Items)
	if err != nil {
		return nil, err
	}
	ttl, err := timeToLive(request.Body.TtlSeconds, basketTTL)
	if err != nil {
		return nil, err
	}
	id := ids.Basket(h.cluster.namespace, customer, idempotencyKey(request.Params.IdempotencyKey))
	r := newRevision(id, 1, customer, lines, h.now().Add(ttl))
	r.Annotations = callFrom(ctx).trace.Annotations()
	r.Annotations[v1alpha1.RequestFingerprintAnnotation] = ask{says: []any{"basket", lines, ttl}}.fingerprint()
	v1alpha1.MarkCreated(r, h.now())
	return h.createBasket(ctx, id, r)
}

func (h *handlers) createBasket(ctx context.Context, id string, r *v1alpha1.StockReservation) (wire.CreateBasketResponseObject, error) {
	known, err := h.cluster.basket(ctx, id)
	if err != nil {
		return nil, err
	}
	if known != nil {
		return replayedBasket(known, r)
	}
	others, err := h.cluster.basketsOf(ctx, r.Spec.CustomerID)
	if err != nil {
		return nil, err
	}
	if h.isOverLimit(others, id) {
		return nil, h.basketLimit()
	}
	h.sweep(ctx, others)
	r.Namespace = h.cluster.namespace
	err = h.cluster.create(ctx, r)
	if apierrors.IsAlreadyExists(err) {
		if known, err = h.cluster.basket(ctx, id); err != nil || known == nil {
			return nil, unavailable(time.Second, err)
		}
		return replayedBasket(known, r)
	}
	if err != nil {
		return nil, err
	}
	b, err := h.settle(ctx, id, r)
	if err != nil {
		return nil, err
	}
	return createdBasket(b, false), nil
}

// settle waits until a new basket is decided. Whoever sees it sees every basket that
// was made before: so the last of several that were made at once notices that it is
// one too many, and goes.
func (h *handlers) settle(ctx context.Context, id string, r *v1alpha1.StockReservation) (*basket, error) {
	ctx, cancel := context.WithTimeout(ctx, h.wait)
	defer cancel()
	b := h.cluster.awaitBasket(ctx, id, r.Name, func(*basket) bool { return true })
	if b == nil {
		return basketOf(id, r), nil
	}
	others, err := h.cluster.basketsOf(ctx, r.Spec.CustomerID)
	if err == nil && h.isOverLimit(others, id) {
		h.cluster.deleteReservations(ctx, b.revisions)
		return nil, h.basketLimit()
	}
	decided := h.cluster.awaitBasket(ctx, id, r.Name, func(b *basket) bool { return b.status() != basketPending })
	if decided == nil {
		return b, nil
	}
	return decided, nil
}

func basketOf(id string, r *v1alpha1.StockReservation) *basket {
	return &basket{id: id, revisions: []*v1alpha1.StockReservation{r}}
}

// isOverLimit says whether a customer has all the live baskets they may have, without
// the one named id.
func (h *handlers) isOverLimit(baskets []*basket, id string) bool {
	live := 0
	for _, b := range baskets {
		if b.id != id && b.isLive() {
			live++
		}
	}
	return live >= h.maxBaskets
}

func (h *handlers) basketLimit() error {
	return &problem{
		status: http.StatusConflict, code: codeBasketLimit,
		message: fmt.Sprintf("a customer may have %d baskets that hold something; order or release one first", h.maxBaskets),
	}
}

// sweep clears away what ended some time ago, a few at a time.
func (h *handlers) sweep(ctx context.Context, baskets []*basket) {
	swept := 0
	for _, b := range baskets {
		if swept < basketSweep && b.endedBefore(h.now().Add(-basketKept)) {
			h.cluster.deleteReservations(ctx, b.revisions)
			swept++
		}
	}
}

// replayedBasket answers a create whose basket is there already.
func replayedBasket(known *basket, asked *v1alpha1.StockReservation) (wire.CreateBasketResponseObject, error) {
	if known.last().Annotations[v1alpha1.RequestFingerprintAnnotation] != asked.Annotations[v1alpha1.RequestFingerprintAnnotation] {
		return nil, &problem{
			status: http.StatusConflict, code: codeDuplicateOrder,
			message: "this Idempotency-Key made a basket from another request; use a new key for a new basket",
		}
	}
	return createdBasket(known, true), nil
}

func createdBasket(b *basket, replayed bool) wire.CreateBasket201JSONResponse {
	location := "/api/baskets/" + b.id
	response := wire.CreateBasket201JSONResponse{Body: basketView(b), Headers: wire.CreateBasket201ResponseHeaders{Location: &location}}
	response.Headers.IdempotentReplayed = outcome{repeated: replayed}.replayed()
	return response
}

// GetBasket shows one basket.
func (h *handlers) GetBasket(ctx context.Context, request wire.GetBasketRequestObject) (wire.GetBasketResponseObject, error) {
	b, err := h.basket(ctx, request.BasketId)
	if err != nil {
		return nil, err
	}
	return wire.GetBasket200JSONResponse{BasketJSONResponse: wire.BasketJSONResponse(basketView(b))}, nil
}

// basket reads a basket that the caller may see. Somebody else's is as good as none.
func (h *handlers) basket(ctx context.Context, id string) (*basket, error) {
	b, err := h.cluster.basket(ctx, id)
	if err != nil {
		return nil, err
	}
	who := callFrom(ctx).who
	if b == nil || b.customer() != who.Subject && !who.SeesAll() {
		return nil, notFound(fmt.Sprintf("there is no basket %q", id))
	}
	return b, nil
}

// ListBaskets shows a page of a customer's baskets.
func (h *handlers) ListBaskets(ctx context.Context, request wire.ListBasketsRequestObject) (wire.ListBasketsResponseObject, error) {
	customer, err := listedCustomer(ctx, request.Params.CustomerId)
	if err != nil {
		return nil, err
	}
	found, err := h.cluster.basketsOf(ctx, customer)
	if err != nil {
		return nil, err
	}
	page := wire.BasketPage{Baskets: []wire.Basket{}, Total: len(found), PageSize: defaultPageSize}
	if request.Params.Page != nil {
		page.Page = *request.Params.Page
	}
	if request.Params.PageSize != nil {
		page.PageSize = *request.Params.PageSize
	}
	start := min(page.Page*page.PageSize, len(found))
	for _, b := range found[start:min(start+page.PageSize, len(found))] {
		page.Baskets = append(page.Baskets, basketView(b))
	}
	return wire.ListBaskets200JSONResponse(page), nil
}

// basketLines are the lines of a reservation for the items of a request, each product
// once.
func basketLines(items wire.BasketItems) ([]v1alpha1.StockLine, error) {
	wanted := make([]v1alpha1.OrderItem, len(items))
	for i, item := range items {
		quantity, err := number.Whole(string(item.Quantity))
		if err != nil {
			return nil, invalidRequest(wire.FieldError{Field: fmt.Sprintf("items[%d].quantity", i), Message: err.Error()})
		}
		wanted[i] = v1alpha1.OrderItem{ProductID: item.ProductId, Quantity: quantity}
	}
	lines := order.StockLines(wanted)
	for _, line := range lines {
		if line.Quantity > maxLineQuantity {
			return nil, invalidRequest(wire.FieldError{Field: "items", Message: fmt.Sprintf("hold more than %d units of %s", maxLineQuantity, line.ProductID)})
		}
	}
	return lines, nil
}

func timeToLive(asked *wire.BasketTTL, otherwise time.Duration) (time.Duration, error) {
	if asked == nil {
		return otherwise, nil
	}
	seconds, err := number.Whole(string(*asked))
	if err != nil {
		return 0, invalidRequest(wire.FieldError{Field: "ttlSeconds", Message: err.Error()})
	}
	return time.Duration(seconds) * time.Second, nil
}

// ReleaseBasket gives back what a basket holds. One that holds nothing is as the
// client wants it, unless an order has it.
func (h *handlers) ReleaseBasket(ctx context.Context, request wire.ReleaseBasketRequestObject) (wire.ReleaseBasketResponseObject, error) {
	b, err := h.basket(ctx, request.BasketId)
	if err != nil {
		return nil, err
	}
	if b.isLive() {
		if b, err = h.release(ctx, b); err != nil {
			return nil, err
		}
	}
	switch {
	case b.isLive():
		return wire.ReleaseBasket202JSONResponse{BasketPendingJSONResponse: wire.BasketPendingJSONResponse(basketView(b))}, nil
	case b.status() == basketOrdered:
		return nil, invalidTransition("a basket that is ORDERED can't be released; cancel the order")
	default:
		return wire.ReleaseBasket200JSONResponse{BasketJSONResponse: wire.BasketJSONResponse(basketView(b))}, nil
	}
}

// release asks for the release of everything the basket has, a change that is being
// decided first: it must not take over what is given back.
func (h *handlers) release(ctx context.Context, b *basket) (*basket, error) {
	for _, r := range slices.Backward(b.revisions) {
		if r.Status.Phase != v1alpha1.ReservationPending && r.Status.Phase != v1alpha1.ReservationReserved {
			continue
		}
		_, err := h.cluster.patchReservation(ctx, r, map[string]any{"intent": v1alpha1.IntentRelease})
		// A refusal says that it was released or taken over meanwhile, which the wait sees.
		if err != nil && !apierrors.IsNotFound(err) && problemOf(err).status != http.StatusConflict {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, h.wait)
	defer cancel()
	if ended := h.cluster.awaitBasket(ctx, b.id, b.current().Name, func(b *basket) bool { return !b.isLive() }); ended != nil {
		return ended, nil
	}
	return b, nil
}
