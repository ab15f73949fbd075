package rest_test

import (
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestAReturnNamesItsLines(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.create("cust-1")
	path := "/api/orders/" + id + "/return"
	ask := func(items string) answer {
		return g.do(request{method: http.MethodPost, path: path, token: g.token("cust-1"), body: `{"reason":"too small","items":` + items + `}`})
	}
	g.setStatus(id, phase(v1alpha1.OrderFulfilled))
	for items, field := range map[string]string{
		`[{"productId":"prod-001","quantity":1,"line":0}]`:                                                "items[0].line",
		`[{"productId":"prod-001","quantity":1,"line":251}]`:                                              "items[0].line",
		`[{"productId":"prod-001","quantity":1,"line":1.5}]`:                                              "items[0].line",
		`[{"productId":"prod-001","quantity":1,"line":"1"}]`:                                              "items[0].line",
		`[{"productId":"prod-001","quantity":1,"line":1e30}]`:                                             "items[0].line",
		`[{"productId":"prod-001","quantity":1,"line":1},{"productId":"prod-001","quantity":1,"line":1}]`: "items",
	} {
		a := ask(items)
		a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
		if got := a.text("error.fieldErrors.0.field"); !strings.HasPrefix(got, field) {
			t.Errorf("%s: field = %q, want %q: %s", items, got, field, a.raw)
		}
	}
	g.controller(id, returnAsked("too small"), answerReturn(v1alpha1.OrderReturnRequested, v1alpha1.ReturnRequested, ""))
	if a := ask(`[{"productId":"prod-001","quantity":1,"line":1},{"productId":"prod-002","quantity":1}]`); a.status != http.StatusOK {
		t.Fatalf("request = %d %s", a.status, a.raw)
	}
	items := g.order(id).Spec.Return.Items
	if len(items) != 2 || items[0].Line == nil || *items[0].Line != 1 || items[1].Line != nil {
		t.Errorf("items = %+v", items)
	}
}

// What came back in parts is shown with each part's own refund, and their sum.
func TestPartsThatCameBackAreShown(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.create("cust-1")
	line, now := int32(1), metav1.Now()
	g.setStatus(id, func(o *v1alpha1.Order) {
		o.Status.Phase, o.Status.Currency, o.Status.TotalAmount = v1alpha1.OrderFulfilled, "USD", "59.97"
		o.Status.RefundAmount = "39.98"
		o.Status.ReturnedItems = []v1alpha1.OrderReturnedItem{{Line: 1, ProductID: "prod-001", Quantity: 2, Restock: 1}}
		o.Status.Return = &v1alpha1.OrderReturnStatus{
			RequestID: "r2", State: v1alpha1.ReturnApproved, RefundAmount: "19.99", RequestedAt: &now,
			Items: []v1alpha1.ReturnItem{{Line: &line, ProductID: "prod-001", Quantity: 1}},
		}
		one := []v1alpha1.LineUnits{{Line: 1, Quantity: 1}}
		for i, e := range []v1alpha1.OrderHistoryEntry{
			{Type: v1alpha1.HistoryCreated}, {Type: v1alpha1.HistoryReturnRequested, RequestID: "r1", Units: one},
			{Type: v1alpha1.HistoryReturned, RequestID: "r1", Units: one, RefundAmount: "19.99"},
			{Type: v1alpha1.HistoryRefundRequested, RequestID: "r1", RefundAmount: "19.99"},
		} {
			e.Seq, e.At = int64(i+1), now
			o.Status.History = append(o.Status.History, e)
		}
	})
	var a answer
	g.eventually("the parts are shown", func() bool {
		a = g.do(request{path: "/api/orders/" + id, token: g.token("cust-1")})
		return a.text("refundAmount") == "39.98"
	})
	for path, want := range map[string]string{
		"status": "FULFILLED", "returnedItems.0.line": "1", "returnedItems.0.productId": "prod-001", "returnedItems.0.quantity": "2",
		"events.1.type": "order.return.requested", "events.1.items.0.line": "1",
		"events.2.type": "order.returned", "events.2.refundAmount": "19.99", "events.2.items.0.quantity": "1",
		"events.3.type": "refund.requested", "events.3.refundAmount": "19.99",
	} {
		if got := a.text(path); got != want {
			t.Errorf("%s = %q, want %q: %s", path, got, want, a.raw)
		}
	}
}
