package stockdb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Shown is what a row says of a product that is there.
type Shown struct {
	ItemUID string
	// Version is the resourceVersion that the row was last read from.
	Version                       int64
	Quantity, Reserved, Available int64
	// Moved is the sum of the item's movements up to the last decision that the row contains (rule 12).
	Moved int64
}

const (
	shownSQL = `SELECT product_id, item_uid, rv, quantity, reserved_qty, available_qty,
	(SELECT coalesce(sum(delta), 0)::bigint FROM movements m WHERE m.item_uid = i.item_uid AND m.seq <= i.journal_seq)
FROM inventory i WHERE state = 'live'`

	versionsSQL = `SELECT %s, rv FROM %s WHERE state = 'live'`
)

// AllShown are the rows of the products that are there, by product.
func AllShown(ctx context.Context, q Querier) (map[string]Shown, error) {
	rows, err := q.Query(ctx, shownSQL)
	if err != nil {
		return nil, fmt.Errorf("read the products: %w", err)
	}
	found := map[string]Shown{}
	var product string
	var s Shown
	_, err = pgx.ForEachRow(rows, []any{&product, &s.ItemUID, &s.Version, &s.Quantity, &s.Reserved, &s.Available, &s.Moved}, func() error {
		found[product] = s
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the products: %w", err)
	}
	return found, nil
}

func (t Table) versionsSQL() string {
	return fmt.Sprintf(versionsSQL, t.uid(), pgx.Identifier{string(t)}.Sanitize())
}

// LiveVersions are the resourceVersions of the objects that are there according to their rows, by uid.
func LiveVersions(ctx context.Context, q Querier, t Table) (map[string]int64, error) {
	rows, err := q.Query(ctx, t.versionsSQL())
	if err != nil {
		return nil, fmt.Errorf("read the versions of %s: %w", t, err)
	}
	found := map[string]int64{}
	var uid string
	var rv int64
	_, err = pgx.ForEachRow(rows, []any{&uid, &rv}, func() error {
		found[uid] = rv
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the versions of %s: %w", t, err)
	}
	return found, nil
}
