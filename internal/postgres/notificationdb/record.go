package notificationdb

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orderplane/orderplane/internal/domain/notification"
)

// Database is a pool, a connection or a transaction.
type Database interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Handled is an event that was handled, whether it made a notification or not.
type Handled struct {
	EventID  uuid.UUID
	OrderUID string
	Seq      int64
}

// knownSQL is how far each of some orders was handled.
const knownSQL = `SELECT order_uid, max(seq) FROM inbox WHERE order_uid = ANY($1) GROUP BY order_uid`

// Known gives the highest number of an event that was handled of each order, by the order's identity.
// An order that is not in it has none.
func Known(ctx context.Context, db Database, orderUIDs []string) (map[string]int64, error) {
	rows, err := db.Query(ctx, knownSQL, orderUIDs)
	if err != nil {
		return nil, fmt.Errorf("look up what was handled: %w", err)
	}
	highest := map[string]int64{}
	var (
		uid string
		seq int64
	)
	if _, err := pgx.ForEachRow(rows, []any{&uid, &seq}, func() error {
		highest[uid] = seq
		return nil
	}); err != nil {
		return nil, fmt.Errorf("look up what was handled: %w", err)
	}
	return highest, nil
}

// recordSQL writes the inbox and the notifications of what was not in it, in one statement. Two who
// record the same events wait for each other in the order of the events. The inbox may have forgotten the event of a
// notification that still waits: that one stays as it is.
const recordSQL = `WITH fresh AS (
	INSERT INTO inbox (event_id, order_uid, seq)
	SELECT event_id, order_uid, seq FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS e (event_id, order_uid, seq)
	ORDER BY order_uid COLLATE "C", seq
	ON CONFLICT (event_id) DO NOTHING
	RETURNING event_id
)
INSERT INTO notifications (id, event_id, order_id, order_uid, seq, customer_id, channel, recipient, template, status, reason,
	happened_at, trace_id, created_at)
SELECT n.id, n.event_id, n.order_id, n.order_uid, n.seq, nullif(n.customer_id, ''), n.channel, n.recipient, n.template, n.status, nullif(n.reason, ''),
	n.happened_at, n.trace_id, now()
FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[],
	$13::text[], $14::text[], $15::timestamptz[], $16::text[])
	AS n (id, event_id, order_id, order_uid, seq, customer_id, channel, recipient, template, status, reason, happened_at, trace_id)
JOIN fresh USING (event_id)
ON CONFLICT DO NOTHING`

// Record keeps that events were handled, with the notifications that they make. What was handled
// before stays as it is. It returns how many notifications are new.
func Record(ctx context.Context, db Database, events []Handled, planned []notification.Notification) (fresh int, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	done, err := db.Exec(ctx, recordSQL,
		column(events, func(e *Handled) uuid.UUID { return e.EventID }),
		column(events, func(e *Handled) string { return e.OrderUID }),
		column(events, func(e *Handled) int64 { return e.Seq }),
		column(planned, func(n *notification.Notification) uuid.UUID { return n.ID }),
		column(planned, func(n *notification.Notification) uuid.UUID { return n.EventID }),
		column(planned, func(n *notification.Notification) string { return n.OrderID }),
		column(planned, func(n *notification.Notification) string { return n.OrderUID }),
		column(planned, func(n *notification.Notification) int64 { return n.Seq }),
		column(planned, func(n *notification.Notification) string { return n.CustomerID }),
		column(planned, func(n *notification.Notification) string { return string(n.Channel) }),
		column(planned, func(n *notification.Notification) string { return n.Recipient }),
		column(planned, func(n *notification.Notification) string { return string(n.Template) }),
		column(planned, func(n *notification.Notification) string { return string(n.Status) }),
		column(planned, func(n *notification.Notification) string { return string(n.Reason) }),
		column(planned, func(n *notification.Notification) time.Time { return n.HappenedAt }),
		column(planned, func(n *notification.Notification) string { return n.TraceID }),
	)
	if err != nil {
		return 0, fmt.Errorf("record %d events: %w", len(events), err)
	}
	return int(done.RowsAffected()), nil
}

// column is one field of many values. An empty one is no NULL.
func column[T, V any](of []T, field func(*T) V) []V {
	values := make([]V, len(of))
	for i := range of {
		values[i] = field(&of[i])
	}
	return values
}
