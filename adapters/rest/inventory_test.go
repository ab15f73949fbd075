package rest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// item makes a product with opening stock and a status that says 10 are reserved.
func (g *gateway) item(name string, opening int64) {
	g.t.Helper()
	item := &v1alpha1.StockItem{
		ObjectMeta: metav1.ObjectMeta{Namespace: g.namespace, Name: name},
		Spec:       v1alpha1.StockItemSpec{SKU: "SKU-1", Name: "Widget", OpeningQuantity: opening, SafetyStock: 5},
	}
	must(g.t, env.Client.Create(context.Background(), item))
}

// stockKeeper plays the stock controller for the next document: it decides it as
// decide says.
func (g *gateway) stockKeeper(decide func(*v1alpha1.StockAdjustment)) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	done := make(chan error, 1)
	go func() {
		done <- wait.PollUntilContextCancel(ctx, 10*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			var documents v1alpha1.StockAdjustmentList
			if err := env.Client.List(ctx, &documents, client.InNamespace(g.namespace)); err != nil {
				return false, err
			}
			for i := range documents.Items {
				if d := &documents.Items[i]; d.Status.Phase == v1alpha1.AdjustmentPending {
					decide(d)
					return true, env.Client.Status().Update(ctx, d)
				}
			}
			return false, nil
		})
	}()
	g.t.Cleanup(func() {
		defer cancel()
		if err := <-done; err != nil {
			g.t.Errorf("the stock controller of this test: %v", err)
		}
	})
}

func (g *gateway) documents() []v1alpha1.StockAdjustment {
	g.t.Helper()
	var documents v1alpha1.StockAdjustmentList
	must(g.t, env.Client.List(context.Background(), &documents, client.InNamespace(g.namespace)))
	return documents.Items
}

func TestStockLevel(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.item("prod-001", 100)
	a := g.do(request{path: "/api/inventory/prod-001", token: g.token("cust-1")})
	want := `{"productId":"prod-001","sku":"SKU-1","name":"Widget","quantity":100,"reservedQty":0,"availableQty":95,"version":0,"lastUpdated":"` +
		a.text("lastUpdated") + `"}`
	if got := strings.TrimSpace(a.raw); a.status != http.StatusOK || got != want {
		t.Errorf("before the first decision: %d %s, want %s", a.status, got, want)
	}
	item := &v1alpha1.StockItem{}
	must(t, env.Client.Get(t.Context(), client.ObjectKey{Namespace: g.namespace, Name: "prod-001"}, item))
	onHand, now := int64(90), metav1.Now()
	item.Status = v1alpha1.StockItemStatus{OnHand: &onHand, Reserved: 12, Available: 73, JournalSeq: 7, AsOf: &now}
	must(t, env.Client.Status().Update(t.Context(), item))
	g.eventually("the level follows", func() bool {
		a = g.do(request{path: "/api/inventory/prod-001", token: g.token("cust-1")})
		return a.text("quantity") == "90"
	})
	if a.text("reservedQty") != "12" || a.text("availableQty") != "73" || a.text("version") != "7" {
		t.Errorf("level = %s", a.raw)
	}
	g.do(request{path: "/api/inventory/nothing", token: g.token("cust-1")}).wants(t, http.StatusNotFound, "NOT_FOUND")
}

func TestAdjustStockMakesADocumentAndAnswersTheLevelAfterIt(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.item("prod-001", 100)
	g.stockKeeper(func(d *v1alpha1.StockAdjustment) {
		onHand, available, now := int64(103), int64(88), metav1.Now()
		d.Status = v1alpha1.StockAdjustmentStatus{
			ObservedGeneration: d.Generation, Phase: v1alpha1.AdjustmentApplied, JournalSeq: 9,
			OnHandAfter: &onHand, AvailableAfter: &available, DecidedAt: &now,
		}
	})
	r := request{
		method: http.MethodPut, path: "/api/inventory/prod-001/stock", token: g.ops(), body: `{"delta":3}`,
		header: []string{"Idempotency-Key", uuid.NewString()},
	}
	for range 2 { // the repeat finds the document and does not count again
		a := g.do(r)
		if a.status != http.StatusOK || a.text("quantity") != "103" || a.text("reservedQty") != "10" ||
			a.text("availableQty") != "88" || a.text("version") != "9" {
			t.Fatalf("answer = %d %s", a.status, a.raw)
		}
	}
	documents := g.documents()
	if len(documents) != 1 {
		t.Fatalf("%d documents", len(documents))
	}
	want := v1alpha1.StockAdjustmentSpec{ProductID: "prod-001", Kind: v1alpha1.AdjustmentAdjusted, Quantity: 3, Reason: "REST adjustment"}
	want.OnBehalfOf = "ops-1"
	if documents[0].Spec != want {
		t.Errorf("document = %+v", documents[0].Spec)
	}
	r.body = `{"delta":4}`
	g.do(r).wants(t, http.StatusConflict, "DUPLICATE_ORDER")
}

func TestTakingAwayMoreThanThereIsIsInsufficientStock(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.item("prod-001", 100)
	g.stockKeeper(func(d *v1alpha1.StockAdjustment) {
		d.Status.Phase = v1alpha1.AdjustmentRefused
		meta.SetStatusCondition(&d.Status.Conditions, metav1.Condition{
			Type: v1alpha1.AdjustmentConditionApplied, Status: metav1.ConditionFalse, Reason: "BelowReserved", Message: "10 units are reserved",
		})
	})
	a := g.do(request{
		method: http.MethodPut, path: "/api/inventory/prod-001/stock", token: g.ops(), body: `{"delta":-95,"reason":"broken"}`,
	})
	a.wants(t, http.StatusUnprocessableEntity, "INSUFFICIENT_STOCK")
	if got := a.text("error.message"); got != "10 units are reserved" {
		t.Errorf("message = %q", got)
	}
}

func TestBadAdjustmentsAreRefused(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	g.item("prod-001", 100)
	put := func(path, body string) answer {
		return g.do(request{method: http.MethodPut, path: path, token: g.ops(), body: body})
	}
	for _, body := range []string{`{"delta":0}`, `{"delta":1.5}`, `{"delta":"1"}`, `{"delta":9223372036854775808}`, `{}`, `{"delta":-1e13}`} {
		a := put("/api/inventory/prod-001/stock", body)
		a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
		if got := a.text("error.fieldErrors.0.field"); got != "delta" {
			t.Errorf("%s: field = %q: %s", body, got, a.raw)
		}
	}
	put("/api/inventory/nothing/stock", `{"delta":1}`).wants(t, http.StatusNotFound, "NOT_FOUND")
	if n := len(g.documents()); n != 0 {
		t.Errorf("%d documents were made", n)
	}
	if a := put("/api/inventory/prod-001/stock", `{"delta":1}`); a.status != http.StatusAccepted || a.text("quantity") != "100" {
		t.Errorf("a document nobody decides: %d %s", a.status, a.raw)
	}
}
