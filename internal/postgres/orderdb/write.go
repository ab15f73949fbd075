package orderdb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// unnested are the columns of many rows, as their arrays are handed over.
const unnested = `unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::timestamptz[],
		$9::text[], $10::text[], $11::text[]::jsonb[], $12::text[], $13::text[], $14::text[], $15::text[]::jsonb[],
		$16::text[], $17::text[], $18::timestamptz[], $19::timestamptz[], $20::timestamptz[],
		$21::text[], $22::timestamptz[], $23::timestamptz[], $24::timestamptz[], $25::text[]::jsonb[])
	AS n (id, uid, object_uid, rv, seq, told, state, mirrored_at,
		customer_id, status, items, total_amount, refund_amount, currency, shipping_address,
		idempotency_key, cancelled_reason, cancelled_at, fulfilled_at, return_requested_at,
		return_reason, returned_at, created_at, updated_at, object)`

const insert = `INSERT INTO orders (` + versionColumns + `,
	customer_id, status, items, total_amount, refund_amount, currency, shipping_address,
	idempotency_key, cancelled_reason, cancelled_at, fulfilled_at, return_requested_at,
	return_reason, returned_at, created_at, updated_at, object)
SELECT n.id, n.uid, n.object_uid, n.rv, n.seq, n.told, n.state, n.mirrored_at,
	n.customer_id, n.status, n.items, nullif(n.total_amount, '')::numeric, nullif(n.refund_amount, '')::numeric, nullif(n.currency, ''), n.shipping_address,
	nullif(n.idempotency_key, ''), nullif(n.cancelled_reason, ''), n.cancelled_at, n.fulfilled_at, n.return_requested_at,
	nullif(n.return_reason, ''), n.returned_at, n.created_at, n.updated_at, n.object
FROM ` + unnested + `
ORDER BY n.id
ON CONFLICT (id) DO NOTHING
RETURNING id`

const update = `UPDATE orders SET uid = n.uid, object_uid = n.object_uid, rv = n.rv, seq = n.seq, told = n.told, state = n.state, mirrored_at = n.mirrored_at,
	customer_id = n.customer_id, status = n.status, items = n.items, total_amount = nullif(n.total_amount, '')::numeric,
	refund_amount = nullif(n.refund_amount, '')::numeric, currency = nullif(n.currency, ''), shipping_address = n.shipping_address,
	idempotency_key = nullif(n.idempotency_key, ''), cancelled_reason = nullif(n.cancelled_reason, ''), cancelled_at = n.cancelled_at,
	fulfilled_at = n.fulfilled_at, return_requested_at = n.return_requested_at, return_reason = nullif(n.return_reason, ''),
	returned_at = n.returned_at, created_at = n.created_at, updated_at = n.updated_at, object = n.object
FROM ` + unnested + `
WHERE orders.id = n.id`

const mark = `UPDATE orders SET state = n.state FROM unnest($1::text[], $2::text[]) AS n (id, state) WHERE orders.id = n.id`

// Insert adds rows, and returns the ids of those that it added. One that somebody else has added
// meanwhile is left as that one has it.
func Insert(ctx context.Context, tx pgx.Tx, rows []Row) (inserted []string, err error) {
	if len(rows) == 0 {
		return nil, nil
	}
	found, err := tx.Query(ctx, insert, arraysOf(rows)...)
	if err == nil {
		inserted, err = pgx.CollectRows(found, pgx.RowTo[string])
	}
	if err != nil {
		return nil, fmt.Errorf("insert %d orders: %w", len(rows), err)
	}
	return inserted, nil
}

// Update puts rows in the place of those of the same ids, which the transaction has locked.
func Update(ctx context.Context, tx pgx.Tx, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, update, arraysOf(rows)...); err != nil {
		return fmt.Errorf("update %d orders: %w", len(rows), err)
	}
	return nil
}

// Mark gives rows, which the transaction has locked, another state.
func Mark(ctx context.Context, tx pgx.Tx, states map[string]State) error {
	if len(states) == 0 {
		return nil
	}
	ids, to := make([]string, 0, len(states)), make([]string, 0, len(states))
	for id, state := range states {
		ids, to = append(ids, id), append(to, string(state))
	}
	if _, err := tx.Exec(ctx, mark, ids, to); err != nil {
		return fmt.Errorf("mark %d orders: %w", len(states), err)
	}
	return nil
}

// arraysOf are the columns of rows, one array each, in the order of unnested.
func arraysOf(rows []Row) []any {
	return []any{
		column(rows, func(r *Row) string { return r.ID }),
		column(rows, func(r *Row) string { return r.UID }),
		column(rows, func(r *Row) string { return r.ObjectUID }),
		column(rows, func(r *Row) int64 { return r.RV }),
		column(rows, func(r *Row) int64 { return r.Seq }),
		column(rows, func(r *Row) int64 { return r.Told }),
		column(rows, func(r *Row) string { return string(r.State) }),
		column(rows, func(r *Row) time.Time { return r.MirroredAt }),
		column(rows, func(r *Row) string { return r.CustomerID }),
		column(rows, func(r *Row) string { return r.Status }),
		column(rows, func(r *Row) string { return string(r.Items) }),
		column(rows, func(r *Row) string { return r.TotalAmount }),
		column(rows, func(r *Row) string { return r.RefundAmount }),
		column(rows, func(r *Row) string { return r.Currency }),
		column(rows, func(r *Row) string { return string(r.ShippingAddress) }),
		column(rows, func(r *Row) string { return r.IdempotencyKey }),
		column(rows, func(r *Row) string { return r.CancelledReason }),
		column(rows, func(r *Row) *time.Time { return r.CancelledAt }),
		column(rows, func(r *Row) *time.Time { return r.FulfilledAt }),
		column(rows, func(r *Row) *time.Time { return r.ReturnRequestedAt }),
		column(rows, func(r *Row) string { return r.ReturnReason }),
		column(rows, func(r *Row) *time.Time { return r.ReturnedAt }),
		column(rows, func(r *Row) time.Time { return r.CreatedAt }),
		column(rows, func(r *Row) time.Time { return r.UpdatedAt }),
		column(rows, func(r *Row) string { return string(r.Object) }),
	}
}

func column[T any](rows []Row, of func(*Row) T) []T {
	all := make([]T, len(rows))
	for i := range rows {
		all[i] = of(&rows[i])
	}
	return all
}
