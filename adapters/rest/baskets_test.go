package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/trace"
)

// keepBaskets plays the stock controller for reservations until the test is over. It
// grants up to 100 units of a product in one reservation, and carries out takeovers and releases.
func (g *gateway) keepBaskets() {
	g.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = wait.PollUntilContextCancel(ctx, 10*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			for i, all := 0, g.reservations(ctx); i < len(all); i++ {
				decide(ctx, &all[i])
			}
			return false, nil
		})
	}()
	g.t.Cleanup(func() { cancel(); <-done })
}

func (g *gateway) reservations(ctx context.Context) []v1alpha1.StockReservation {
	var list v1alpha1.StockReservationList
	_ = env.Client.List(ctx, &list, client.InNamespace(g.namespace))
	return list.Items
}

func decide(ctx context.Context, r *v1alpha1.StockReservation) {
	switch {
	case r.Spec.Intent == v1alpha1.IntentRelease && (r.Status.Phase == v1alpha1.ReservationReserved || r.Status.Phase == v1alpha1.ReservationPending):
		decideAs(ctx, r, v1alpha1.ReservationReleased, "Requested")
	case r.Status.Phase != v1alpha1.ReservationPending:
	case r.Spec.Lines[0].Quantity > 100:
		r.Status.Shortages = []v1alpha1.StockShortage{{ProductID: r.Spec.Lines[0].ProductID, Requested: r.Spec.Lines[0].Quantity, Available: 100, Reason: v1alpha1.ShortageInsufficientStock}}
		decideAs(ctx, r, v1alpha1.ReservationRejected, "")
	default:
		if r.Spec.TakeOver != nil {
			before := &v1alpha1.StockReservation{}
			if env.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: r.Spec.TakeOver.Name}, before) == nil {
				decideAs(ctx, before, v1alpha1.ReservationReleased, "TakenOver")
			}
		}
		decideAs(ctx, r, v1alpha1.ReservationReserved, "")
	}
}

func decideAs(ctx context.Context, r *v1alpha1.StockReservation, phase v1alpha1.StockReservationPhase, reason string) {
	r.Status.Phase, r.Status.ObservedGeneration = phase, r.Generation
	r.Status.History = append(r.Status.History, v1alpha1.ReservationHistoryEntry{Seq: 1, Phase: phase, At: metav1.Now(), Reason: reason})
	_ = env.Client.Status().Update(ctx, r) // a conflict is decided again
}

// basketBody is a basket of some units of prod-001.
func basketBody(units int, more string) string {
	return fmt.Sprintf(`{"items":[{"productId":"prod-001","quantity":%d}]%s}`, units, more)
}

func (g *gateway) postBasket(customer, body string) answer {
	return g.do(request{method: "POST", path: "/api/baskets", token: g.token(customer), body: body, header: []string{"Idempotency-Key", uuid.NewString()}})
}

// held makes a basket that holds some units, and returns its id.
func (g *gateway) held(customer string, units int) string {
	g.t.Helper()
	a := g.postBasket(customer, basketBody(units, ""))
	if a.status != http.StatusCreated || a.text("status") != "HELD" {
		g.t.Fatalf("basket = %d %s", a.status, a.raw)
	}
	return a.text("basketId")
}

