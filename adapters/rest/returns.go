package rest

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/ids"
	"github.com/orderplane/orderplane/internal/domain/number"
)

// RequestReturn asks to return what was shipped. The order is read live: which
// request comes next depends on how the last one ended.
func (h *handlers) RequestReturn(ctx context.Context, request wire.RequestReturnRequestObject) (wire.RequestReturnResponseObject, error) {
	items, err := returnedItems(request.Body.Items)
	if err != nil {
		return nil, err
	}
	wish := returnWish{reason: request.Body.Reason, items: items, onBehalfOf: onBehalfOf(ctx)}
	out, err := h.run(ctx, ask{
		orderID: request.OrderId, ifMatch: request.Params.IfMatch, key: request.Params.IdempotencyKey, live: true,
		says: []any{"return", wish.reason, wish.items}, command: wish.command,
	})
	if err != nil {
		return nil, err
	}
	if !out.decided {
		return wire.RequestReturn202JSONResponse{OrderPendingJSONResponse: pendingResponse(out)}, nil
	}
	return wire.RequestReturn200JSONResponse{OrderJSONResponse: doneResponse(out)}, nil
}

// returnWish is what a client wants to return.
type returnWish struct {
	reason     string
	items      []v1alpha1.ReturnItem
	onBehalfOf string
}

func (w returnWish) command(order *v1alpha1.Order, earlier string) command {
	id := earlier
	if id == "" {
		id = nextReturn(order)
	}
	return command{
		about: id,
		impossible: func(o *v1alpha1.Order) error {
			if o.Status.Phase == v1alpha1.OrderFulfilled {
				return nil
			}
			return invalidTransition(fmt.Sprintf("an order that is %s can't be returned; it must be FULFILLED", statusOf(o.Status.Phase)))
		},
		// null takes away what an earlier, rejected request left there.
		spec: map[string]any{"return": map[string]any{
			"requestID": id, "reason": w.reason, "items": w.items, "decision": nil,
			"onBehalfOf": w.onBehalfOf, "requestedBy": nil, "requestedAt": nil,
		}},
		asked: func(o *v1alpha1.Order) bool { return w.isAskedAs(id, o.Spec.Return) },
		done: func(o *v1alpha1.Order) bool {
			isSame := earlier != "" || w.isAskedAs(id, o.Spec.Return)
			state := returnState(o, id)
			wasAsked := state != "" && state != v1alpha1.ReturnRefused || happened(o, v1alpha1.HistoryReturnRequested, id)
			return isSame && wasAsked
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
	}
}

func (w returnWish) isAskedAs(id string, r *v1alpha1.Return) bool {
	return r != nil && r.RequestID == id && r.Reason == w.reason && equality.Semantic.DeepEqual(r.Items, w.items)
}

// ApproveReturn approves the return that was asked for.
func (h *handlers) ApproveReturn(ctx context.Context, request wire.ApproveReturnRequestObject) (wire.ApproveReturnResponseObject, error) {
	decision := v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove}
	if request.Body != nil {
		decision.Reason, decision.Restock = request.Body.Reason, request.Body.Restock
	}
	out, err := h.decide(ctx, decision, ask{orderID: request.OrderId, ifMatch: request.Params.IfMatch, key: request.Params.IdempotencyKey})
	if err != nil {
		return nil, err
	}
	if !out.decided {
		return wire.ApproveReturn202JSONResponse{OrderPendingJSONResponse: pendingResponse(out)}, nil
	}
	return wire.ApproveReturn200JSONResponse{OrderJSONResponse: doneResponse(out)}, nil
}

// RejectReturn rejects the return that was asked for.
func (h *handlers) RejectReturn(ctx context.Context, request wire.RejectReturnRequestObject) (wire.RejectReturnResponseObject, error) {
	decision := v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictReject, Reason: request.Body.Reason}
	out, err := h.decide(ctx, decision, ask{orderID: request.OrderId, ifMatch: request.Params.IfMatch, key: request.Params.IdempotencyKey})
	if err != nil {
		return nil, err
	}
	if !out.decided {
		return wire.RejectReturn202JSONResponse{OrderPendingJSONResponse: pendingResponse(out)}, nil
	}
	return wire.RejectReturn200JSONResponse{OrderJSONResponse: doneResponse(out)}, nil
}

// decide writes a decision about the return request that is open. The request is
// read live, and its id goes into the patch: the decision can't hit another.
func (h *handlers) decide(ctx context.Context, decision v1alpha1.ReturnDecision, a ask) (outcome, error) {
	if err := requireOps(ctx); err != nil {
		return outcome{}, err
	}
	decision.OnBehalfOf = onBehalfOf(ctx)
	a.live = true
	a.says = []any{decision.Verdict, decision.Reason, isRestocked(decision)}
	a.command = func(order *v1alpha1.Order, earlier string) command { return decisionCommand(decision, order, earlier) }
	return h.run(ctx, a)
}

