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
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// ChangeBasket replaces what a basket holds, or moves its end.
func (h *handlers) ChangeBasket(ctx context.Context, request wire.ChangeBasketRequestObject) (wire.ChangeBasketResponseObject, error) {
	b, err := h.basket(ctx, request.BasketId)
	if err != nil {
		return nil, err
	}
	end, err := h.newEnd(b, request.Body.TtlSeconds)
	if err != nil {
		return nil, err
	}
	lines, err := basketLines(request.Body.Items)
	if err != nil {
		return nil, err
	}
	if b, err = h.changed(ctx, b, lines, end); err != nil {
		return nil, err
	}
	if b.change() != nil || b.status() == basketPending {
		return wire.ChangeBasket202JSONResponse{BasketPendingJSONResponse: wire.BasketPendingJSONResponse(basketView(b))}, nil
	}
	return wire.ChangeBasket200JSONResponse{BasketJSONResponse: wire.BasketJSONResponse(basketView(b))}, nil
}

// newEnd is when the basket ends after a change: as asked, else as before. A basket
// whose time is up gets a new one.
func (h *handlers) newEnd(b *basket, asked *wire.BasketTTL) (time.Time, error) {
	ttl, err := timeToLive(asked, basketTTL)
	if err != nil {
		return time.Time{}, err
	}
	now := h.now()
	if before := b.current().Spec.ExpiresAt; asked == nil && before != nil && before.After(now) {
		return before.Time, nil
	}
	return now.Add(ttl), nil
}

// changed carries out a change; no lines are those it has.
func (h *handlers) changed(ctx context.Context, b *basket, lines []v1alpha1.StockLine, end time.Time) (*basket, error) {
	if change := b.change(); change != nil {
		if slices.Equal(change.Spec.Lines, lines) { // the same change again
			return h.decided(ctx, b, change)
		}
		return nil, invalidTransition("another change of the basket is being decided; try again")
	}
	isSame := len(lines) == 0 || slices.Equal(b.current().Spec.Lines, lines)
	switch status := b.status(); {
	case status == basketHeld && isSame, status == basketPending && isSame:
		return h.extended(ctx, b, end)
	case status == basketHeld:
		return h.replaced(ctx, b, lines, end)
	case status == basketRejected && len(lines) > 0:
		others, err := h.cluster.basketsOf(ctx, b.customer())
		if err != nil {
			return nil, err
		}
		if h.isOverLimit(others, b.id) {
			return nil, h.basketLimit()
		}
		return h.replaced(ctx, b, lines, end)
	case status == basketPending:
		return nil, invalidTransition("the basket is being decided; try again")
	default:
		return nil, invalidTransition(fmt.Sprintf("a basket that is %s can't be changed; make a new one", status))
	}
}

// extended moves the end of a basket.
func (h *handlers) extended(ctx context.Context, b *basket, end time.Time) (*basket, error) {
	r := b.current()
	until := wholeSecond(end)
	if r.Spec.ExpiresAt != nil && r.Spec.ExpiresAt.Equal(&until) {
		return b, nil
	}
	patched, err := h.cluster.patchReservation(ctx, r, map[string]any{"expiresAt": until})
	if apierrors.IsNotFound(err) {
		return nil, notFound(fmt.Sprintf("there is no basket %q", b.id))
	}
	if err != nil {
		return nil, err
	}
	moved := basketOf(b.id, patched)
	if !moved.isLive() {
		return nil, invalidTransition(fmt.Sprintf("the basket was %s meanwhile; read it again", moved.status()))
	}
	return moved, nil
}

// replaced makes the reservation that gives the basket other lines, and waits for the
// decision about it.
func (h *handlers) replaced(ctx context.Context, b *basket, lines []v1alpha1.StockLine, end time.Time) (*basket, error) {
	next := b.next(lines, end)
	for name, value := range callFrom(ctx).trace.Annotations() {
		next.Annotations[name] = value
	}
	next.Namespace = h.cluster.namespace
	err := h.cluster.create(ctx, next)
	if apierrors.IsAlreadyExists(err) {
		return nil, invalidTransition("the basket was changed at the same moment; read it again")
	}
	if err != nil {
		return nil, err
	}
	return h.decided(ctx, b, next)
}

// decided waits for the decision about a change. One that was refused leaves the
// basket as it was.
func (h *handlers) decided(ctx context.Context, b *basket, change *v1alpha1.StockReservation) (*basket, error) {
	waiting, cancel := context.WithTimeout(ctx, h.wait)
	defer cancel()
	var answer *v1alpha1.StockReservation
	after := h.cluster.awaitBasket(waiting, b.id, change.Name, func(b *basket) bool {
		answer = b.revision(change.Name)
		return answer != nil && answer.Status.Phase != "" && answer.Status.Phase != v1alpha1.ReservationPending
	})
	if after == nil {
		return &basket{id: b.id, revisions: append(slices.Clone(b.revisions), change)}, nil
	}
	h.cluster.deleteReservations(ctx, after.superseded())
	if answer.Status.Phase == v1alpha1.ReservationRejected {
		return nil, &problem{
			status: http.StatusUnprocessableEntity, code: codeInsufficientStock,
			message: journal.DescribeShortages(answer.Status.Shortages) + "; the basket holds what it held before",
		}
	}
	return after, nil
}

// revision returns a reservation of the basket by its name, nil when it is not there.
func (b *basket) revision(name string) *v1alpha1.StockReservation {
	for _, r := range b.revisions {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// heldFor returns the reservation that an order of a customer takes over.
func (h *handlers) heldFor(ctx context.Context, customer, id string) (*v1alpha1.StockReservation, error) {
	b, err := h.cluster.basket(ctx, id)
	if err != nil {
		return nil, err
	}
	wrong := func(p *problem, why string) error {
		p.fields = []wire.FieldError{{Field: "basketId", Message: why}}
		p.message = "basketId: " + why
		return p
	}
	switch {
	case b == nil || b.customer() != customer:
		return nil, wrong(notFound(""), fmt.Sprintf("there is no basket %q of this customer", id))
	case b.change() != nil || b.status() == basketPending:
		return nil, wrong(invalidTransition(""), "the basket is being decided; try again")
	case b.status() != basketHeld:
		return nil, wrong(invalidTransition(""), fmt.Sprintf("the basket is %s and holds nothing; order without it", b.status()))
	}
	return b.current(), nil
}
