package rest

import (
	"context"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
)

// onBehalfOf is who the gateway acts for, as the intent keeps it.
func onBehalfOf(ctx context.Context) string { return callFrom(ctx).who.Subject }

func requireOps(ctx context.Context) error {
	if !callFrom(ctx).who.IsOps() {
		return forbidden("this needs the role ops")
	}
	return nil
}

// requireSight is for what belongs to nobody in particular.
func requireSight(ctx context.Context) error {
	if !callFrom(ctx).who.SeesAll() {
		return forbidden("this needs the role ops or viewer")
	}
	return nil
}

func never(*v1alpha1.Order) (string, bool) { return "", false }

// CancelOrder cancels an order that is not shipped. An order that is cancelled is
// as the client wants it, whoever cancelled it and why.
func (h *handlers) CancelOrder(ctx context.Context, request wire.CancelOrderRequestObject) (wire.CancelOrderResponseObject, error) {
	reason := v1alpha1.CancelCustomerRequest
	if request.Body != nil && request.Body.Reason != nil {
		reason = v1alpha1.CancelReason(*request.Body.Reason)
	}
	intent := v1alpha1.Cancellation{Reason: reason, Requester: v1alpha1.Requester{OnBehalfOf: onBehalfOf(ctx)}}
	cancel := command{
		impossible: tooLate("cancelled", v1alpha1.OrderConfirmed),
		spec:       map[string]any{"cancellation": intent},
		asked: func(o *v1alpha1.Order) bool {
			return o.Spec.Cancellation != nil && o.Spec.Cancellation.Reason == reason
		},
		done:    func(o *v1alpha1.Order) bool { return o.Status.Phase == v1alpha1.OrderCancelled },
		refused: never,
	}
	out, err := h.run(ctx, ask{
		orderID: request.OrderId, ifMatch: request.Params.IfMatch, key: request.Params.IdempotencyKey,
		says:    []any{"cancel", reason},
		command: func(*v1alpha1.Order, string) command { return cancel },
	})
	if err != nil {
		return nil, err
	}
	if !out.decided {
		return wire.CancelOrder202JSONResponse{OrderPendingJSONResponse: pendingResponse(out)}, nil
	}
	return wire.CancelOrder200JSONResponse{OrderJSONResponse: doneResponse(out)}, nil
}

// FulfillOrder says that an order was shipped.
func (h *handlers) FulfillOrder(ctx context.Context, request wire.FulfillOrderRequestObject) (wire.FulfillOrderResponseObject, error) {
	if err := requireOps(ctx); err != nil {
		return nil, err
	}
	intent := v1alpha1.Fulfillment{Requester: v1alpha1.Requester{OnBehalfOf: onBehalfOf(ctx)}}
	if request.Body != nil {
		intent.Carrier, intent.TrackingNumber = request.Body.Carrier, request.Body.TrackingNumber
	}
	asked := func(o *v1alpha1.Order) bool {
		f := o.Spec.Fulfillment
		return f != nil && f.Carrier == intent.Carrier && f.TrackingNumber == intent.TrackingNumber
	}
	fulfill := command{
		impossible: tooLate("fulfilled", v1alpha1.OrderConfirmed),
		spec:       map[string]any{"fulfillment": intent},
		asked:      asked,
		done:       func(o *v1alpha1.Order) bool { return o.Status.FulfilledAt != nil && asked(o) },
		refused:    never,
	}
	out, err := h.run(ctx, ask{
		orderID: request.OrderId, ifMatch: request.Params.IfMatch, key: request.Params.IdempotencyKey,
		says:    []any{"fulfill", intent.Carrier, intent.TrackingNumber},
		command: func(*v1alpha1.Order, string) command { return fulfill },
	})
	if err != nil {
		return nil, err
	}
	if !out.decided {
		return wire.FulfillOrder202JSONResponse{OrderPendingJSONResponse: pendingResponse(out)}, nil
	}
	return wire.FulfillOrder200JSONResponse{OrderJSONResponse: doneResponse(out)}, nil
}

func pendingResponse(out outcome) wire.OrderPendingJSONResponse {
	return wire.OrderPendingJSONResponse{
		Body:    orderView(out.order),
		Headers: wire.OrderPendingResponseHeaders{ETag: etag(out.order), IdempotentReplayed: out.replayed()},
	}
}

func doneResponse(out outcome) wire.OrderJSONResponse {
	return wire.OrderJSONResponse{
		Body:    orderView(out.order),
		Headers: wire.OrderResponseHeaders{ETag: etag(out.order), IdempotentReplayed: out.replayed()},
	}
}
