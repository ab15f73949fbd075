package stockdb

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
)

const (
	balancesSQL = `SELECT u.item_uid, m.on_hand FROM unnest($1::text[]) AS u (item_uid)
CROSS JOIN LATERAL (SELECT on_hand FROM movements WHERE item_uid = u.item_uid ORDER BY no DESC LIMIT 1) AS m`

	// What was booked behind a number is little; what was booked up to it may be years.
	balancesUpToSQL = `SELECT u.item_uid, m.on_hand
	- coalesce((SELECT sum(delta) FROM movements WHERE item_uid = u.item_uid AND seq > u.seq AND kind <> 'Carried'), 0)
	- coalesce((SELECT sum(delta) FROM movements WHERE item_uid = u.item_uid AND seq > u.seq AND kind = 'Carried'), 0) AS on_hand
FROM jsonb_to_recordset($1) AS u (item_uid text, seq bigint, rv bigint)
JOIN inventory AS i ON i.item_uid = u.item_uid AND i.rv = u.rv
CROSS JOIN LATERAL (SELECT on_hand FROM movements WHERE item_uid = u.item_uid ORDER BY no DESC LIMIT 1) AS m`

	bookSQL = `INSERT INTO movements (item_uid, product_id, seq, kind, quantity, delta, remaining, on_hand, uid, object, order_id, reason, at)
SELECT item_uid, product_id, seq, kind, quantity, delta, remaining, on_hand, uid, object, order_id, reason, at
FROM ROWS FROM (jsonb_to_recordset($1) AS (item_uid text, product_id text, seq bigint, kind text, quantity bigint, delta bigint,
	remaining bigint, on_hand bigint, uid text, object text, order_id text, reason text, at timestamptz)) WITH ORDINALITY
ORDER BY ordinality`
)

type balance struct {
	ItemUID string
	OnHand  int64
}

// Balances are what the ledger says is on hand of items, by item uid. An item that has no
// movement yet, not even its opening, is not among them.
func Balances(ctx context.Context, tx pgx.Tx, items []string) (map[string]int64, error) {
	return balances(ctx, tx, balancesSQL, items)
}

// Point is an item as one of its versions says: what it contains up to the decision Seq.
type Point struct {
	ItemUID string `json:"item_uid"`
	Seq     int64  `json:"seq"`
	// Version is the resourceVersion.
	Version int64 `json:"rv"`
}

// BalancesUpTo are what the ledger says was on hand of items after a decision, by item uid. Of
// an item whose row has another version than the point's nothing is said: somebody wrote a
// newer one, and it is to be compared then.
func BalancesUpTo(ctx context.Context, tx pgx.Tx, points []Point) (map[string]int64, error) {
	arg, err := json.Marshal(points)
	if err != nil {
		return nil, fmt.Errorf("read balances: %w", err)
	}
	return balances(ctx, tx, balancesUpToSQL, arg)
}

func balances(ctx context.Context, tx pgx.Tx, sql string, arg any) (map[string]int64, error) {
	rows, err := tx.Query(ctx, sql, arg)
	if err != nil {
		return nil, fmt.Errorf("read balances: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[balance])
	if err != nil {
		return nil, fmt.Errorf("read balances: %w", err)
	}
	byItem := make(map[string]int64, len(found))
	for _, b := range found {
		byItem[b.ItemUID] = b.OnHand
	}
	return byItem, nil
}

// booking is a movement as the statement reads it.
type booking struct {
	ItemUID   string             `json:"item_uid"`
	ProductID string             `json:"product_id"`
	Seq       int64              `json:"seq"`
	Kind      stock.MovementKind `json:"kind"`
	Quantity  int64              `json:"quantity"`
	Delta     int64              `json:"delta"`
	Remaining *int64             `json:"remaining"`
	OnHand    int64              `json:"on_hand"`
	UID       string             `json:"uid"`
	Object    string             `json:"object"`
	OrderID   *string            `json:"order_id"`
	Reason    string             `json:"reason"`
	At        time.Time          `json:"at"`
}

// Book appends movements to the ledger, in their order. Their balances are filled in.
func Book(ctx context.Context, tx pgx.Tx, movements []stock.Movement) error {
	if len(movements) == 0 {
		return nil
	}
	bookings := make([]booking, 0, len(movements))
	for i := range movements {
		m := &movements[i]
		bookings = append(bookings, booking{
			ItemUID: m.ItemUID, ProductID: m.ProductID, Seq: m.Seq, Kind: m.Kind, Quantity: m.Quantity, Delta: m.Delta, Remaining: m.Remaining,
			OnHand: m.OnHand, UID: m.UID, Object: m.Object, OrderID: orNull(m.OrderID), Reason: m.Reason, At: m.At,
		})
	}
	return put(ctx, tx, bookSQL, bookings)
}

// put runs a statement that reads rows from one JSON array.
func put(ctx context.Context, tx pgx.Tx, sql string, rows any) error {
	arg, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("write stock: %w", err)
	}
	if _, err := tx.Exec(ctx, sql, arg); err != nil {
		return fmt.Errorf("write stock: %w", err)
	}
	return nil
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
