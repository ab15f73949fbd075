package rest_test

import (
	"net/http"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// tamper puts a value into a stored object that its Go type can't hold.
func (g *gateway) tamper(o client.Object, value any, path ...string) {
	g.t.Helper()
	o.SetNamespace(g.namespace)
	env.Tamper(g.t, o, func(fields map[string]any) { must(g.t, unstructured.SetNestedField(fields, value, path...)) })
}

func (g *gateway) listed(customer string) []string {
	g.t.Helper()
	orders, _ := g.do(request{path: "/api/orders", token: g.token(customer)}).body["orders"].([]any)
	var ids []string
	for _, o := range orders {
		ids = append(ids, o.(map[string]any)["orderId"].(string))
	}
	return ids
}

// An order or item that can't be decoded is an error of its own, the fault of no dependency and
// nobody else's trouble; at a start of the gateway as well.
func TestWhatCanNotBeDecodedIsSetAside(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	good, bad := g.create("cust-1"), g.create("cust-1")
	g.eventually("both orders are listed", func() bool { return len(g.listed("cust-1")) == 2 })
	must(t, env.Client.Create(t.Context(), testenv.Item(g.namespace, "prod-001", 5)))
	g.tamper(&v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{Name: bad}}, map[string]any{"pendingTimeout": "15 minutes"}, "spec", "policy")
	g.tamper(&v1alpha1.StockItem{ObjectMeta: metav1.ObjectMeta{Name: "prod-001"}}, 1e30, "spec", "safetyStock")

	behaves := func(g *gateway) {
		t.Helper()
		g.eventually("only the good order is listed", func() bool { return slices.Equal(g.listed("cust-1"), []string{good}) })
		for range 20 {
			g.do(request{path: "/api/orders/" + bad, token: g.token("cust-1")}).wants(t, http.StatusConflict, "OBJECT_UNREADABLE")
		}
		g.do(request{path: "/api/orders/" + bad, token: g.token("cust-2")}).wants(t, http.StatusNotFound, "NOT_FOUND")
		g.do(request{path: "/api/orders/" + bad, token: g.ops()}).wants(t, http.StatusConflict, "OBJECT_UNREADABLE")
		g.do(request{method: http.MethodDelete, path: "/api/orders/" + bad, token: g.token("cust-1")}).wants(t, http.StatusConflict, "OBJECT_UNREADABLE")
		g.do(request{path: "/api/inventory/prod-001", token: g.token("cust-1")}).wants(t, http.StatusConflict, "OBJECT_UNREADABLE")
		if a := g.do(request{path: "/api/orders/" + good, token: g.token("cust-1")}); a.status != http.StatusOK {
			t.Errorf("the good order: %d %s", a.status, a.raw)
		}
		if a := g.do(request{path: "/actuator/health"}); a.status != http.StatusOK {
			t.Errorf("health: %d %s", a.status, a.raw)
		}
		breakers := g.do(request{path: "/actuator/circuitbreakers"})
		for _, name := range []string{"kubernetes-api-read", "kubernetes-api-write"} {
			if breakers.text("circuitBreakers."+name+".state") != "CLOSED" || breakers.text("circuitBreakers."+name+".failedCalls") != "0" {
				t.Errorf("breakers: %s", breakers.raw)
			}
		}
	}
	behaves(g)
	behaves(g.replica())
}
