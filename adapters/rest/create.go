package rest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/ids"
	"github.com/orderplane/orderplane/internal/domain/money"
	"github.com/orderplane/orderplane/internal/domain/number"
)

// CreateOrder writes one object. It reads only when the order is there already; where orders
// are archived, it asks the archive first.
func (h *handlers) CreateOrder(ctx context.Context, request wire.CreateOrderRequestObject) (wire.CreateOrderResponseObject, error) {
	who := callFrom(ctx).who
	if customer := request.Body.CustomerId; customer != who.Subject && !who.IsOps() {
		return nil, forbidden("customerId must be the subject of your token; only the role ops orders for somebody else")
	}
	spec, err := orderSpec(request.Body)
	if err != nil {
		return nil, err
	}
	if basket := request.Body.BasketId; basket != "" {
		spec.ReservationRef = &v1alpha1.ReservationReference{Name: basket}
	}
	key := idempotencyKey(request.Params.IdempotencyKey)
	order, err := h.newOrder(ctx, spec, key)
	if err != nil {
		return nil, err
	}
	asked := h.archive.ask(ctx, order.Name)
	first := h.answers.Find(ctx, key, order.Name)
	if first != nil && first.Fingerprint != order.Annotations[v1alpha1.RequestFingerprintAnnotation] {
		first = nil // the order says so, too, if there is one
	}
	// One that waits is told the decision, which the first answer need not have been.
	waits := isWaiting(request.Params.Prefer)
	if first != nil && !waits && h.cluster.sees(ctx, order.Name, order.Annotations[v1alpha1.RequestFingerprintAnnotation]) {
		return firstAnswer{first}, nil
	}
	response, err := h.createOnce(ctx, request.Params.Prefer, order, asked)
	switch {
	case err == nil && first == nil && !waits:
		h.keepAnswer(ctx, key, order, response)
	case err != nil && first != nil && problemOf(err).status == http.StatusServiceUnavailable:
		return firstAnswer{first}, nil
	}
	return response, err
}

// createOnce creates an order, or answers for the one that is there under its id. The archive was
// asked for that.
func (h *handlers) createOnce(ctx context.Context, prefer *string, order *v1alpha1.Order, asked <-chan reply) (wire.CreateOrderResponseObject, error) {
	known := h.knownOrder(order, asked)
	if known != nil {
		return h.replay(ctx, prefer, order, known)
	}
	if order.Spec.ReservationRef != nil {
		again, err := h.fromBasket(ctx, order)
		if err != nil {
			return nil, err
		}
		if again {
			return h.replay(ctx, prefer, order, nil)
		}
	}
	err := h.cluster.create(ctx, order)
	switch {
	case err == nil:
		return h.answerCreate(ctx, prefer, order, false)
	case apierrors.IsAlreadyExists(err):
		return h.replay(ctx, prefer, order, nil)
	default:
		return nil, err
	}
}

// fromBasket names the reservation of the basket that an order is made of. It says
// whether the order is there already: its basket holds nothing any more then.
func (h *handlers) fromBasket(ctx context.Context, order *v1alpha1.Order) (again bool, err error) {
	switch err := h.cluster.read(ctx, order.Name, &v1alpha1.Order{}); {
	case err == nil:
		return true, nil
	case problemOf(err).code != codeNotFound:
		return false, err
	}
	held, err := h.heldFor(ctx, order.Spec.CustomerID, order.Spec.ReservationRef.Name)
	if err != nil {
		return false, err
	}
	// The spec is shared with nobody: the fingerprint was made of the id before.
	order.Spec.ReservationRef = &v1alpha1.ReservationReference{Name: held.Name}
	return false, nil
}

// replay answers a create whose order is there already, in the cluster or, as archived says, in
// the database. The cluster may have another of this id, which was made without asking and goes
// again: the order is the one of the database then.
func (h *handlers) replay(ctx context.Context, prefer *string, asked, archived *v1alpha1.Order) (wire.CreateOrderResponseObject, error) {
	order := &v1alpha1.Order{}
	err := h.cluster.readLive(ctx, asked.Name, order)
	switch {
	case archived != nil && (apierrors.IsNotFound(err) || err == nil && order.UID != archived.UID):
		order = archived
	case err != nil:
		return nil, err
	}
	if order.Annotations[v1alpha1.RequestFingerprintAnnotation] != asked.Annotations[v1alpha1.RequestFingerprintAnnotation] {
		return nil, &problem{
			status: http.StatusConflict, code: codeDuplicateOrder,
			message: "this Idempotency-Key made an order from another request; use a new key for a new order",
		}
	}
	return h.answerCreate(ctx, prefer, order, true)
}

