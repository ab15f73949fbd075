package mirrordb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	ordersGoBackSQL = `UPDATE orders SET rv = 0 WHERE rv > $1`

	strangersSQL = `SELECT o.id FROM orders o JOIN unnest($1::text[], $2::text[]) AS n (id, uid) ON n.id = o.id
WHERE o.object_uid <> n.uid ORDER BY o.id LIMIT 10`
)

// inventoryGoesBack is what InventoryGoesBack does, each with its argument: 1 the
// resourceVersion, 2 the number of the last decision.
func inventoryGoesBack(resourceVersion, decided int64) []struct {
	sql string
	arg int64
} {
	return []struct {
		sql string
		arg int64
	}{
		{`UPDATE cursor SET seq = $1 WHERE seq > $1`, decided},
		{`DELETE FROM movements WHERE seq > $1`, decided},
		{`UPDATE inventory SET rv = 0 WHERE rv > $1`, resourceVersion},
		{`UPDATE inventory_reservations SET rv = 0 WHERE rv > $1`, resourceVersion},
		{`UPDATE inventory_documents SET rv = 0 WHERE rv > $1`, resourceVersion},
	}
}

// OrdersGoBack has ops_orders take what the cluster shows although it has seen a higher
// resourceVersion of it.
func OrdersGoBack(ctx context.Context, tx pgx.Tx, resourceVersion int64) error {
	if _, err := tx.Exec(ctx, ordersGoBackSQL, resourceVersion); err != nil {
		return fmt.Errorf("let orders go back to resourceVersion %d: %w", resourceVersion, err)
	}
	return nil
}

// InventoryGoesBack is the same for ops_inventory. Movements of decisions that the
// cluster does not know any more are taken out of the ledger, since their numbers are
// given again; what was told of them stays in stock_events.
func InventoryGoesBack(ctx context.Context, tx pgx.Tx, resourceVersion, decided int64) error {
	for _, step := range inventoryGoesBack(resourceVersion, decided) {
		if _, err := tx.Exec(ctx, step.sql, step.arg); err != nil {
			return fmt.Errorf("let stock go back to decision %d: %w", decided, err)
		}
	}
	return nil
}

// Strangers are the first of the orders, each with the uid of its object, whose id the
// database knows of another object.
func Strangers(ctx context.Context, db Querier, ids, uids []string) ([]string, error) {
	rows, err := db.Query(ctx, strangersSQL, ids, uids)
	if err != nil {
		return nil, fmt.Errorf("compare orders with the cluster's: %w", err)
	}
	strangers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("compare orders with the cluster's: %w", err)
	}
	return strangers, nil
}
