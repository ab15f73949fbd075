package rest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/api/v1alpha1"
)

// impatient makes commands that nobody answers end soon.
func impatient(c *rest.Config) { c.CommandWait = 50 * time.Millisecond }

func cancelAsked(o *v1alpha1.Order) bool { return o.Spec.Cancellation != nil }

func fulfillAsked(o *v1alpha1.Order) bool { return o.Spec.Fulfillment != nil }

// refuse plays a controller that refuses the intent.
func refuse(reason, message string) func(*v1alpha1.Order) {
	return func(o *v1alpha1.Order) {
		meta.SetStatusCondition(&o.Status.Conditions, metav1.Condition{
			Type: v1alpha1.OrderConditionIntentRefused, Status: metav1.ConditionTrue, Reason: reason, Message: message,
		})
	}
}

func TestCancelWritesTheIntentAndWaitsForItsEnd(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	for name, tc := range map[string]struct {
		body       string
		wantReason string
	}{
		"no body":        {"", "CUSTOMER_REQUEST"},
		"empty body":     {"{}", "CUSTOMER_REQUEST"},
		"payment failed": {`{"reason":"PAYMENT_FAILED"}`, "PAYMENT_FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			id := g.create("cust-1")
			g.controller(id, cancelAsked, phase(v1alpha1.OrderCancelled))
			a := g.do(request{method: http.MethodDelete, path: "/api/orders/" + id, token: g.token("cust-1"), body: tc.body})
			if a.status != http.StatusOK || a.text("status") != "CANCELLED" || a.text("cancelledReason") != tc.wantReason {
				t.Fatalf("answer = %d %s", a.status, a.raw)
			}
			if by := g.order(id).Spec.Cancellation.OnBehalfOf; by != "cust-1" {
				t.Errorf("onBehalfOf = %q", by)
			}
		})
	}
	a := g.do(request{
		method: http.MethodDelete, path: "/api/orders/" + g.create("cust-1"), token: g.token("cust-1"), body: `{"reason":"SLA_TIMEOUT"}`,
	})
	a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
	if got := a.text("error.fieldErrors.0.field"); got != "reason" {
		t.Errorf("field = %q", got)
	}
}

func TestACommandNobodyAnswersIsAccepted(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	id := g.create("cust-1")
	for range 2 { // asking again while it is open is the same command
		a := g.do(request{method: http.MethodDelete, path: "/api/orders/" + id, token: g.token("cust-1")})
		if a.status != http.StatusAccepted || a.text("status") != "PENDING" || a.text("pendingCommand") != "CANCEL" {
			t.Errorf("answer = %d %s", a.status, a.raw)
		}
	}
}

func TestARefusedCommandIsAnInvalidTransition(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.create("cust-1")
	g.setStatus(id, phase(v1alpha1.OrderConfirmed))
	g.controller(id, cancelAsked, refuse("TooLate", "the parcel is on its way"))
	a := g.do(request{method: http.MethodDelete, path: "/api/orders/" + id, token: g.token("cust-1")})
	a.wants(t, http.StatusConflict, "INVALID_TRANSITION")
	if got := a.text("error.message"); got != "the parcel is on its way" {
		t.Errorf("message = %q", got)
	}
}

func TestFulfillNeedsAConfirmedOrder(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.create("cust-1")
	r := request{
		method: http.MethodPost, path: "/api/orders/" + id + "/fulfill", token: g.ops(),
		body: `{"carrier":"UPS","trackingNumber":"1Z"}`,
	}
	a := g.do(r)
	a.wants(t, http.StatusConflict, "INVALID_TRANSITION")
	if got := a.text("error.message"); !strings.HasPrefix(got, "only a Confirmed order") {
		t.Errorf("the API server's words come through as %q", got)
	}
	g.setStatus(id, phase(v1alpha1.OrderConfirmed))
	g.controller(id, fulfillAsked, phase(v1alpha1.OrderFulfilled))
	a = g.do(r)
	if a.status != http.StatusOK || a.text("status") != "FULFILLED" || a.text("carrier") != "UPS" || a.text("trackingNumber") != "1Z" {
		t.Fatalf("answer = %d %s", a.status, a.raw)
	}
	g.do(request{method: http.MethodDelete, path: "/api/orders/" + id, token: g.token("cust-1")}).
		wants(t, http.StatusConflict, "INVALID_TRANSITION")
}

