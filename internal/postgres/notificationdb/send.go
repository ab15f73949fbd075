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
	aliveSQL = `INSERT INTO senders (id, alive_until) VALUES ($1, now() + make_interval(secs => $2))
		ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until`

	leaveSQL = `WITH left_behind AS (UPDATE notifications SET sender = NULL WHERE sender = $1 AND status = 'PENDING')
		DELETE FROM senders WHERE id = $1 OR alive_until < now() - interval '1 day'`

	// claimSQL takes what is due and nobody alive is sending, and what has its turn: what happened to an
	// order before is not waiting on the same channel any more. Who claims is alive: what is its own and not in its
	// hands is what it was never told of. The || '' has the turn looked up by the order's own index: the statistics may be
	// of a time when nothing waited, and by them an index of all that waits seems as good.
	claimSQL = `WITH due AS (
		SELECT id FROM notifications n
		WHERE status = 'PENDING' AND channel = $2 AND due_at <= now() AND id <> ALL($4)
			AND (sender IS NULL OR sender = $1 OR NOT EXISTS (SELECT FROM senders s WHERE s.id = n.sender AND s.alive_until > now()))
			AND seq = (SELECT min(w.seq) FROM notifications w
				WHERE w.order_id = n.order_id AND w.order_uid = n.order_uid AND w.channel = n.channel AND w.status || '' = 'PENDING')
		ORDER BY due_at, seq LIMIT $3 FOR UPDATE SKIP LOCKED
	)
	UPDATE notifications n SET sender = $1 FROM due WHERE n.id = due.id
	RETURNING n.id, event_id, order_id, order_uid, seq, coalesce(customer_id, ''), channel, recipient, template, happened_at, trace_id, attempts`

	finishSQL = `UPDATE notifications n SET status = f.status, reason = nullif(f.reason, ''), error = nullif(f.error, ''), attempts = f.attempts,
		sent_at = CASE f.status WHEN 'DELIVERED' THEN now() END, due_at = now() + make_interval(secs => f.pause), sender = NULL
	FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::float8[]) AS f (id, status, reason, error, attempts, pause)
	WHERE n.id = f.id AND n.sender = $1 AND n.status = 'PENDING'
	RETURNING n.id`
)

// Alive says that a sender is there, and will be for a while, by the database's clock.
func Alive(ctx context.Context, db Database, sender uuid.UUID, within time.Duration) error {
	if _, err := db.Exec(ctx, aliveSQL, sender, within.Seconds()); err != nil {
		return fmt.Errorf("say that sender %s is alive: %w", sender, err)
	}
	return nil
}

// Leave gives back what a sender has not sent, so that others need not wait for it.
func Leave(ctx context.Context, db Database, sender uuid.UUID) error {
	if _, err := db.Exec(ctx, leaveSQL, sender); err != nil {
		return fmt.Errorf("give back what sender %s has not sent: %w", sender, err)
	}
	return nil
}

// Claimed is a notification that a sender sends now, tried Attempts times before.
type Claimed struct {
	notification.Notification
	Attempts int
}

// Claimant is a sender that asks for something to send.
type Claimant struct {
	Sender  uuid.UUID
	Channel v1alpha1.NotificationChannel
	// Holding is what it was given before and is not finished. A claim whose answer was lost is not in it, and is
	// given once more.
	Holding []uuid.UUID
}

// Claim gives a sender at most limit notifications of its channel to send. Of an order's there is never
// more than one at a time, the oldest.
func Claim(ctx context.Context, db Database, by Claimant, limit int) ([]Claimed, error) {
	holding := by.Holding
	if holding == nil {
		holding = []uuid.UUID{} // NULL would let nothing through
	}
	rows, err := db.Query(ctx, claimSQL, by.Sender, string(by.Channel), limit, holding)
	if err != nil {
		return nil, fmt.Errorf("claim what is to be sent by %s: %w", by.Channel, err)
	}
	claimed, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c Claimed, err error) {
		err = row.Scan(&c.ID, &c.EventID, &c.OrderID, &c.OrderUID, &c.Seq, &c.CustomerID, &c.Channel, &c.Recipient, &c.Template,
			&c.HappenedAt, &c.TraceID, &c.Attempts)
		c.Status = notification.Pending
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("claim what is to be sent by %s: %w", by.Channel, err)
	}
	return claimed, nil
}

// Finished is what became of a notification that was claimed.
type Finished struct {
	ID uuid.UUID
	notification.Step
	// Error is how the try failed, for an operator: it is about no person.
	Error string
}

// Finish keeps what became of notifications, and gives those that it kept: the others were not the
// sender's any more.
func Finish(ctx context.Context, db Database, sender uuid.UUID, finished []Finished) (kept []uuid.UUID, err error) {
	if len(finished) == 0 {
		return nil, nil
	}
	rows, err := db.Query(ctx, finishSQL, sender,
		column(finished, func(f *Finished) uuid.UUID { return f.ID }),
		column(finished, func(f *Finished) string { return string(f.Status) }),
		column(finished, func(f *Finished) string { return string(f.Reason) }),
		column(finished, func(f *Finished) string { return f.Error }),
		column(finished, func(f *Finished) int { return f.Attempts }),
		column(finished, func(f *Finished) float64 { return f.Pause.Seconds() }))
	if err == nil {
		kept, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	}
	if err != nil {
		return nil, fmt.Errorf("keep what became of %d notifications: %w", len(finished), err)
	}
	return kept, nil
}
