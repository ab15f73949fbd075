package rest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// decides plays the order controller for whatever order comes first in the namespace.
func (g *gateway) decides(change func(*v1alpha1.Order)) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	done := make(chan error, 1)
	go func() {
		done <- wait.PollUntilContextCancel(ctx, 10*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			var orders v1alpha1.OrderList
			if err := env.Client.List(ctx, &orders, client.InNamespace(g.namespace)); err != nil || len(orders.Items) == 0 {
				return false, err
			}
			return true, g.trySetStatus(orders.Items[0].Name, change)
		})
	}()
	g.t.Cleanup(func() {
		defer cancel()
		if err := <-done; err != nil {
			g.t.Errorf("the order controller of this test: %v", err)
		}
	})
}

// createWaiting creates an order of cust-1 with a preference.
func (g *gateway) createWaiting(key, prefer string) answer {
	g.t.Helper()
	return g.do(waitingCreate(g.token("cust-1"), key, prefer))
}

func waitingCreate(token, key, prefer string) request {
	return request{
		method: http.MethodPost, path: "/api/orders", token: token, body: orderBody("cust-1"),
		header: []string{"Idempotency-Key", key, "Prefer", prefer},
	}
}

func confirm(o *v1alpha1.Order) {
	now := metav1.Now()
	o.Status.Phase, o.Status.ConfirmedAt = v1alpha1.OrderConfirmed, &now
}

func TestACreateThatWaitsIsToldThatItsOrderIsConfirmed(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.decides(confirm)
	key := uuid.NewString()
	first := g.createWaiting(key, "wait=20")
	if first.status != http.StatusCreated || first.text("status") != "CONFIRMED" || first.text("confirmedAt") == "" {
		t.Fatalf("answer = %d %s", first.status, first.raw)
	}
	if got := first.header.Get("Preference-Applied"); got != "wait=20" {
		t.Errorf("Preference-Applied = %q", got)
	}
	// However far the order has come, a repeat that waits is told the same.
	g.setStatus(first.text("orderId"), phase(v1alpha1.OrderFulfilled))
	again := g.createWaiting(key, "wait=20")
	if again.status != http.StatusCreated || again.raw != first.raw || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the first answer was %s, the second %d %s", first.raw, again.status, again.raw)
	}
}

func TestACreateThatWaitsIsToldWhatIsShort(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.decides(func(o *v1alpha1.Order) {
		phase(v1alpha1.OrderCancelled)(o)
		o.Status.CancelledReason = v1alpha1.CancelInsufficientStock
		o.Status.Shortages = []v1alpha1.StockShortage{{ProductID: "prod-001", Requested: 2, Available: 1, Reason: v1alpha1.ShortageInsufficientStock}}
	})
	key := uuid.NewString()
	for range 2 { // the second is a repeat
		a := g.createWaiting(key, "wait=20")
		a.wants(t, http.StatusUnprocessableEntity, "INSUFFICIENT_STOCK")
		if a.text("error.shortages.0.productId") != "prod-001" || a.text("error.shortages.0.available") != "1" {
			t.Errorf("shortages: %s", a.raw)
		}
		if a.header.Get("Preference-Applied") != "wait=20" || a.header.Get("Location") == "" {
			t.Errorf("headers: %v", a.header)
		}
	}
}

func TestACreateThatWaitsInVainIsPending(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	began := time.Now()
	a := g.createWaiting(uuid.NewString(), "wait=1")
	if a.status != http.StatusCreated || a.text("status") != "PENDING" || a.header.Get("Preference-Applied") != "wait=1" {
		t.Errorf("answer = %d %s", a.status, a.raw)
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("answered after %v", took)
	}
}

func TestWhoeverDoesNotAskToWaitIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	a := g.createWaiting(uuid.NewString(), "respond-async, wait=soon")
	if a.status != http.StatusCreated || a.text("status") != "PENDING" || a.header.Get("Preference-Applied") != "" {
		t.Errorf("answer = %d %s, headers %v", a.status, a.raw, a.header)
	}
}

func TestACreateThatWaitsIsAnsweredWhenTheGatewayDrains(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	answered := make(chan answer, 1)
	go func() {
		a, err := g.try(waitingCreate(g.token("cust-1"), uuid.NewString(), "wait=30"))
		if err != nil {
			t.Error(err)
		}
		answered <- a
	}()
	g.eventually("the order is there", func() bool {
		var orders v1alpha1.OrderList
		must(t, env.Client.List(t.Context(), &orders, client.InNamespace(g.namespace)))
		return len(orders.Items) == 1
	})
	began := time.Now()
	must(t, g.stop())
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the drain took %v", took)
	}
	if a := <-answered; a.status != http.StatusCreated || a.text("status") != "PENDING" {
		t.Errorf("answer = %d %s", a.status, a.raw)
	}
}