func TestIfMatchGuardsACommand(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.create("cust-1")
	old := g.do(request{path: "/api/orders/" + id, token: g.token("cust-1")}).header.Get("ETag")
	g.setStatus(id, phase(v1alpha1.OrderConfirmed))
	cancel := request{method: http.MethodDelete, path: "/api/orders/" + id, token: g.token("cust-1"), header: []string{"If-Match", old}}
	g.do(cancel).wants(t, http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	if g.order(id).Spec.Cancellation != nil {
		t.Error("the order was changed all the same")
	}
	var etag string
	g.eventually("the new state is read", func() bool {
		a := g.do(request{path: "/api/orders/" + id, token: g.token("cust-1")})
		etag = a.header.Get("ETag")
		return a.text("status") == "CONFIRMED"
	})
	g.controller(id, cancelAsked, phase(v1alpha1.OrderCancelled))
	cancel.header[1] = etag
	if a := g.do(cancel); a.status != http.StatusOK {
		t.Errorf("answer = %d %s", a.status, a.raw)
	}
}

// answerReturn plays a controller that answers the open return request.
func answerReturn(p v1alpha1.OrderPhase, state v1alpha1.ReturnState, message string) func(*v1alpha1.Order) {
	return func(o *v1alpha1.Order) {
		now := metav1.Now()
		o.Status.Phase = p
		o.Status.ReturnRequestedAt = &now
		o.Status.Return = &v1alpha1.OrderReturnStatus{
			RequestID: o.Spec.Return.RequestID, State: state, Reason: o.Spec.Return.Reason, Message: message,
			Items:       []v1alpha1.ReturnItem{{ProductID: "prod-001", Quantity: 2}, {ProductID: "prod-002", Quantity: 1}},
			RequestedAt: &now, RefundAmount: "59.97",
		}
		if state == v1alpha1.ReturnApproved {
			o.Status.ReturnedAt, o.Status.RefundAmount = &now, "59.97"
		}
	}
}

func returnAsked(reason string) func(*v1alpha1.Order) bool {
	return func(o *v1alpha1.Order) bool {
		return o.Spec.Return != nil && o.Spec.Return.Reason == reason && o.Spec.Return.Decision == nil
	}
}

func decided(o *v1alpha1.Order) bool { return o.Spec.Return != nil && o.Spec.Return.Decision != nil }

func TestAReturnIsRejectedAskedAgainAndApproved(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.create("cust-1")
	path := "/api/orders/" + id + "/return"
	customer := g.token("cust-1")
	ask := func(reason string) answer {
		return g.do(request{method: http.MethodPost, path: path, token: customer, body: `{"reason":"` + reason + `"}`})
	}
	ask("too small").wants(t, http.StatusConflict, "INVALID_TRANSITION")
	g.do(request{path: path, token: customer}).wants(t, http.StatusNotFound, "NOT_FOUND")
	g.setStatus(id, phase(v1alpha1.OrderFulfilled))

	g.controller(id, returnAsked("too small"), answerReturn(v1alpha1.OrderReturnRequested, v1alpha1.ReturnRequested, ""))
	if a := ask("too small"); a.status != http.StatusOK || a.text("status") != "RETURN_REQUESTED" || a.text("returnReason") != "too small" {
		t.Fatalf("request = %d %s", a.status, a.raw)
	}
	ask("too large").wants(t, http.StatusConflict, "INVALID_TRANSITION")
	state := g.do(request{path: path, token: customer})
	if state.text("status") != "REQUESTED" || state.text("refundAmount") != "59.97" || state.text("items.0.productId") != "prod-001" {
		t.Errorf("state = %d %s", state.status, state.raw)
	}

	g.do(request{method: http.MethodPut, path: path + "/reject", token: g.ops(), body: `{"reason":""}`}).
		wants(t, http.StatusBadRequest, "INVALID_REQUEST")
	g.controller(id, decided, answerReturn(v1alpha1.OrderFulfilled, v1alpha1.ReturnRejected, "worn"))
	if a := g.do(request{method: http.MethodPut, path: path + "/reject", token: g.ops(), body: `{"reason":"worn"}`}); a.status != http.StatusOK || a.text("status") != "FULFILLED" {
		t.Fatalf("reject = %d %s", a.status, a.raw)
	}
	if state := g.do(request{path: path, token: customer}); state.text("status") != "REJECTED" || state.text("message") != "worn" {
		t.Errorf("state = %d %s", state.status, state.raw)
	}

	rejected := g.order(id).Spec.Return.RequestID
	g.controller(id, returnAsked("not worn"), answerReturn(v1alpha1.OrderReturnRequested, v1alpha1.ReturnRequested, ""))
	if a := ask("not worn"); a.status != http.StatusOK || a.text("status") != "RETURN_REQUESTED" {
		t.Fatalf("second request = %d %s", a.status, a.raw)
	}
	if again := g.order(id).Spec.Return; again.RequestID == rejected || again.Decision != nil {
		t.Errorf("the second request is %+v, the first was %s", again, rejected)
	}
	g.controller(id, decided, answerReturn(v1alpha1.OrderReturned, v1alpha1.ReturnApproved, ""))
	a := g.do(request{method: http.MethodPut, path: path + "/approve", token: g.ops(), body: `{"restock":false}`})
	if a.status != http.StatusOK || a.text("status") != "RETURNED" || a.text("refundAmount") != "59.97" {
		t.Fatalf("approve = %d %s", a.status, a.raw)
	}
	if d := g.order(id).Spec.Return.Decision; d.Restock == nil || *d.Restock || d.OnBehalfOf != "ops-1" {
		t.Errorf("decision = %+v", d)
	}
}

func TestAReturnOutsideTheWindowIsRefused(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.create("cust-1")
	g.setStatus(id, phase(v1alpha1.OrderFulfilled))
	g.controller(id, returnAsked("late"), answerReturn(v1alpha1.OrderFulfilled, v1alpha1.ReturnRefused, "the return window is over"))
	a := g.do(request{method: http.MethodPost, path: "/api/orders/" + id + "/return", token: g.token("cust-1"), body: `{"reason":"late"}`})
	a.wants(t, http.StatusConflict, "INVALID_TRANSITION")
	if got := a.text("error.message"); got != "the return window is over" {
		t.Errorf("message = %q", got)
	}
}