func TestABasketHoldsStockForAWhile(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.keepBaskets()
	before := time.Now()
	a := g.postBasket("cust-1", `{"items":[{"productId":"prod-001","quantity":2},{"productId":"prod-002","quantity":1},{"productId":"prod-001","quantity":3}],"ttlSeconds":60}`)
	for path, want := range map[string]string{
		"status": "HELD", "customerId": "cust-1", "items.0.productId": "prod-001", "items.0.quantity": "5", "items.1.quantity": "1", "items.2": "",
	} {
		if got := a.text(path); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
	ends, err := time.Parse(time.RFC3339, a.text("expiresAt"))
	if err != nil || ends.Before(before.Add(time.Minute)) || ends.After(time.Now().Add(62*time.Second)) {
		t.Errorf("expiresAt = %s (%v)", a.text("expiresAt"), err)
	}
	path := a.header.Get("Location")
	if path != "/api/baskets/"+a.text("basketId") || a.status != http.StatusCreated {
		t.Errorf("%d, Location = %s", a.status, path)
	}
	if read := g.do(request{path: path, token: g.token("cust-1")}); read.status != http.StatusOK || read.raw != a.raw {
		t.Errorf("read = %d %s", read.status, read.raw)
	}
	r := g.reservations(t.Context())[0]
	if r.Spec.CustomerID != "cust-1" || r.Spec.OrderRef != nil || r.Spec.ExpiresAt == nil || trace.IDOf(&r) == "" {
		t.Errorf("reservation = %+v %v", r.Spec, r.Annotations)
	}
	short := g.postBasket("cust-1", basketBody(101, ""))
	if short.status != http.StatusCreated || short.text("status") != "REJECTED" || short.text("shortages.0.available") != "100" {
		t.Errorf("short = %d %s", short.status, short.raw)
	}
}

func TestABasketOfSomebodyElseIsNotThere(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.keepBaskets()
	id := g.held("cust-1", 1)
	other := g.token("cust-2")
	for _, r := range []request{
		{path: "/api/baskets/" + id}, {method: "DELETE", path: "/api/baskets/" + id},
		{method: "PUT", path: "/api/baskets/" + id, body: basketBody(2, "")}, {path: "/api/baskets/basket-x"}, {path: "/api/baskets/No%20Name"},
		{path: "/api/baskets/" + strings.Repeat("a", 300)},
	} {
		r.token = other
		g.do(r).wants(t, http.StatusNotFound, "NOT_FOUND")
	}
	g.postBasket("cust-2", basketBody(1, `,"customerId":"cust-1"`)).wants(t, http.StatusForbidden, "FORBIDDEN")
	g.do(request{path: "/api/baskets?customerId=cust-1", token: other}).wants(t, http.StatusForbidden, "FORBIDDEN")
	if a := g.do(request{path: "/api/baskets", token: other}); a.text("total") != "0" {
		t.Errorf("cust-2 lists %s", a.raw)
	}
	for tok, query := range map[string]string{g.token("cust-1"): "", g.ops(): "?customerId=cust-1"} {
		if a := g.do(request{path: "/api/baskets" + query, token: tok}); a.text("total") != "1" || a.text("baskets.0.basketId") != id {
			t.Errorf("list = %s", a.raw)
		}
	}
}

func TestABasketIsMadeOnceAKey(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.keepBaskets()
	r := request{method: "POST", path: "/api/baskets", token: g.token("cust-1"), body: basketBody(2, ""), header: []string{"Idempotency-Key", uuid.NewString()}}
	first := g.do(r)
	again := g.do(r)
	if again.status != http.StatusCreated || again.raw != first.raw || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("first %s, again %d %s", first.raw, again.status, again.raw)
	}
	r.body = basketBody(3, "")
	g.do(r).wants(t, http.StatusConflict, "DUPLICATE_ORDER")
	for body, field := range map[string]string{
		`{}`: "items", `{"items":[]}`: "items", basketBody(0, ""): "items[0].quantity", basketBody(1, `,"ttlSeconds":29`): "ttlSeconds",
		basketBody(1, `,"ttlSeconds":86401`): "ttlSeconds", basketBody(1, `,"x":1`): "x", `{"items":[{"productId":"P","quantity":1}]}`: "items[0].productId",
		`{"items":[` + strings.TrimSuffix(strings.Repeat(`{"productId":"p","quantity":1000000},`, 101), ",") + `]}`: "items",
	} {
		a := g.postBasket("cust-1", body)
		a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
		if got := a.text("error.fieldErrors.0.field"); got != field {
			t.Errorf("%.60s: field = %q, want %q", body, got, field)
		}
	}
}

