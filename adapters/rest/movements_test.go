package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
	"github.com/orderplane/orderplane/test/testenv"
)

func TestMovementsOfAProduct(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Inventory)
	g := startMirrored(t, nil, pool)
	remaining := int64(45)
	at := time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC)
	moved := []stock.Movement{
		{ItemUID: "i1", ProductID: "prod-001", Kind: stock.MovedByOpening, Quantity: 50, Delta: 50, OnHand: 50, UID: "i1", Object: "prod-001", At: at.Add(-time.Hour)},
		{
			ItemUID: "i1", ProductID: "prod-001", Seq: 7, Kind: stock.MovedByCommit, Quantity: 3, Delta: -3, Remaining: &remaining, OnHand: 47,
			UID: "r1", Object: "ord-1", OrderID: "ord-1", Reason: "shipped", At: at,
		},
	}
	must(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if _, err := stockdb.Lock(t.Context(), tx); err != nil {
			return err
		}
		return stockdb.Book(t.Context(), tx, moved)
	}))
	a := g.do(request{path: "/api/inventory/prod-001/movements?pageSize=1", token: g.ops()})
	for path, want := range map[string]string{
		"movements.0.kind": "Commit", "movements.0.quantity": "3", "movements.0.delta": "-3", "movements.0.onHand": "47",
		"movements.0.remainingQty": "45", "movements.0.journalSeq": "7", "movements.0.itemUid": "i1", "movements.0.source": "ord-1",
		"movements.0.orderId": "ord-1", "movements.0.reason": "shipped", "movements.0.at": "2026-03-02T09:15:00Z", "pageSize": "1",
	} {
		if got := a.text(path); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
	if a.status != http.StatusOK || a.text("next") != a.text("movements.0.no") {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	rest := g.do(request{path: "/api/inventory/prod-001/movements?before=" + a.text("next"), token: g.ops()})
	if rest.text("movements.0.kind") != "Opening" || rest.text("movements.1.kind") != "" || rest.text("movements.0.remainingQty") != "" || rest.text("next") != "" {
		t.Errorf("the last page: %s", rest.raw)
	}

	g.item("prod-new", 0)
	if a := g.do(request{path: "/api/inventory/prod-new/movements", token: g.ops()}); a.status != http.StatusOK || fmt.Sprint(a.body["movements"]) != "[]" {
		t.Errorf("a product that nothing moved: %d %s", a.status, a.raw)
	}
	g.do(request{path: "/api/inventory/prod-none/movements", token: g.ops()}).wants(t, http.StatusNotFound, "NOT_FOUND")
	g.do(request{path: "/api/inventory/prod-001/movements", token: g.token("cust-1")}).wants(t, http.StatusForbidden, "FORBIDDEN")
	g.do(request{path: "/api/inventory/prod-001/movements?before=0", token: g.ops()}).wants(t, http.StatusBadRequest, "INVALID_REQUEST")
	g.do(request{path: "/api/inventory/prod-001/movements?pageSize=101", token: g.ops()}).wants(t, http.StatusBadRequest, "INVALID_REQUEST")
}

func TestMovementsNeedADatabase(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]*gateway{
		"nothing is mirrored": startGateway(t),
		"none is configured":  startMirrored(t, nil, nil),
		"it is away":          startMirrored(t, nil, &brokenDatabase{fails: errors.New("away")}),
	} {
		g.item("prod-001", 1)
		a := g.do(request{path: "/api/inventory/prod-001/movements", token: g.ops()})
		a.wants(t, http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE")
		if away := name == "it is away"; (a.header.Get("Retry-After") != "") != away {
			t.Errorf("%s: Retry-After %q", name, a.header.Get("Retry-After"))
		}
	}
}
