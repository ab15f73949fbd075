package rest

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
)

// command is an intent to write into an order's spec, and how to tell from
// status that it was answered.
//
// The intent is a merge patch without a resourceVersion, unless If-Match asks for
// one: the CEL rules of Order compare it with what is stored at that moment, which
// fences it better than a version from a cache could, and spares the conflicts
// with status writes. The uid in the patch pins the order whose owner was checked.
type command struct {
	// verb for messages: "cancelled".
	verb string
	// allowed are the phases that an order must be in; used before writing, on
	// phases that can't be stale.
	allowed []v1alpha1.OrderPhase
	// spec is the merge patch of spec.
	spec map[string]any
	// done says whether status shows that the command was carried out.
	done func(*v1alpha1.Order) bool
	// refused says whether status shows that it was refused, and why.
	refused func(*v1alpha1.Order) (reason string, refused bool)
}

// outcome is an order after a command.
type outcome struct {
	order *v1alpha1.Order
	// decided is false when the wait was over before status answered.
	decided bool
}

// run writes a command into an order and waits for its answer.
func (h *handlers) run(ctx context.Context, order *v1alpha1.Order, ifMatch *string, c command) (outcome, error) {
	order, err := h.ofVersion(ctx, order, ifMatch)
	if err != nil {
		return outcome{}, err
	}
	if isFinal(order.Status.Phase) || c.isLate(order.Status.Phase) {
		return outcome{}, invalidTransition(fmt.Sprintf("an order that is %s can't be %s", statusOf(order.Status.Phase), c.verb))
	}
	patch, err := mergePatch(order, isFenced(ifMatch), c.spec)
	if err != nil {
		return outcome{}, err
	}
	written, err := h.cluster.patch(ctx, order.Name, patch)
	switch {
	case apierrors.IsNotFound(err):
		return outcome{}, noSuchOrder(order.Name)
	case apierrors.IsConflict(err) && !isFenced(ifMatch):
		return outcome{}, h.conflict(ctx, order, err)
	case err != nil:
		return outcome{}, err
	}
	return h.await(ctx, order, written, c)
}

// conflict says why a patch that names no version met another: the order was
// deleted and made again, or is written too often for the API server to merge.
func (h *handlers) conflict(ctx context.Context, order *v1alpha1.Order, cause error) error {
	live, err := h.order(ctx, order.Name, h.cluster.readLive)
	switch {
	case err != nil:
		return err
	case live.UID != order.UID:
		return noSuchOrder(order.Name)
	default:
		return unavailable(0, cause)
	}
}

// await waits until status answers the command. before is the order as it was
// read, written as the write left it.
func (h *handlers) await(ctx context.Context, before, written *v1alpha1.Order, c command) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, h.wait)
	defer cancel()
	refusedBefore := refusal(before)
	var why string
	answered := func(order *v1alpha1.Order) bool {
		if order.UID != written.UID || order.Generation < written.Generation {
			return false
		}
		if c.done(order) {
			return true
		}
		why = refusedSince(order, written.Generation, refusedBefore)
		if reason, refused := c.refused(order); refused {
			why = reason
		}
		return why != ""
	}
	order := written
	if !answered(written) {
		order = h.cluster.awaitOrder(ctx, written.Name, answered)
	}
	switch {
	case order == nil:
		return outcome{order: written}, nil
	case c.done(order):
		return outcome{order: order, decided: true}, nil
	default:
		return outcome{}, invalidTransition(why)
	}
}

// isLate says whether a phase can't come back to one that allows the command, so
// that even a stale phase is reason enough to refuse.
func (c command) isLate(phase v1alpha1.OrderPhase) bool {
	rank := map[v1alpha1.OrderPhase]int{
		v1alpha1.OrderPending: 0, v1alpha1.OrderConfirmed: 1, v1alpha1.OrderFulfilled: 2, v1alpha1.OrderReturnRequested: 3,
	}
	for _, allowed := range c.allowed {
		if rank[phase] <= rank[allowed] {
			return false
		}
	}
	return true
}

func isFinal(phase v1alpha1.OrderPhase) bool {
	return phase == v1alpha1.OrderCancelled || phase == v1alpha1.OrderReturned
}

