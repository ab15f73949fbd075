package orderdb

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

func at(second int64) *time.Time {
	t := time.Unix(second, 0).UTC()
	return &t
}

func row(id string) Row {
	return Row{
		Version: Version{
			ID: id, UID: id + "-uid", ObjectUID: id + "-uid", RV: 7, Seq: 3, Told: -9, State: Live, MirroredAt: *at(90),
		},
		CustomerID: "cust-42", Status: "FULFILLED", Items: json.RawMessage(`[{"quantity": 2, "productId": "a", "unitPrice": 0.125000}]`),
		TotalAmount: "123456789012345678901234.50", RefundAmount: "0.10", Currency: "EUR", ShippingAddress: json.RawMessage(`{"zip": "10115"}`),
		IdempotencyKey: id, CancelledReason: "SLA_TIMEOUT", CancelledAt: at(1), FulfilledAt: at(2), ReturnRequestedAt: at(3),
		ReturnReason: "worn", ReturnedAt: at(4), CreatedAt: *at(5), UpdatedAt: *at(6), Object: json.RawMessage(`{"spec": {}}`),
	}
}

// bare has only what every order has.
func bare(id string) Row {
	return Row{
		Version:    Version{ID: id, UID: id + "-uid", ObjectUID: id + "-uid", RV: 8, Seq: 1, State: Live, MirroredAt: *at(91)},
		CustomerID: "cust-43", Status: "PENDING", Items: json.RawMessage(`[]`), ShippingAddress: json.RawMessage(`{}`),
		CreatedAt: *at(5), UpdatedAt: *at(6), Object: json.RawMessage(`{}`),
	}
}

func within(t *testing.T, do func(context.Context, pgx.Tx) error) {
	t.Helper()
	pool := testenv.Database(t, postgres.Orders)
	if err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return do(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func TestARowIsReadAsItWasWritten(t *testing.T) {
	within(t, func(ctx context.Context, tx pgx.Tx) error {
		inserted, err := Insert(ctx, tx, []Row{row("o-1"), bare("o-2")})
		if diff := cmp.Diff([]string{"o-1", "o-2"}, inserted); err != nil || diff != "" {
			t.Fatalf("inserted: %v\n%s", err, diff)
		}
		for _, want := range []Row{row("o-1"), bare("o-2")} {
			expect(ctx, t, tx, want)
		}
		changed := bare("o-1") // and back to what is empty
		changed.State, changed.RV = Archived, 99
		if err := Update(ctx, tx, []Row{changed}); err != nil {
			return err
		}
		expect(ctx, t, tx, changed)
		if err := Mark(ctx, tx, map[string]State{"o-2": Gone}); err != nil {
			return err
		}
		gone := bare("o-2")
		gone.State = Gone
		expect(ctx, t, tx, gone)
		return nil
	})
}

func expect(ctx context.Context, t *testing.T, tx pgx.Tx, want Row) {
	t.Helper()
	got, found, err := Lookup(ctx, tx, want.ID)
	if err != nil || !found {
		t.Fatalf("%s: found %t, %v", want.ID, found, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", want.ID, diff)
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	within(t, func(ctx context.Context, tx pgx.Tx) error {
		if _, found, err := Lookup(ctx, tx, "nobody"); found || err != nil {
			t.Errorf("found %t, %v", found, err)
		}
		rows, err := Versions(ctx, tx, []string{"nobody"})
		if len(rows) > 0 {
			t.Errorf("versions of nobody: %v", rows)
		}
		return err
	})
}

func TestARowThatSomebodyElseAddedStays(t *testing.T) {
	within(t, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := Insert(ctx, tx, []Row{row("o-1")}); err != nil {
			return err
		}
		inserted, err := Insert(ctx, tx, []Row{bare("o-1"), bare("o-2")})
		if diff := cmp.Diff([]string{"o-2"}, inserted); diff != "" {
			t.Error(diff)
		}
		expect(ctx, t, tx, row("o-1"))
		return err
	})
}

func TestLiveOrdersComeInPages(t *testing.T) {
	within(t, func(ctx context.Context, tx pgx.Tx) error {
		gone := bare("o-2")
		gone.State = Gone
		if _, err := Insert(ctx, tx, []Row{bare("o-1"), gone, bare("o-3"), bare("o-4")}); err != nil {
			return err
		}
		locked, err := Lock(ctx, tx, []string{"o-3", "o-1", "o-9"})
		if diff := cmp.Diff(map[string]Version{"o-1": bare("o-1").Version, "o-3": bare("o-3").Version}, locked); err != nil || diff != "" {
			t.Errorf("locked: %v\n%s", err, diff)
		}
		first, err := LiveAfter(ctx, tx, "", 2)
		if err != nil {
			return err
		}
		rest, err := LiveAfter(ctx, tx, "o-3", 2)
		if diff := cmp.Diff([]Version{bare("o-1").Version, bare("o-3").Version, bare("o-4").Version}, append(first, rest...)); diff != "" {
			t.Error(diff)
		}
		return err
	})
}

func TestAnEmptiedTableIsAnotherIncarnation(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	name := func() string {
		n, err := Incarnation(t.Context(), pool)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := name()
	if again := name(); again != before {
		t.Errorf("%s became %s by itself", before, again)
	}
	if _, err := pool.Exec(t.Context(), "TRUNCATE orders CASCADE"); err != nil {
		t.Fatal(err)
	}
	if name() == before {
		t.Error("nobody notices that the table was emptied")
	}
	other, err := Incarnation(t.Context(), testenv.Database(t, postgres.Orders))
	if err != nil || other == before {
		t.Errorf("another database is the same: %s, %v", other, err)
	}
}

// Every statement is prepared: a column that is renamed is found here.
func TestStatementsPrepare(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, sql := range []string{lookup, lookups, untold, versions, lock, live, incarnation, insert, update, mark} {
		if _, err := conn.Conn().Prepare(t.Context(), sql, sql); err != nil {
			t.Errorf("%v in\n%s", err, sql)
		}
	}
}
