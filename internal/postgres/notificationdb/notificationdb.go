package notificationdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Querier is a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Notification is one message to a customer. Its fields are the public contract's.
type Notification struct {
	ID      uuid.UUID
	OrderID string
	// Channel is EMAIL, SMS or PUSH.
	Channel string
	// Recipient is the address, the number or the device that it goes to.
	Recipient string
	// Template names the text that is sent.
	Template string
	// Status is PENDING until the message was DELIVERED, or FAILED for good.
	Status string
	// Attempts is how often it was tried to send it.
	Attempts int
	// SentAt is when it was delivered, nil before.
	SentAt    *time.Time
	CreatedAt time.Time
}

// Page says which notifications of an order to read: at most Limit, after the first Offset.
type Page struct{ Offset, Limit int }

const (
	columns  = `id, order_id, channel, recipient, template, status, attempts, sent_at, created_at`
	listSQL  = `SELECT ` + columns + ` FROM notifications WHERE order_id = $1 AND status <> 'SKIPPED' ORDER BY created_at DESC, id DESC OFFSET $2 LIMIT $3`
	countSQL = `SELECT count(*) FROM notifications WHERE order_id = $1 AND status <> 'SKIPPED'`
	getSQL   = `SELECT ` + columns + ` FROM notifications WHERE id = $1 AND status <> 'SKIPPED'`
)

// List is a page of the notifications of an order, newest first. An order that nothing is known
// of has none.
func List(ctx context.Context, q Querier, orderID string, page Page) ([]Notification, error) {
	rows, err := q.Query(ctx, listSQL, orderID, page.Offset, page.Limit)
	if err != nil {
		return nil, fmt.Errorf("list the notifications of %s: %w", orderID, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Notification])
	if err != nil {
		return nil, fmt.Errorf("list the notifications of %s: %w", orderID, err)
	}
	return found, nil
}

// Count is how many notifications an order has.
func Count(ctx context.Context, q Querier, orderID string) (int, error) {
	rows, err := q.Query(ctx, countSQL, orderID)
	if err != nil {
		return 0, fmt.Errorf("count the notifications of %s: %w", orderID, err)
	}
	n, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
	if err != nil {
		return 0, fmt.Errorf("count the notifications of %s: %w", orderID, err)
	}
	return n, nil
}

// Get returns the notification of an id, and whether there is one.
func Get(ctx context.Context, q Querier, id uuid.UUID) (found Notification, ok bool, err error) {
	rows, err := q.Query(ctx, getSQL, id)
	if err != nil {
		return Notification{}, false, fmt.Errorf("read notification %s: %w", id, err)
	}
	found, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Notification])
	if errors.Is(err, pgx.ErrNoRows) {
		return Notification{}, false, nil
	}
	if err != nil {
		return Notification{}, false, fmt.Errorf("read notification %s: %w", id, err)
	}
	return found, true, nil
}
