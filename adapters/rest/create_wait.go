package rest

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/orderplane/orderplane/adapters/rest/internal/waiting"
	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// answerCreate answers a create, at once or, where the client prefers to wait, once its order is
// decided. An order that is not decided in time is answered as if nobody had waited. So is one
// of a gateway that drains.
func (h *handlers) answerCreate(ctx context.Context, prefer *string, order *v1alpha1.Order, replayed bool) (wire.CreateOrderResponseObject, error) {
	response := created(order, replayed)
	if prefer == nil {
		return response, nil
	}
	wait, asked := waiting.Preferred(*prefer)
	if !asked {
		return response, nil
	}
	decided := order
	if !isSettled(order) {
		giveBack, ok := h.waits.take(callFrom(ctx).who.Subject)
		if !ok {
			return response, nil // as if nobody had asked: a preference is no more than that
		}
		defer giveBack()
		decided = h.awaitDecision(ctx, order.Name, wait)
	}
	applied := waiting.Applied(wait)
	response.Headers.PreferenceApplied = &applied
	switch {
	case decided == nil || decided.UID != order.UID:
		return response, nil
	case decided.Status.ConfirmedAt == nil && decided.Status.CancelledReason == v1alpha1.CancelInsufficientStock:
		return nil, shortOrder(decided, response.Headers)
	default:
		response.Body = decidedView(decided)
		return response, nil
	}
}

// isWaiting says whether a create waits for its decision.
func isWaiting(prefer *string) bool {
	if prefer == nil {
		return false
	}
	_, asked := waiting.Preferred(*prefer)
	return asked
}

// awaitDecision waits until an order is decided and returns it; nil when it is not in time.
func (h *handlers) awaitDecision(ctx context.Context, name string, wait time.Duration) *v1alpha1.Order {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-h.draining:
			cancel()
		case <-over:
		}
	}()
	return h.cluster.awaitOrder(ctx, name, isSettled)
}

// isSettled says whether an order got its stock, or was cancelled before it did.
func isSettled(order *v1alpha1.Order) bool {
	return order.Status.ConfirmedAt != nil || order.Status.CancelledAt != nil
}

// decidedView shows an order as it was when it was decided: from what does not change after, so
// that a repeat that waits is told the same, however far the order has come since.
func decidedView(o *v1alpha1.Order) wire.Order {
	view, now := newOrderView(o), listView(o)
	if view.ConfirmedAt = now.ConfirmedAt; view.ConfirmedAt != nil {
		view.Status, view.UpdatedAt = wire.CONFIRMED, *view.ConfirmedAt
		return view
	}
	view.Status, view.UpdatedAt = wire.CANCELLED, *now.CancelledAt
	view.CancelledAt, view.CancelledReason = now.CancelledAt, now.CancelledReason
	return view
}

// shortOrder is the answer about an order that was cancelled for want of stock.
func shortOrder(order *v1alpha1.Order, headers wire.CreateOrder201ResponseHeaders) *problem {
	told := http.Header{}
	for name, value := range map[string]*string{
		"Location": headers.Location, "Preference-Applied": headers.PreferenceApplied, "Idempotent-Replayed": headers.IdempotentReplayed,
	} {
		if value != nil {
			told.Set(name, *value)
		}
	}
	return &problem{
		status: http.StatusUnprocessableEntity, code: codeInsufficientStock,
		message:   fmt.Sprintf("order %s was cancelled: %s", order.Name, journal.DescribeShortages(order.Status.Shortages)),
		shortages: shortages(order.Status.Shortages), header: told,
	}
}
