package orderdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Querier is a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

const columns = versionColumns + `,
	customer_id, status, items, coalesce(total_amount::text, ''), coalesce(refund_amount::text, ''), coalesce(currency, ''), shipping_address,
	coalesce(idempotency_key, ''), coalesce(cancelled_reason, ''), cancelled_at, fulfilled_at, return_requested_at,
	coalesce(return_reason, ''), returned_at, created_at, updated_at, object`

// lookup reads one order by its id.
const lookup = `SELECT ` + columns + ` FROM orders WHERE id = $1`

// Lookup returns what is known of the order of an id, and whether anything is: in any state,
// also when another order has its name today.
func Lookup(ctx context.Context, db Querier, id string) (row Row, found bool, err error) {
	rows, err := db.Query(ctx, lookup, id)
	if err != nil {
		return Row{}, false, fmt.Errorf("look up order %s: %w", id, err)
	}
	row, err = pgx.CollectExactlyOneRow(rows, scanRow)
	if errors.Is(err, pgx.ErrNoRows) {
		return Row{}, false, nil
	}
	if err != nil {
		return Row{}, false, fmt.Errorf("look up order %s: %w", id, err)
	}
	return row, true, nil
}

// scanRow reads the columns of a row.
func scanRow(from pgx.CollectableRow) (r Row, err error) {
	err = from.Scan(&r.ID, &r.UID, &r.ObjectUID, &r.RV, &r.Seq, &r.Told, &r.State, &r.MirroredAt,
		&r.CustomerID, &r.Status, &r.Items, &r.TotalAmount, &r.RefundAmount, &r.Currency, &r.ShippingAddress,
		&r.IdempotencyKey, &r.CancelledReason, &r.CancelledAt, &r.FulfilledAt, &r.ReturnRequestedAt,
		&r.ReturnReason, &r.ReturnedAt, &r.CreatedAt, &r.UpdatedAt, &r.Object)
	return r, err
}
