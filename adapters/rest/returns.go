package rest

import (
	"context"
	"fmt"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/ids"
)

// RequestReturn asks to return what was shipped. The order is read live: which
// request comes next depends on how the last one ended.
func (h *handlers) RequestReturn(ctx context.Context, request wire.RequestReturnRequestObject) (wire.RequestReturnResponseObject, error) {
	order, err := h.order(ctx, request.OrderId, h.cluster.readLive)
	if err != nil {
		return nil, err
	}
	if order.Status.Phase != v1alpha1.OrderFulfilled {
		return nil, invalidTransition(fmt.Sprintf("an order that is %s can't be returned; it must be FULFILLED", statusOf(order.Status.Phase)))
	}
	items, err := returnedItems(request.Body.Items)
	if err != nil {
		return nil, err
	}
	id := nextReturn(order)
	out, err := h.run(ctx, order, request.Params.IfMatch, command{
		verb:    "returned",
		allowed: []v1alpha1.OrderPhase{v1alpha1.OrderFulfilled},
		// null takes away what an earlier, rejected request left there.
		spec: map[string]any{"return": map[string]any{
			"requestID": id, "reason": request.Body.Reason, "items": items, "decision": nil,
			"onBehalfOf": onBehalfOf(ctx), "requestedBy": nil,
		}},
		done: func(o *v1alpha1.Order) bool {
			state := returnState(o, id)
			return state == v1alpha1.ReturnRequested || state == v1alpha1.ReturnApproved || state == v1alpha1.ReturnRejected
		},
		refused: func(o *v1alpha1.Order) (string, bool) {
			if returnState(o, id) != v1alpha1.ReturnRefused {
				return "", false
			}
			if o.Status.Return.Message == "" {
				return "the return was refused", true
			}
			return o.Status.Return.Message, true
		},
	})
	if err != nil {
		return nil, err
	}
	if !out.decided {
		return wire.RequestReturn202JSONResponse{OrderPendingJSONResponse: pendingResponse(out.order)}, nil
	}
	return wire.RequestReturn200JSONResponse{OrderJSONResponse: orderResponse(out.order)}, nil
}

// ApproveReturn approves the return that was asked for.
func (h *handlers) ApproveReturn(ctx context.Context, request wire.ApproveReturnRequestObject) (wire.ApproveReturnResponseObject, error) {
	decision := v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove}
	if request.Body != nil {
		decision.Reason, decision.Restock = request.Body.Reason, request.Body.Restock
	}
	out, err := h.decide(ctx, request.OrderId, request.Params.IfMatch, decision)
	if err != nil {
		return nil, err
	}
	if !out.decided {
		return wire.ApproveReturn202JSONResponse{OrderPendingJSONResponse: pendingResponse(out.order)}, nil
	}
	return wire.ApproveReturn200JSONResponse{OrderJSONResponse: orderResponse(out.order)}, nil
}

// RejectReturn rejects the return that was asked for.
func (h *handlers) RejectReturn(ctx context.Context, request wire.RejectReturnRequestObject) (wire.RejectReturnResponseObject, error) {
	decision := v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictReject, Reason: request.Body.Reason}
	out, err := h.decide(ctx, request.OrderId, request.Params.IfMatch, decision)
	if err != nil {
		return nil, err
	}
	if !out.decided {
		return wire.RejectReturn202JSONResponse{OrderPendingJSONResponse: pendingResponse(out.order)}, nil
	}
	return wire.RejectReturn200JSONResponse{OrderJSONResponse: orderResponse(out.order)}, nil
}

// decide writes a decision about the return request that is open. The request is
// read live, and its id goes into the patch: the decision can't hit another.
func (h *handlers) decide(ctx context.Context, id string, ifMatch *string, decision v1alpha1.ReturnDecision) (outcome, error) {
	if err := requireOps(ctx); err != nil {
		return outcome{}, err
	}
	order, err := h.order(ctx, id, h.cluster.readLive)
	if err != nil {
		return outcome{}, err
	}
	if order.Status.Phase != v1alpha1.OrderReturnRequested || order.Spec.Return == nil {
		return outcome{}, invalidTransition(fmt.Sprintf("an order that is %s has no return to decide", statusOf(order.Status.Phase)))
	}
	decision.OnBehalfOf = onBehalfOf(ctx)
	request := order.Spec.Return.RequestID
	// An approval has come to its end only when what came back is on the shelf.
	done := func(o *v1alpha1.Order) bool { return o.Status.Phase == v1alpha1.OrderReturned }
	if decision.Verdict == v1alpha1.VerdictReject {
		done = func(o *v1alpha1.Order) bool { return returnState(o, request) == v1alpha1.ReturnRejected }
	}
	return h.run(ctx, order, ifMatch, command{
		verb:    "decided",
		allowed: []v1alpha1.OrderPhase{v1alpha1.OrderReturnRequested},
		spec:    map[string]any{"return": map[string]any{"requestID": request, "decision": decision}},
		done:    done,
		refused: never,
	})
}

// nextReturn is the id of the request to make now. While the last one is not
// answered it is that one's, so that asking twice asks once.
func nextReturn(order *v1alpha1.Order) string {
	last := order.Spec.Return
	if last == nil {
		return ids.Return(string(order.UID), "")
	}
	if returnState(order, last.RequestID) == "" {
		return last.RequestID
	}
	return ids.Return(string(order.UID), last.RequestID)
}

// returnState is what status says about a return request, empty when nothing yet.
func returnState(order *v1alpha1.Order, requestID string) v1alpha1.ReturnState {
	if r := order.Status.Return; r != nil && r.RequestID == requestID {
		return r.State
	}
	return ""
}

// returnedItems are the items of a request, nil for the whole order.
func returnedItems(asked []wire.ReturnItemRequest) ([]v1alpha1.ReturnItem, error) {
	var items []v1alpha1.ReturnItem
	for i, item := range asked {
		quantity, err := units(item.Quantity)
		if err != nil {
			return nil, invalidRequest(wire.FieldError{Field: fmt.Sprintf("items[%d].quantity", i), Message: err.Error()})
		}
		items = append(items, v1alpha1.ReturnItem{ProductID: item.ProductId, Quantity: quantity})
	}
	return items, nil
}