func TestAChangedBasketTakesItsOwnStockOver(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.keepBaskets()
	id := g.held("cust-1", 2)
	put := func(body string) answer {
		return g.do(request{method: "PUT", path: "/api/baskets/" + id, token: g.token("cust-1"), body: body})
	}
	if a := put(basketBody(5, "")); a.status != http.StatusOK || a.text("items.0.quantity") != "5" || a.text("basketId") != id || a.text("status") != "HELD" {
		t.Fatalf("changed = %d %s", a.status, a.raw)
	}
	// A change that is refused leaves the basket as it was.
	a := put(basketBody(200, ""))
	a.wants(t, http.StatusUnprocessableEntity, "INSUFFICIENT_STOCK")
	if !strings.Contains(a.text("error.message"), "prod-001") {
		t.Errorf("message = %s", a.raw)
	}
	read := g.do(request{path: "/api/baskets/" + id, token: g.token("cust-1")})
	if read.text("items.0.quantity") != "5" || read.text("status") != "HELD" {
		t.Errorf("after a refusal: %s", read.raw)
	}
	// The end alone moves without another decision.
	a = put(`{"ttlSeconds":3600}`)
	if a.status != http.StatusOK || a.text("items.0.quantity") != "5" || a.text("expiresAt") <= read.text("expiresAt") {
		t.Errorf("extended = %d %s", a.status, a.raw)
	}
	// Once more is the same.
	if a = put(basketBody(5, "")); a.status != http.StatusOK {
		t.Errorf("the same again = %d %s", a.status, a.raw)
	}
	g.eventually("one reservation is left", func() bool { return len(g.reservations(t.Context())) == 1 })
	r := g.reservations(t.Context())[0]
	if r.Spec.TakeOver == nil || r.Spec.CustomerID != "cust-1" || r.Status.Phase != v1alpha1.ReservationReserved {
		t.Errorf("reservation = %+v", r.Spec)
	}
	put(`{}`).wants(t, http.StatusBadRequest, "INVALID_REQUEST")
	put(`{"items":[]}`).wants(t, http.StatusBadRequest, "INVALID_REQUEST")
	// A basket that got nothing can ask for less.
	short := g.postBasket("cust-1", basketBody(101, ""))
	id = short.text("basketId")
	if a := put(basketBody(50, "")); a.status != http.StatusOK || a.text("status") != "HELD" {
		t.Errorf("after a rejection: %d %s", a.status, a.raw)
	}
}

func TestAReleasedBasketHoldsNothing(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.keepBaskets()
	id := g.held("cust-1", 2)
	path := "/api/baskets/" + id
	for range 2 {
		if a := g.do(request{method: "DELETE", path: path, token: g.token("cust-1")}); a.status != http.StatusOK || a.text("status") != "RELEASED" {
			t.Errorf("release = %d %s", a.status, a.raw)
		}
	}
	g.do(request{method: "PUT", path: path, token: g.token("cust-1"), body: basketBody(1, "")}).wants(t, http.StatusConflict, "INVALID_TRANSITION")
	if got := g.reservations(t.Context())[0].Status.Phase; got != v1alpha1.ReservationReleased {
		t.Errorf("phase = %s", got)
	}
}

// Nobody locks a shop's stock with baskets.
func TestACustomerHasABoundedNumberOfBaskets(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *rest.Config) { c.BasketsPerCustomer = 3 })
	g.keepBaskets()
	tok := g.token("cust-1")
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			_, _ = g.try(request{method: "POST", path: "/api/baskets", token: tok, body: basketBody(1, ""), header: []string{"Idempotency-Key", uuid.NewString()}})
		})
	}
	wg.Wait()
	live := func() (n int) {
		for _, r := range g.reservations(t.Context()) {
			if r.DeletionTimestamp == nil && (r.Status.Phase == v1alpha1.ReservationReserved || r.Status.Phase == v1alpha1.ReservationPending) {
				n++
			}
		}
		return n
	}
	g.eventually("no more than three are left", func() bool { return live() <= 3 })
	for live() < 3 {
		g.held("cust-1", 1)
	}
	g.postBasket("cust-1", basketBody(1, "")).wants(t, http.StatusConflict, "BASKET_LIMIT_REACHED")
	g.held("cust-2", 1)
	var first string
	g.eventually("the list has them", func() bool {
		a := g.do(request{path: "/api/baskets", token: tok})
		first = a.text("baskets.0.basketId")
		return a.text("total") == "3"
	})
	g.do(request{method: "DELETE", path: "/api/baskets/" + first, token: tok})
	g.held("cust-1", 1)
}
