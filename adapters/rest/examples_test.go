package rest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/api/openapi"
	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Each example of a request in the document is sent, and gets a good answer that the document
// has for it (the harness holds every answer to the document). Nobody decides commands here: they
// are recorded.
func TestEveryExampleOfARequestIsTaken(t *testing.T) {
	t.Parallel()
	doc, err := openapi.Load()
	must(t, err)
	g := startGateway(t, func(c *rest.Config) { c.CommandWait, c.BasketsPerCustomer = 10*time.Millisecond, 100 })
	g.item("prod-001", 100)
	g.keepBaskets()
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.RequestBody == nil {
				continue
			}
			for name, example := range operation.RequestBody.Value.Content["application/json"].Examples {
				t.Run(operation.OperationID+" "+name, func(t *testing.T) {
					body, err := json.Marshal(example.Value.Value)
					must(t, err)
					a := g.do(request{
						method: method, path: g.ready(operation.OperationID, path), token: g.ops(), body: string(body),
						header: []string{"Idempotency-Key", uuid.NewString()},
					})
					if a.status/100 != 2 || operation.Responses.Status(a.status) == nil {
						t.Errorf("%s: %d %s", body, a.status, a.raw)
					}
				})
			}
		}
	}
}

// ready makes what an operation needs, such as a shipped order for a return, and gives the path of
// the operation with its name.
func (g *gateway) ready(operation, path string) string {
	g.t.Helper()
	path = strings.Replace(path, "{productId}", "prod-001", 1)
	if strings.Contains(path, "{basketId}") {
		id := roleBasket(g)
		g.eventually("the basket holds its items", func() bool {
			return g.do(request{path: "/api/baskets/" + id, token: g.ops()}).text("status") == "HELD"
		})
		path = strings.Replace(path, "{basketId}", id, 1)
	}
	if !strings.Contains(path, "{orderId}") {
		return path
	}
	id := g.create("cust-1")
	switch operation {
	case "fulfillOrder":
		g.setStatus(id, phase(v1alpha1.OrderConfirmed))
	case "requestReturn":
		g.setStatus(id, phase(v1alpha1.OrderFulfilled))
	case "approveReturn", "rejectReturn":
		g.setStatus(id, phase(v1alpha1.OrderFulfilled))
		g.controller(id, returnAsked("too small"), answerReturn(v1alpha1.OrderReturnRequested, v1alpha1.ReturnRequested, ""))
		g.do(request{method: http.MethodPost, path: "/api/orders/" + id + "/return", token: g.ops(), body: `{"reason":"too small"}`})
		g.eventually("the return is requested", func() bool {
			return g.do(request{path: "/api/orders/" + id, token: g.ops()}).text("status") == "RETURN_REQUESTED"
		})
	}
	return strings.Replace(path, "{orderId}", id, 1)
}

// The example of a new order is what the gateway answers to the example of its request, but for
// names and times.
func TestTheExampleOfANewOrderIsTheAnswerToItsRequest(t *testing.T) {
	t.Parallel()
	doc, err := openapi.Load()
	must(t, err)
	create := doc.Paths.Value("/api/orders").Post
	body, err := json.Marshal(create.RequestBody.Value.Content["application/json"].Examples["twoProducts"].Value.Value)
	must(t, err)
	g := startGateway(t)
	a := g.do(request{
		method: http.MethodPost, path: "/api/orders", token: g.token("cust-001"), body: string(body), header: []string{"Idempotency-Key", uuid.NewString()},
	})
	want := plain(t, create.Responses.Status(http.StatusCreated).Value.Content["application/json"].Examples["pending"])
	var got map[string]any
	must(t, json.Unmarshal([]byte(a.raw), &got))
	for _, name := range []string{"orderId", "createdAt", "updatedAt"} {
		if got[name] == nil {
			t.Errorf("the answer has no %s: %s", name, a.raw)
		}
		got[name] = want[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%d (-example +answer):\n%s", a.status, diff)
	}
}

// plain is the value of an example as JSON has it.
func plain(t *testing.T, example *openapi3.ExampleRef) (value map[string]any) {
	t.Helper()
	text, err := json.Marshal(example.Value.Value)
	must(t, err)
	must(t, json.Unmarshal(text, &value))
	return value
}