// refusedSince returns why the order controller refused an intent, unless it is
// an older refusal that still stands.
func refusedSince(order *v1alpha1.Order, generation int64, before *metav1.Condition) string {
	now := refusal(order)
	if now == nil || order.Status.ObservedGeneration < generation {
		return ""
	}
	if before != nil && before.Reason == now.Reason && before.Message == now.Message {
		return ""
	}
	return now.Message
}

func mergePatch(order *v1alpha1.Order, fenced bool, spec map[string]any) (client.Patch, error) {
	metadata := map[string]any{"uid": order.UID}
	if fenced {
		metadata["resourceVersion"] = order.ResourceVersion
	}
	body, err := json.Marshal(map[string]any{"metadata": metadata, "spec": spec})
	if err != nil {
		return nil, fmt.Errorf("write the patch of order %s: %w", order.Name, err)
	}
	return client.RawPatch(types.MergePatchType, body), nil
}

// onBehalfOf is who the gateway acts for, as the intent keeps it.
func onBehalfOf(ctx context.Context) string { return callFrom(ctx).who.Subject }

func requireOps(ctx context.Context) error {
	if !callFrom(ctx).who.IsOps() {
		return forbidden("this needs the role ops")
	}
	return nil
}

func never(*v1alpha1.Order) (string, bool) { return "", false }

// CancelOrder cancels an order that is not shipped.
func (h *handlers) CancelOrder(ctx context.Context, request wire.CancelOrderRequestObject) (wire.CancelOrderResponseObject, error) {
	order, err := h.order(ctx, request.OrderId, h.cluster.read)
	if err != nil {
		return nil, err
	}
	reason := v1alpha1.CancelCustomerRequest
	if request.Body != nil && request.Body.Reason != nil {
		reason = v1alpha1.CancelReason(*request.Body.Reason)
	}
	out, err := h.run(ctx, order, request.Params.IfMatch, command{
		verb:    "cancelled",
		allowed: []v1alpha1.OrderPhase{v1alpha1.OrderPending, v1alpha1.OrderConfirmed},
		spec: map[string]any{"cancellation": v1alpha1.Cancellation{
			Reason: reason, Requester: v1alpha1.Requester{OnBehalfOf: onBehalfOf(ctx)},
		}},
		done:    func(o *v1alpha1.Order) bool { return o.Status.Phase == v1alpha1.OrderCancelled },
		refused: never,
	})
	if err != nil {
		return nil, err
	}
	if !out.decided {
		return wire.CancelOrder202JSONResponse{OrderPendingJSONResponse: pendingResponse(out.order)}, nil
	}
	return wire.CancelOrder200JSONResponse{OrderJSONResponse: orderResponse(out.order)}, nil
}

// FulfillOrder says that an order was shipped.
func (h *handlers) FulfillOrder(ctx context.Context, request wire.FulfillOrderRequestObject) (wire.FulfillOrderResponseObject, error) {
	if err := requireOps(ctx); err != nil {
		return nil, err
	}
	order, err := h.order(ctx, request.OrderId, h.cluster.read)
	if err != nil {
		return nil, err
	}
	intent := v1alpha1.Fulfillment{Requester: v1alpha1.Requester{OnBehalfOf: onBehalfOf(ctx)}}
	if request.Body != nil {
		intent.Carrier, intent.TrackingNumber = request.Body.Carrier, request.Body.TrackingNumber
	}
	out, err := h.run(ctx, order, request.Params.IfMatch, command{
		verb:    "fulfilled",
		allowed: []v1alpha1.OrderPhase{v1alpha1.OrderPending, v1alpha1.OrderConfirmed},
		spec:    map[string]any{"fulfillment": intent},
		done:    func(o *v1alpha1.Order) bool { return o.Status.FulfilledAt != nil },
		refused: never,
	})
	if err != nil {
		return nil, err
	}
	if !out.decided {
		return wire.FulfillOrder202JSONResponse{OrderPendingJSONResponse: pendingResponse(out.order)}, nil
	}
	return wire.FulfillOrder200JSONResponse{OrderJSONResponse: orderResponse(out.order)}, nil
}

func pendingResponse(order *v1alpha1.Order) wire.OrderPendingJSONResponse {
	return wire.OrderPendingJSONResponse{
		Body: orderView(order), Headers: wire.OrderPendingResponseHeaders{ETag: etag(order)},
	}
}
