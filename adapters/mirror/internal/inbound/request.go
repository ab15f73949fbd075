package inbound

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/trace"
	"github.com/orderplane/orderplane/internal/strictjson"
)

// request is what a record asks for.
type request struct {
	orderID string
	reason  v1alpha1.CancelReason
	// traceID is empty where the record has none that a request may have.
	traceID string
}

// reasons that an order may be cancelled for.
func reasons() []v1alpha1.CancelReason {
	return []v1alpha1.CancelReason{
		v1alpha1.CancelCustomerRequest, v1alpha1.CancelPaymentFailed, v1alpha1.CancelInsufficientStock, v1alpha1.CancelSLATimeout,
	}
}

// parse reads the value of a record: the contract's envelope with an order and a reason.
// Of the envelope the payload alone has to be there; what others add is not looked at.
func parse(value []byte) (request, error) {
	if err := strictjson.CheckFolded(value); err != nil {
		return request{}, fmt.Errorf("the value is no JSON that can be read in one way only: %w", err)
	}
	var envelope event.Envelope[*event.CancelRequest]
	if err := json.Unmarshal(value, &envelope); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return request{}, fmt.Errorf("%s must not be a %s", wrong.Field, wrong.Value)
		}
		return request{}, fmt.Errorf("the value must be an object {eventType, eventVersion, payload: {orderId, reason}}: %w", err)
	}
	asked := envelope.Payload
	switch {
	case envelope.EventType != "" && envelope.EventType != event.OrderCancelRequested:
		return request{}, fmt.Errorf("eventType is %q and must be %s on this topic", envelope.EventType, event.OrderCancelRequested)
	case envelope.EventVersion != 0 && envelope.EventVersion != event.Version:
		return request{}, fmt.Errorf("eventVersion is %d; this version of Orderplane reads %d", envelope.EventVersion, event.Version)
	case asked == nil:
		return request{}, errors.New("payload is missing: it has orderId and reason")
	case asked.OrderID == "":
		return request{}, errors.New("payload.orderId is missing")
	}
	if wrong := validation.IsDNS1123Subdomain(asked.OrderID); len(wrong) > 0 {
		return request{}, fmt.Errorf("payload.orderId %q is the id of no order: %s", asked.OrderID, strings.Join(wrong, "; "))
	}
	if !slices.Contains(reasons(), asked.Reason) {
		return request{}, fmt.Errorf("payload.reason is %q and must be one of %s", asked.Reason, reasons())
	}
	return request{orderID: asked.OrderID, reason: asked.Reason, traceID: traceOf(envelope.TraceID)}, nil
}

// traceOf is the trace id of a record, if log lines may repeat it.
func traceOf(said string) string {
	if !trace.IsID(said) {
		return ""
	}
	return said
}
