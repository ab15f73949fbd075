package stockdb

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
)

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
func Movements(ctx context.Context, q Querier, productID string, page Page) (movements []stock.Movement, next int64, err error) {
	before := cmp.Or(page.Before, math.MaxInt64)
	rows, err := q.Query(ctx, movementsSQL, productID, before, page.Limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("read the movements of %s: %w", productID, err)
	}
	movements, err = pgx.CollectRows(rows, pgx.RowToStructByName[stock.Movement])
	if err != nil {
		return nil, 0, fmt.Errorf("read the movements of %s: %w", productID, err)
	}
	if len(movements) > page.Limit {
		movements = movements[:page.Limit]
		next = movements[page.Limit-1].No
	}
	return movements, next, nil
}