func decisionCommand(decision v1alpha1.ReturnDecision, order *v1alpha1.Order, earlier string) command {
	request := earlier
	if request == "" && order.Spec.Return != nil {
		request = order.Spec.Return.RequestID
	}
	return command{
		about: request,
		impossible: func(o *v1alpha1.Order) error {
			if o.Status.Phase == v1alpha1.OrderReturnRequested && o.Spec.Return != nil {
				return nil
			}
			return invalidTransition(fmt.Sprintf("an order that is %s has no return to decide", statusOf(o.Status.Phase)))
		},
		spec: map[string]any{"return": map[string]any{"requestID": request, "decision": decision}},
		asked: func(o *v1alpha1.Order) bool {
			r := o.Spec.Return
			return r != nil && r.RequestID == request && r.Decision != nil && isSameDecision(*r.Decision, decision)
		},
		done: func(o *v1alpha1.Order) bool {
			agrees := earlier != "" || isSameDecision(decisionTaken(o), decision)
			return agrees && isDecided(o, request, decision.Verdict)
		},
		refused: never,
	}
}

// isDecided says whether a verdict about a return request has come to its end: an
// approval only when what came back is on the shelf.
func isDecided(o *v1alpha1.Order, request string, verdict v1alpha1.ReturnVerdict) bool {
	if verdict == v1alpha1.VerdictReject {
		return returnState(o, request) == v1alpha1.ReturnRejected || happened(o, v1alpha1.HistoryReturnRejected, request)
	}
	isApproved := returnState(o, request) == v1alpha1.ReturnApproved && o.Status.Phase != v1alpha1.OrderReturnRequested
	return isApproved || happened(o, v1alpha1.HistoryReturned, request)
}

// decisionTaken is the decision about the last return request: a person's, or that
// of the class, which approves and restocks.
func decisionTaken(o *v1alpha1.Order) v1alpha1.ReturnDecision {
	if r := o.Spec.Return; r != nil && r.Decision != nil {
		return *r.Decision
	}
	return v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove}
}

// isSameDecision compares what matters: whether goods go on the shelf, and what a
// customer was told. The note to an approval does not.
func isSameDecision(a, b v1alpha1.ReturnDecision) bool {
	if a.Verdict != b.Verdict {
		return false
	}
	if a.Verdict == v1alpha1.VerdictReject {
		return a.Reason == b.Reason
	}
	return isRestocked(a) == isRestocked(b)
}

func isRestocked(d v1alpha1.ReturnDecision) bool { return d.Restock == nil || *d.Restock }

// nextReturn is the id of the request to make now. While the last one is open it
// is that one's, so that asking twice asks once.
func nextReturn(order *v1alpha1.Order) string {
	last := order.Spec.Return
	if last == nil {
		return ids.Return(string(order.UID), "")
	}
	switch state := returnState(order, last.RequestID); {
	case state == "", state == v1alpha1.ReturnRequested:
		return last.RequestID
	case state == v1alpha1.ReturnApproved && order.Status.Phase != v1alpha1.OrderFulfilled:
		return last.RequestID
	default:
		return ids.Return(string(order.UID), last.RequestID)
	}
}

// happened says whether the history tells of something about a return request.
func happened(o *v1alpha1.Order, what v1alpha1.OrderHistoryType, requestID string) bool {
	return slices.ContainsFunc(o.Status.History, func(e v1alpha1.OrderHistoryEntry) bool {
		return e.Type == what && e.RequestID == requestID
	})
}

// returnState is what status says about a return request, empty when nothing yet.
func returnState(order *v1alpha1.Order, requestID string) v1alpha1.ReturnState {
	if r := order.Status.Return; r != nil && r.RequestID == requestID {
		return r.State
	}
	return ""
}

// returnedItems are the items of a request, nil for all that is left.
func returnedItems(asked []wire.ReturnItemRequest) ([]v1alpha1.ReturnItem, error) {
	var items []v1alpha1.ReturnItem
	for i, item := range asked {
		quantity, err := number.Whole(string(item.Quantity))
		if err != nil {
			return nil, invalidRequest(wire.FieldError{Field: fmt.Sprintf("items[%d].quantity", i), Message: err.Error()})
		}
		line, err := lineNumber(item.Line)
		if err != nil {
			return nil, invalidRequest(wire.FieldError{Field: fmt.Sprintf("items[%d].line", i), Message: err.Error()})
		}
		items = append(items, v1alpha1.ReturnItem{Line: line, ProductID: item.ProductId, Quantity: quantity})
	}
	return items, nil
}

// lineNumber is the number of a line exactly, nil when the request names none.
func lineNumber(literal wire.Number) (*int32, error) {
	if literal == "" {
		return nil, nil
	}
	n, err := number.Whole(string(literal))
	if err != nil {
		return nil, err
	}
	if n < 1 || n > maxLines {
		return nil, fmt.Errorf("%s is no line: they count from 1 to %d", literal, maxLines)
	}
	line := int32(n)
	return &line, nil
}

// maxLines is how many lines an order may have (the schema's limit).
const maxLines = 250
