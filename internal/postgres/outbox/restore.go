package outbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/domain/event"
)

// restoreAtOnce is how many events are copied at once.
const restoreAtOnce = 2000

// Restore puts the events that topics have into a log that lacks them, in a transaction: none of them is
// queued (rules 39 and 40). Give it the events of a partition in their order with Add, and end with Done.
type Restore struct {
	tx    pgx.Tx
	log   Log
	batch [][]any
	// Before is the place of the last event that the log had: those that are put there are behind it.
	Before int64
}

const (
	restoreTable = `CREATE TEMPORARY TABLE published (
	place bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, object text, uid text, seq bigint, type text, topic text,
	key text COLLATE "C", value bytea, trace_id text, at timestamptz) ON COMMIT DROP`

	restoreFirsts = `INSERT INTO EVENTS (event_id, object, uid, seq, type, topic, key, value, trace_id, at)
SELECT event_id, object, uid, seq, type, topic, key, value, trace_id, at
FROM (SELECT DISTINCT ON (event_id) *, min(at) OVER (PARTITION BY uid) AS begun FROM published ORDER BY event_id, place) first
ORDER BY `
	// An order's events are on several topics, and have its numbers.
	restoreOrders = restoreFirsts + `key, begun, uid, seq ON CONFLICT DO NOTHING`
	// A product's are on one, in the order in which they were told.
	restoreStock = restoreFirsts + `key, place ON CONFLICT DO NOTHING`

	lastPlace = `SELECT coalesce(max(no), 0) FROM EVENTS`
)

func (l Log) restore() string {
	if l == Stock {
		return l.in(restoreStock)
	}
	return l.in(restoreOrders)
}

// NewRestore begins.
func NewRestore(ctx context.Context, tx pgx.Tx, l Log) (*Restore, error) {
	if _, err := tx.Exec(ctx, restoreTable); err != nil {
		return nil, fmt.Errorf("prepare to fill %s: %w", l, err)
	}
	r := &Restore{tx: tx, log: l}
	if err := tx.QueryRow(ctx, l.in(lastPlace)).Scan(&r.Before); err != nil {
		return nil, fmt.Errorf("prepare to fill %s: %w", l, err)
	}
	return r, nil
}

// Add takes the next event. One that comes again is kept as it was first.
func (r *Restore) Add(ctx context.Context, e event.Record) error {
	r.batch = append(r.batch, []any{e.ID, e.Object, e.UID, e.Seq, string(e.Type), e.Topic, e.Key, e.Value, e.TraceID, e.At})
	if len(r.batch) < restoreAtOnce {
		return nil
	}
	return r.flush(ctx)
}

func (r *Restore) flush(ctx context.Context) error {
	columns := []string{"event_id", "object", "uid", "seq", "type", "topic", "key", "value", "trace_id", "at"}
	if _, err := r.tx.CopyFrom(ctx, pgx.Identifier{"published"}, columns, pgx.CopyFromRows(r.batch)); err != nil {
		return fmt.Errorf("fill %s: %w", r.log, err)
	}
	r.batch = r.batch[:0]
	return nil
}

// Done fills the log and returns how many events it did not have.
func (r *Restore) Done(ctx context.Context) (int64, error) {
	if err := r.flush(ctx); err != nil {
		return 0, err
	}
	tag, err := r.tx.Exec(ctx, r.log.restore())
	if err != nil {
		return 0, fmt.Errorf("fill %s: %w", r.log, err)
	}
	return tag.RowsAffected(), nil
}
