package stockdb

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
)

// Kind is why stock moved.
type Kind string

// Why stock moved (protocol rule 12).
const (
	// Opening is what an item began with.
	Opening Kind = "Opening"
	// Commit took units off the shelf for an order.
	Commit Kind = "Commit"
	// Restock put units back that had been taken.
	Restock Kind = "Restock"
	// Adjust is what a stock document changed.
	Adjust Kind = "Adjust"
	// Carried is the difference between what was told and what is on hand, after a loss.
	Carried Kind = "Carried"
)

// Movement is a line of the ledger: what changed what is on hand of one item, in units.
type Movement struct {
	// No is the place in the ledger, ascending.
	No        int64
	ItemUID   string
	ProductID string
	// Seq of the decision in the stock journal; 0 for Opening, and for Carried the last
	// decision that the item contained.
	Seq  int64
	Kind Kind
	// Quantity that was decided about. It may be more than Delta says: units of an item that
	// was gone moved nothing.
	Quantity, Delta int64
	// Remaining is what was available right after the decision; nil for Opening and Carried.
	Remaining *int64
	// OnHand is the item's balance after this movement.
	OnHand int64
	// UID and Object are the reservation, document or item it came from.
	UID, Object string
	// OrderID is the order's, where it was moved for one.
	OrderID string
	Reason  string
	At      time.Time
}

// Page says which movements to read: at most Limit, newest first, booked before the one of
// number Before; from the newest when that is 0.
type Page struct {
	Before int64
	Limit  int
}

const (
	movementColumns = `no, item_uid, product_id, seq, kind, quantity, delta, remaining, on_hand, uid, object, coalesce(order_id, '') AS order_id, reason, at`
	movementsSQL    = `SELECT ` + movementColumns + ` FROM movements
WHERE product_id = $1 AND no < $2 ORDER BY no DESC LIMIT $3`
)

// Movements is a page of a product's ledger, and the Before of the next page; 0 when this is
// the last. A product that nothing is known of has none.
func Movements(ctx context.Context, q Querier, productID string, page Page) (movements []Movement, next int64, err error) {
	before := cmp.Or(page.Before, math.MaxInt64)
	rows, err := q.Query(ctx, movementsSQL, productID, before, page.Limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("read the movements of %s: %w", productID, err)
	}
	movements, err = pgx.CollectRows(rows, pgx.RowToStructByName[Movement])
	if err != nil {
		return nil, 0, fmt.Errorf("read the movements of %s: %w", productID, err)
	}
	if len(movements) > page.Limit {
		movements = movements[:page.Limit]
		next = movements[page.Limit-1].No
	}
	return movements, next, nil
}
