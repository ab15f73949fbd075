package stockdb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Querier is what reads: a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

const (
	cursorSQL = `SELECT seq FROM cursor`
	lockSQL   = `SELECT seq FROM cursor FOR UPDATE`
	moveSQL   = `UPDATE cursor SET seq = $1`
)

// Cursor is the number of the last stock decision that was told: its events are committed,
// and so are those of every decision before it. 0 when none was.
func Cursor(ctx context.Context, q Querier) (seq int64, err error) {
	return one[int64](ctx, q, "read the cursor", cursorSQL)
}

// Lock is Cursor, and has every other writer of the database wait for the end of the
// transaction.
func Lock(ctx context.Context, tx pgx.Tx) (seq int64, err error) {
	return one[int64](ctx, tx, "lock the cursor", lockSQL)
}

// Move sets the cursor, in a transaction that has locked it.
func Move(ctx context.Context, tx pgx.Tx, seq int64) error {
	if _, err := tx.Exec(ctx, moveSQL, seq); err != nil {
		return fmt.Errorf("move the cursor to %d: %w", seq, err)
	}
	return nil
}

// one is the single value of a query's single row.
func one[T any](ctx context.Context, q Querier, what, sql string, args ...any) (value T, err error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return value, fmt.Errorf("%s: %w", what, err)
	}
	value, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		return value, fmt.Errorf("%s: %w", what, err)
	}
	return value, nil
}
