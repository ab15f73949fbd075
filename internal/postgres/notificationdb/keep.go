package notificationdb

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/notification"
)

const (
	untoldSQL = `SELECT id, event_id, order_id, order_uid, seq, channel, recipient, template, status, coalesce(reason, ''), happened_at, trace_id,
		attempts, coalesce(error, ''), coalesce(sent_at, due_at)
	FROM notifications WHERE status IN ('DELIVERED', 'FAILED') AND told_at IS NULL AND event_id IS NOT NULL
	ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED`

	toldSQL = `UPDATE notifications SET told_at = now() WHERE id = ANY($1)`

	againSQL = `UPDATE notifications SET status = 'PENDING', reason = NULL, error = NULL, attempts = 0, due_at = now(), told_at = NULL
	WHERE event_id = ANY($1) AND status = 'FAILED' AND recipient <> ''`

	// What waits to be sent goes by NOTIFY_MAX_AGE, which is shorter than any retention.
	forgetSQL = `DELETE FROM notifications WHERE id IN (
		SELECT id FROM notifications WHERE created_at < now() - make_interval(secs => $1) AND status <> 'PENDING' ORDER BY created_at LIMIT $2)`

	forgetInboxSQL = `DELETE FROM inbox WHERE event_id IN (
		SELECT event_id FROM inbox WHERE handled_at < now() - make_interval(secs => $1) ORDER BY handled_at LIMIT $2)`

	eraseSQL = `UPDATE notifications SET recipient = '', customer_id = NULL,
		status = CASE status WHEN 'PENDING' THEN 'SKIPPED' ELSE status END,
		reason = CASE status WHEN 'PENDING' THEN 'ERASED' ELSE reason END,
		sender = NULL
	WHERE customer_id = $1`

	waitingSQL = `SELECT channel, count(*), extract(epoch FROM now() - min(created_at))::float8 FROM notifications WHERE status = 'PENDING' GROUP BY channel`
)

// Untold is a notification at its end that was not told on the topics.
type Untold struct {
	notification.Notification
	Attempts int
	// Error is how the last try failed.
	Error string
	// At is when it was delivered, or given up.
	At time.Time
}

// FindUntold locks what is to be told, at most limit, until the transaction is over. What others
// have locked is left to them.
func FindUntold(ctx context.Context, tx pgx.Tx, limit int) ([]Untold, error) {
	rows, err := tx.Query(ctx, untoldSQL, limit)
	if err != nil {
		return nil, fmt.Errorf("look for what is to be told: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (u Untold, err error) {
		err = row.Scan(&u.ID, &u.EventID, &u.OrderID, &u.OrderUID, &u.Seq, &u.Channel, &u.Recipient, &u.Template, &u.Status, &u.Reason,
			&u.HappenedAt, &u.TraceID, &u.Attempts, &u.Error, &u.At)
		return u, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for what is to be told: %w", err)
	}
	return found, nil
}

// Told marks what was told.
func Told(ctx context.Context, db Database, ids []uuid.UUID) error {
	if _, err := db.Exec(ctx, toldSQL, ids); err != nil {
		return fmt.Errorf("mark %d notifications as told: %w", len(ids), err)
	}
	return nil
}

// Again has the notifications of events that were given up sent once more, with all their tries, and
// gives how many there are. Those without a recipient stay as they are.
func Again(ctx context.Context, db Database, eventIDs []uuid.UUID) (int, error) {
	done, err := db.Exec(ctx, againSQL, eventIDs)
	if err != nil {
		return 0, fmt.Errorf("queue what was given up: %w", err)
	}
	return int(done.RowsAffected()), nil
}

// Forget deletes at most limit notifications that are older than that and do not wait to be sent, and as
// many entries of the inbox; it gives how many rows of both went.
func Forget(ctx context.Context, db Database, age time.Duration, limit int) (int, error) {
	gone := 0
	for _, sql := range []string{forgetSQL, forgetInboxSQL} {
		done, err := db.Exec(ctx, sql, age.Seconds(), limit)
		if err != nil {
			return gone, fmt.Errorf("delete what is older than %s: %w", age, err)
		}
		gone += int(done.RowsAffected())
	}
	return gone, nil
}

// Erase takes recipient and customer out of every notification of a customer, and gives how many there
// were. What was not sent yet is not sent any more.
func Erase(ctx context.Context, db Database, customerID string) (int, error) {
	done, err := db.Exec(ctx, eraseSQL, customerID)
	if err != nil {
		return 0, fmt.Errorf("erase a customer's notifications: %w", err)
	}
	return int(done.RowsAffected()), nil
}

// Queue is what waits on a channel: how many, and how long the oldest has.
type Queue struct {
	Waiting int
	Oldest  time.Duration
}

// Queues gives what waits on each channel; a channel that is not in it has nothing.
func Queues(ctx context.Context, db Database) (map[v1alpha1.NotificationChannel]Queue, error) {
	rows, err := db.Query(ctx, waitingSQL)
	if err != nil {
		return nil, fmt.Errorf("count what waits to be sent: %w", err)
	}
	queues := map[v1alpha1.NotificationChannel]Queue{}
	var (
		channel v1alpha1.NotificationChannel
		count   int
		seconds float64
	)
	if _, err := pgx.ForEachRow(rows, []any{&channel, &count, &seconds}, func() error {
		queues[channel] = Queue{Waiting: count, Oldest: time.Duration(seconds * float64(time.Second))}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("count what waits to be sent: %w", err)
	}
	return queues, nil
}
