package mirrordb

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

func TestEveryQueryIsPrepared(t *testing.T) {
	t.Parallel()
	both := []string{ownerSQL, claimSQL, seenSQL}
	queries := map[postgres.Database][]string{
		postgres.Orders:    append([]string{ordersEmptySQL, newestOrderSQL, topicsSQL, seenTopicsSQL, ordersGoBackSQL, strangersSQL}, both...),
		postgres.Inventory: append([]string{inventoryEmptySQL}, both...),
	}
	for _, step := range inventoryGoesBack(1, 2) {
		queries[postgres.Inventory] = append(queries[postgres.Inventory], step.sql)
	}
	for db, all := range queries {
		conn, err := testenv.Database(t, db).Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range all {
			if _, err := conn.Conn().Prepare(t.Context(), sql, sql); err != nil {
				t.Errorf("%s: %s: %v", db, sql, err)
			}
		}
		conn.Release()
	}
}

func TestADatabaseRemembersWhoseItIs(t *testing.T) {
	t.Parallel()
	for _, db := range []postgres.Database{postgres.Orders, postgres.Inventory} {
		pool := testenv.Database(t, db)
		if owner, found, err := OwnerOf(t.Context(), pool); found || err != nil {
			t.Errorf("%s: new, and belongs to %+v, %v", db, owner, err)
		}
		want := Owner{Namespace: "shop", NamespaceUID: "u1", ResourceVersion: 7}
		must(t, Claim(t.Context(), pool, Owner{Namespace: "other"}))
		must(t, Claim(t.Context(), pool, want))
		must(t, Seen(t.Context(), pool, 6))
		expectOwner(t, pool, want)
		must(t, Seen(t.Context(), pool, 9))
		want.ResourceVersion = 9
		expectOwner(t, pool, want)
	}
}

func expectOwner(t *testing.T, pool *pgxpool.Pool, want Owner) {
	t.Helper()
	got, _, err := OwnerOf(t.Context(), pool)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTopicsAreRemembered(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Orders)
	must(t, SeenTopics(t.Context(), pool, []Topic{{"a", "1", 4}, {"b", "2", 0}}))
	must(t, SeenTopics(t.Context(), pool, []Topic{{"a", "3", 2}}))
	must(t, SeenTopics(t.Context(), pool, nil))
	got, err := Topics(t.Context(), pool)
	must(t, err)
	if diff := cmp.Diff(map[string]Topic{"a": {"a", "3", 2}, "b": {"b", "2", 0}}, got); diff != "" {
		t.Error(diff)
	}
}

// What a database holds decides whether it was lost.
func TestADatabaseIsEmptyUntilSomethingWasTold(t *testing.T) {
	t.Parallel()
	orders, inventory := testenv.Database(t, postgres.Orders), testenv.Database(t, postgres.Inventory)
	isEmpty := func(want bool) {
		t.Helper()
		o, err := OrdersEmpty(t.Context(), orders)
		must(t, err)
		i, err := InventoryEmpty(t.Context(), inventory)
		must(t, err)
		if o != want || i != want {
			t.Errorf("orders empty %v, stock empty %v, want %v", o, i, want)
		}
	}
	must(t, Claim(t.Context(), orders, Owner{}))
	must(t, Claim(t.Context(), inventory, Owner{}))
	isEmpty(true)
	exec(t, orders, `INSERT INTO order_events (event_id, object, uid, seq, type, topic, key, value, trace_id, at)
		VALUES (gen_random_uuid(), 'ord-1', 'u1', 1, 'x', '', 'ord-1', '', '', now())`)
	exec(t, inventory, `UPDATE cursor SET seq = 1`)
	isEmpty(false)
}

// After a cluster has gone back, what it shows counts again, and the ledger has no
// movement of a decision that it does not know.
func TestWhatIsForgottenWhenAClusterGoesBack(t *testing.T) {
	t.Parallel()
	inventory := testenv.Database(t, postgres.Inventory)
	exec(t, inventory, `UPDATE cursor SET seq = 20`)
	for _, seq := range []int64{10, 15, 20} {
		exec(t, inventory, `INSERT INTO movements (item_uid, product_id, seq, kind, quantity, delta, on_hand, uid, object, reason, at)
			VALUES ('i1', 'prod-1', $1, 'Commit', 1, -1, 5, 'r1', 'ord-1', '', now())`, seq)
	}
	exec(t, inventory, `INSERT INTO inventory (product_id, item_uid, rv, state, sku, name, quantity, reserved_qty, available_qty,
		opening_quantity, safety_stock, journal_seq, created_at, updated_at)
		VALUES ('old', 'i1', 90, 'live', '', '', 1, 1, 1, 1, 1, 1, now(), now()), ('new', 'i2', 110, 'live', '', '', 1, 1, 1, 1, 1, 1, now(), now())`)
	must(t, pgx.BeginFunc(t.Context(), inventory, func(tx pgx.Tx) error { return InventoryGoesBack(t.Context(), tx, 100, 15) }))
	type state struct {
		Cursor, Movements, Old, New int64
	}
	rows, err := inventory.Query(t.Context(), `SELECT (SELECT seq FROM cursor), (SELECT count(*) FROM movements),
		(SELECT rv FROM inventory WHERE product_id = 'old'), (SELECT rv FROM inventory WHERE product_id = 'new')`)
	must(t, err)
	got, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[state])
	must(t, err)
	if diff := cmp.Diff(state{Cursor: 15, Movements: 2, Old: 90, New: 0}, got); diff != "" {
		t.Error(diff)
	}
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	_, err := pool.Exec(t.Context(), sql, args...)
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
