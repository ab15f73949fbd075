package orderdb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Untold is an order whose row counts entries that no event tells.
type Untold struct {
	ID string
	// Entries is what its row counts, Told how many of them have an event.
	Entries, Told int64
}

// An event of each entry of a row's order, up to the last one that it counts.
const untold = `SELECT o.id, o.seq, count(DISTINCT e.seq) FROM orders o
LEFT JOIN order_events e ON e.uid = o.uid AND e.seq BETWEEN 1 AND o.seq
GROUP BY o.id, o.seq HAVING count(DISTINCT e.seq) <> o.seq ORDER BY o.id`

// FindUntold reads the whole table, and returns the orders that were not told in full.
func FindUntold(ctx context.Context, db Querier) ([]Untold, error) {
	rows, err := db.Query(ctx, untold)
	if err != nil {
		return nil, fmt.Errorf("look for orders that were not told: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Untold])
	if err != nil {
		return nil, fmt.Errorf("look for orders that were not told: %w", err)
	}
	return found, nil
}

// lookups reads orders by their ids.
const lookups = `SELECT ` + columns + ` FROM orders WHERE id = ANY($1)`

// Lookups is Lookup of many ids. What has no row is not in it.
func Lookups(ctx context.Context, db Querier, ids []string) (map[string]Row, error) {
	rows, err := db.Query(ctx, lookups, ids)
	if err != nil {
		return nil, fmt.Errorf("look up %d orders: %w", len(ids), err)
	}
	found, err := pgx.CollectRows(rows, scanRow)
	if err != nil {
		return nil, fmt.Errorf("look up %d orders: %w", len(ids), err)
	}
	byID := make(map[string]Row, len(found))
	for i := range found {
		byID[found[i].ID] = found[i]
	}
	return byID, nil
}
