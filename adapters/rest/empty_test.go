package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Empty is not absent. Where absent means everything, or every time, empty is refused.
func TestEmptyIsNotTakenForAbsent(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	g.item("prod-001", 100)
	shipped := g.create("cust-1")
	g.setStatus(shipped, phase(v1alpha1.OrderFulfilled))
	pending := g.create("cust-1")
	customer, ops := g.token("cust-1"), g.ops()
	withContact := func(contact string) string {
		return strings.Replace(orderBody("cust-1"), `"items"`, `"contact":`+contact+`,"items"`, 1)
	}
	for name, tc := range map[string]struct {
		request
		// field that is refused; the request is good when empty.
		field string
	}{
		"return of no items":      {request{method: "POST", path: "/api/orders/" + shipped + "/return", token: customer, body: `{"reason":"x","items":[]}`}, "items"},
		"return for no reason":    {request{method: "POST", path: "/api/orders/" + shipped + "/return", token: customer, body: `{"reason":""}`}, "reason"},
		"cancel for no reason":    {request{method: "DELETE", path: "/api/orders/" + pending, token: customer, body: `{"reason":""}`}, "reason"},
		"reject for no reason":    {request{method: "PUT", path: "/api/orders/" + shipped + "/return/reject", token: ops, body: `{"reason":""}`}, "reason"},
		"command of no version":   {request{method: "DELETE", path: "/api/orders/" + pending, token: customer, header: []string{"If-Match", ""}}, "If-Match"},
		"adjustment with no key":  {request{method: "PUT", path: "/api/inventory/prod-001/stock", token: ops, body: `{"delta":1}`, header: []string{"Idempotency-Key", ""}}, "Idempotency-Key"},
		"order with no key":       {request{method: "POST", path: "/api/orders", token: customer, body: orderBody("cust-1"), header: []string{"Idempotency-Key", ""}}, "Idempotency-Key"},
		"orders of no customer":   {request{path: "/api/orders?customerId=", token: ops}, "customerId"},
		"orders of no status":     {request{path: "/api/orders?status=", token: ops}, "status"},
		"orders from no time":     {request{path: "/api/orders?from=", token: ops}, "from"},
		"orders to no time":       {request{path: "/api/orders?to=", token: ops}, "to"},
		"no page":                 {request{path: "/api/orders?page=", token: ops}, "page"},
		"pages of no size":        {request{path: "/api/orders?pageSize=", token: ops}, "pageSize"},
		"a parameter, no value":   {request{path: "/api/orders?status", token: ops}, "status"},
		"order without lines":     {request{method: "POST", path: "/api/orders", token: customer, body: strings.Replace(orderBody("cust-1"), `"items":[`, `"items":[],"x":[`, 1)}, "items"},
		"order in no currency":    {request{method: "POST", path: "/api/orders", token: customer, body: strings.Replace(orderBody("cust-1"), `"items"`, `"currency":"","items"`, 1)}, "currency"},
		"nobody to tell":          {request{method: "POST", path: "/api/orders", token: customer, body: withContact(`{}`)}, ""},
		"no address, no number":   {request{method: "POST", path: "/api/orders", token: customer, body: withContact(`{"phone":""}`)}, ""},
		"no mail address":         {request{method: "POST", path: "/api/orders", token: customer, body: withContact(`{"email":""}`)}, "contact.email"},
		"adjustment, no reason":   {request{method: "PUT", path: "/api/inventory/prod-001/stock", token: ops, body: `{"delta":1,"reason":""}`}, ""},
		"fulfilled by no carrier": {request{method: "POST", path: "/api/orders/" + g.confirmed() + "/fulfill", token: ops, body: `{"carrier":"","trackingNumber":""}`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.method == "POST" && tc.path == "/api/orders" && tc.header == nil {
				tc.header = []string{"Idempotency-Key", uuid.NewString()}
			}
			a := g.do(tc.request)
			if tc.field == "" {
				if a.status >= 300 {
					t.Errorf("answer = %d %s", a.status, a.raw)
				}
				return
			}
			a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
			if !strings.Contains(a.raw, `"field":"`+tc.field+`"`) {
				t.Errorf("no field error of %s: %s", tc.field, a.raw)
			}
		})
	}
	if asked := g.order(shipped).Spec.Return; asked != nil {
		t.Errorf("a return was asked for all the same: %+v", asked)
	}
	if n := len(g.documents()); n > 1 {
		t.Errorf("%d documents were made", n)
	}
}

// confirmed makes an order that is Confirmed.
func (g *gateway) confirmed() string {
	g.t.Helper()
	id := g.create("cust-1")
	g.setStatus(id, phase(v1alpha1.OrderConfirmed))
	return id
}
