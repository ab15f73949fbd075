package outbox

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orderplane/orderplane/internal/domain/event"
)

// Log is a table of events together with the outbox of its database.
type Log string

// The logs, one a database.
const (
	Orders Log = "order_events"
	Stock  Log = "stock_events"
)

// Channel is where a NOTIFY tells of a commit that has queued something. It is the database's own.
const Channel = "outbox"

// Querier is a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// in names the table of a log in a query.
func (l Log) in(query string) string {
	return strings.ReplaceAll(query, "EVENTS", pgx.Identifier{string(l)}.Sanitize())
}

const put = `
WITH stored AS (
	INSERT INTO EVENTS (event_id, object, uid, seq, type, topic, key, value, trace_id, at)
	SELECT event_id, object, uid, seq, type, topic, key, value, trace_id, at
	FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::text[], $10::timestamptz[])
		WITH ORDINALITY AS new (event_id, object, uid, seq, type, topic, key, value, trace_id, at, place)
	ORDER BY place
	ON CONFLICT DO NOTHING
	RETURNING event_id, no, topic, key
), queued AS (
	INSERT INTO outbox (event_id, key)
	SELECT event_id, key FROM stored WHERE topic <> '' ORDER BY no
	RETURNING no
)
SELECT pg_notify('` + Channel + `', '') WHERE EXISTS (SELECT FROM queued)`

// Put stores events and queues them to be published, in their order. An event that is stored already
// keeps the bytes it has and is not queued again (rule 2); one without a topic is stored only.
// The caller holds the lock of the row that orders the keys.
func Put(ctx context.Context, tx pgx.Tx, l Log, records []event.Record) error {
	if len(records) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, l.in(put), columnsOf(records)...); err != nil {
		return fmt.Errorf("put %d events into %s: %w", len(records), l, err)
	}
	return nil
}

// columnsOf turns records into the arrays that put takes.
func columnsOf(records []event.Record) []any {
	n := len(records)
	ids, seqs, ats, values := make([]uuid.UUID, n), make([]int64, n), make([]time.Time, n), make([][]byte, n)
	objects, uids, types, topics, keys, traces := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i := range records {
		r := &records[i]
		ids[i], seqs[i], ats[i], values[i] = r.ID, r.Seq, r.At, r.Value
		objects[i], uids[i], types[i], topics[i], keys[i], traces[i] = r.Object, r.UID, string(r.Type), r.Topic, r.Key, r.TraceID
	}
	return []any{ids, objects, uids, seqs, types, topics, keys, values, traces, ats}
}

// Depth is how much is queued.
type Depth struct {
	Rows int64
	// Oldest is when the first of them was queued; zero when there is none.
	Oldest time.Time
}

const depth = `SELECT count(*), (SELECT queued_at FROM outbox ORDER BY no LIMIT 1) FROM outbox`

// Waiting says how much the outbox of a database holds.
func Waiting(ctx context.Context, db Querier) (Depth, error) {
	rows, err := db.Query(ctx, depth)
	if err != nil {
		return Depth{}, fmt.Errorf("count the outbox: %w", err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (d Depth, err error) {
		var oldest *time.Time
		err = row.Scan(&d.Rows, &oldest)
		if oldest != nil {
			d.Oldest = *oldest
		}
		return d, err
	})
	if err != nil {
		return Depth{}, fmt.Errorf("count the outbox: %w", err)
	}
	return d, nil
}
