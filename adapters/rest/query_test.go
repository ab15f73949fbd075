package rest_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A query parameter that does not do what it says is refused by its name, on every route.
func TestQueryParametersAreTakenByTheWord(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	id := g.create("cust-1")
	g.item("prod-001", 1)
	routes := []request{
		{path: "/api/orders"},
		{method: "POST", path: "/api/orders", body: orderBody("ops-1"), header: []string{"Idempotency-Key", "6f1c0d2e-0000-4000-8000-000000000001"}},
		{path: "/api/orders/" + id},
		{method: "DELETE", path: "/api/orders/" + id},
		{method: "POST", path: "/api/orders/" + id + "/fulfill"},
		{method: "POST", path: "/api/orders/" + id + "/return", body: `{"reason":"x"}`},
		{path: "/api/orders/" + id + "/return"},
		{method: "PUT", path: "/api/orders/" + id + "/return/approve"},
		{method: "PUT", path: "/api/orders/" + id + "/return/reject", body: `{"reason":"x"}`},
		{path: "/api/baskets"},
		{method: "POST", path: "/api/baskets", body: basketBody(1, ""), header: []string{"Idempotency-Key", "6f1c0d2e-0000-4000-8000-000000000001"}},
		{path: "/api/baskets/x"},
		{method: "PUT", path: "/api/baskets/x", body: basketBody(1, "")},
		{method: "DELETE", path: "/api/baskets/x"},
		{path: "/api/inventory/prod-001"},
		{method: "PUT", path: "/api/inventory/prod-001/stock", body: `{"delta":1}`},
	}
	for _, r := range routes {
		for query, field := range map[string]string{
			"?colour=red": "colour", "?Page=1": "Page", "?limit=5&limit=6": "limit", "?=1": "query", "?%zz=1": "query", "?a=%zz": "query", "?a;b": "query",
		} {
			r := r
			r.path, r.token = r.path+query, g.ops()
			a := g.do(r)
			a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
			if got := a.text("error.fieldErrors.0.field"); got != field {
				t.Errorf("%s %s: field = %q: %s", r.method, r.path, got, a.raw)
			}
		}
	}
	for query, field := range map[string]string{
		"?page=0&page=1":                                                 "page",
		"?page=1&page=1":                                                 "page",
		"?status=PENDING&status=CANCELLED":                               "status",
		"?customerId=a&customerId=b":                                     "customerId",
		"?from=2026-01-01T00:00:00Z&from=":                               "from",
		"?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z":             "from",
		"?from=2026-01-01T00:00:00.000000001Z&to=2026-01-01T00:00:00Z":   "from",
		"?from=2026-01-01T00:00:00-01:00&to=2026-01-01T00:30:00%2B00:00": "from",
	} {
		a := g.do(request{path: "/api/orders" + query, token: g.ops()})
		a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
		if got := a.text("error.fieldErrors.0.field"); got != field {
			t.Errorf("%s: field = %q: %s", query, got, a.raw)
		}
	}
	for _, query := range []string{"", "?", "?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "?page=1&pageSize=3&status=PENDING&customerId=x%2By"} {
		if a := g.do(request{path: "/api/orders" + query, token: g.ops()}); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
}

// Orders of one second are listed newest first, too, by every gateway and after a restart.
func TestNewestFirstWithinASecond(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	const n = 30
	var want []string
	for range n {
		want = append([]string{g.create("cust-1")}, want...)
	}
	for name, replica := range map[string]*gateway{"the gateway that made them": g, "another": g.replica()} {
		var got []string
		replica.eventually("the list has all orders", func() bool {
			a := replica.do(request{path: fmt.Sprintf("/api/orders?pageSize=%d", n), token: g.token("cust-1")})
			got = nil
			for _, one := range a.body["orders"].([]any) {
				got = append(got, one.(map[string]any)["orderId"].(string))
			}
			return a.text("total") == fmt.Sprint(n)
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s lists: %s", name, diff)
		}
	}
}