func created(order *v1alpha1.Order, replayed bool) wire.CreateOrder201JSONResponse {
	location := "/api/orders/" + order.Name
	response := wire.CreateOrder201JSONResponse{
		Body:    newOrderView(order),
		Headers: wire.CreateOrder201ResponseHeaders{Location: &location},
	}
	if replayed {
		yes := "true"
		response.Headers.IdempotentReplayed = &yes
	}
	return response
}

// newOrder makes the object with everything it needs, so that no second write
// follows: finalizer, trace, and what its class says. The fingerprint is
// of the request alone: a class may change before the request comes again.
func (h *handlers) newOrder(ctx context.Context, spec v1alpha1.OrderSpec, key string) (*v1alpha1.Order, error) {
	fingerprint, err := fingerprintOf(spec)
	if err != nil {
		return nil, err
	}
	order := &v1alpha1.Order{Spec: spec}
	order.Namespace = h.cluster.namespace
	order.Name = ids.Order(h.cluster.namespace, spec.CustomerID, key)
	order.Finalizers = []string{v1alpha1.OrderFinalizer}
	order.Annotations = callFrom(ctx).trace.Annotations()
	order.Annotations[v1alpha1.RequestFingerprintAnnotation] = fingerprint
	v1alpha1.MarkCreated(order, h.now())
	if completed, err := h.cluster.complete(ctx, order); err != nil || !completed {
		return order, err
	}
	return order, inCurrency(order)
}

// inCurrency writes the prices of an order with at least the decimals of the currency
// that its class gave it, and refuses those that have more than it allows.
func inCurrency(order *v1alpha1.Order) error {
	var wrong []wire.FieldError
	for i := range order.Spec.Items {
		item := &order.Spec.Items[i]
		unitPrice, err := money.PriceOf(item.UnitPrice, string(order.Spec.Currency))
		if err != nil {
			wrong = append(wrong, wire.FieldError{Field: fmt.Sprintf("items[%d].unitPrice", i), Message: err.Error()})
		}
		item.UnitPrice = unitPrice
	}
	if len(wrong) > 0 {
		return invalidRequest(wrong...)
	}
	return nil
}

// idempotencyKey takes the quotes off a key and brings it into one spelling.
func idempotencyKey(header string) string {
	return strings.ToLower(strings.Trim(header, `"`))
}

// fingerprintOf hashes what was asked for. Blanks, the order of members and
// 19.9 for 19.90 make no difference.
func fingerprintOf(spec v1alpha1.OrderSpec) (string, error) {
	canonical, err := json.Marshal(spec)
	if err != nil {
		return "", fmt.Errorf("fingerprint the request: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:16]), nil
}

// orderSpec makes an order of a request whose shape has been checked. What is
// left to check is what the validator, which computes in floating point, can't.
func orderSpec(body *wire.CreateOrderRequest) (v1alpha1.OrderSpec, error) {
	spec := v1alpha1.OrderSpec{
		CustomerID:      body.CustomerId,
		Currency:        v1alpha1.Currency(body.Currency),
		ShippingAddress: v1alpha1.Address(body.ShippingAddress),
		Items:           make([]v1alpha1.OrderItem, len(body.Items)),
	}
	if c := body.Contact; c != nil {
		spec.Contact = &v1alpha1.Contact{Email: c.Email, Phone: c.Phone, Language: c.Language}
	}
	var wrong []wire.FieldError
	for i, item := range body.Items {
		quantity, err := number.Whole(string(item.Quantity))
		if err != nil {
			wrong = append(wrong, wire.FieldError{Field: fmt.Sprintf("items[%d].quantity", i), Message: err.Error()})
		}
		unitPrice, err := money.PriceOf(string(item.UnitPrice), string(body.Currency))
		if err != nil {
			wrong = append(wrong, wire.FieldError{Field: fmt.Sprintf("items[%d].unitPrice", i), Message: err.Error()})
		}
		spec.Items[i] = v1alpha1.OrderItem{ProductID: item.ProductId, Quantity: quantity, UnitPrice: unitPrice}
	}
	if len(wrong) > 0 {
		return v1alpha1.OrderSpec{}, invalidRequest(wrong...)
	}
	return spec, nil
}
