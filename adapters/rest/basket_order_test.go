package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func orderOfBasket(customer, basket string) string {
	return strings.Replace(orderBody(customer), `"items"`, `"basketId":"`+basket+`","items"`, 1)
}

func TestABasketBecomesAnOrder(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.keepBaskets()
	id := g.held("cust-1", 2)
	g.do(request{method: "PUT", path: "/api/baskets/" + id, token: g.token("cust-1"), body: basketBody(3, "")})
	r := request{method: "POST", path: "/api/orders", token: g.token("cust-1"), body: orderOfBasket("cust-1", id), header: []string{"Idempotency-Key", uuid.NewString()}}
	first := g.do(r)
	if first.status != http.StatusCreated {
		t.Fatalf("create = %d %s", first.status, first.raw)
	}
	ref := g.order(first.text("orderId")).Spec.ReservationRef
	if ref == nil || ref.Name != id+"-2" {
		t.Fatalf("reservationRef = %+v", ref)
	}
	// The order controller makes the order's own reservation, and the stock side decides.
	own := &v1alpha1.StockReservation{Spec: v1alpha1.StockReservationSpec{
		OrderRef: &v1alpha1.OrderReference{Name: first.text("orderId"), UID: string(g.order(first.text("orderId")).UID)},
		Lines:    []v1alpha1.StockLine{{ProductID: "prod-001", Quantity: 2}}, TakeOver: ref, CustomerID: "cust-1", Intent: v1alpha1.IntentHold,
	}}
	own.Namespace, own.Name = g.namespace, first.text("orderId")
	must(t, env.Client.Create(t.Context(), own))
	g.eventually("the basket is ordered", func() bool {
		return g.do(request{path: "/api/baskets/" + id, token: g.token("cust-1")}).text("status") == "ORDERED"
	})
	again := g.do(r)
	if again.status != http.StatusCreated || again.raw != first.raw || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again = %d %s", again.status, again.raw)
	}
	// Another order can't have it, and nobody can give it back.
	r.header = []string{"Idempotency-Key", uuid.NewString()}
	a := g.do(r)
	a.wants(t, http.StatusConflict, "INVALID_TRANSITION")
	if a.text("error.fieldErrors.0.field") != "basketId" {
		t.Errorf("no field error: %s", a.raw)
	}
	g.do(request{method: "DELETE", path: "/api/baskets/" + id, token: g.token("cust-1")}).wants(t, http.StatusConflict, "INVALID_TRANSITION")
	must(t, client.IgnoreNotFound(env.Client.Delete(t.Context(), own)))
}

func TestOnlyTheCustomersOwnBasketBecomesTheirOrder(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.keepBaskets()
	mine, others := g.held("cust-1", 2), g.held("cust-2", 2)
	send := func(tok, body string) answer {
		return g.do(request{method: "POST", path: "/api/orders", token: tok, body: body, header: []string{"Idempotency-Key", uuid.NewString()}})
	}
	for _, a := range []answer{
		send(g.token("cust-1"), orderOfBasket("cust-1", others)),
		send(g.token("cust-1"), orderOfBasket("cust-1", "basket-"+strings.Repeat("a", 26))),
		send(g.ops(), orderOfBasket("cust-1", others)), // ops orders for cust-1, whose it is not
	} {
		a.wants(t, http.StatusNotFound, "NOT_FOUND")
		if a.text("error.fieldErrors.0.field") != "basketId" {
			t.Errorf("no field error: %s", a.raw)
		}
	}
	a := send(g.token("cust-1"), orderOfBasket("cust-1", "basket-x"))
	a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
	if a := send(g.ops(), orderOfBasket("cust-1", mine)); a.status != http.StatusCreated {
		t.Errorf("ops for cust-1: %d %s", a.status, a.raw)
	}
}
