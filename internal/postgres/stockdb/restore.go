package stockdb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
)

// What events say of movements: those that have an item. Of a difference that was carried the event has
// the number of the cursor; the decision that the item contained is the last that moved it, or later.
const restoreSQL = `INSERT INTO movements (item_uid, product_id, seq, kind, quantity, delta, remaining, on_hand, uid, object, order_id, reason, at)
SELECT item_uid, key,
	CASE kind WHEN 'Carried' THEN greatest(max(told.seq) FILTER (WHERE kind <> 'Carried') OVER before, had.seq, 0) ELSE told.seq END,
	kind, CASE WHEN kind IN ('Commit', 'Restock') THEN quantity ELSE delta END, delta, CASE kind WHEN 'Opening' THEN NULL ELSE remaining END,
	coalesce(had.on_hand, 0) + sum(delta) OVER before, uid, object, order_id, reason, at
FROM (
	SELECT no, key, uid, object, at, seq, p->>'itemUid' AS item_uid, p->>'orderId' AS order_id, coalesce(p->>'reason', '') AS reason,
		(p->>'delta')::bigint AS delta, (p->>'reservedQty')::bigint AS quantity, (p->>'remainingQty')::bigint AS remaining,
		CASE p->>'status' WHEN 'COMMITTED' THEN 'Commit' WHEN 'RESTOCKED' THEN 'Restock' ELSE
			CASE WHEN seq = 0 THEN 'Opening' WHEN p->>'reason' = 'Carried' AND p->>'itemUid' = uid THEN 'Carried' ELSE 'Adjust' END END AS kind
	FROM (SELECT *, convert_from(value, 'UTF8')::jsonb->'payload' AS p FROM stock_events WHERE type = 'inventory.updated' AND no > $1) e
	WHERE p ? 'itemUid'
) told
LEFT JOIN LATERAL (SELECT m.on_hand, m.seq FROM movements m WHERE m.item_uid = told.item_uid ORDER BY m.no DESC LIMIT 1) had ON true
WINDOW before AS (PARTITION BY item_uid ORDER BY told.no)
ORDER BY told.no`

// RestoreMovements books what the events behind a place say that moved (rules 39 and 40), and returns how
// many movements that are.
func RestoreMovements(ctx context.Context, tx pgx.Tx, behind int64) (int64, error) {
	tag, err := tx.Exec(ctx, restoreSQL, behind)
	if err != nil {
		return 0, fmt.Errorf("fill the ledger from the events: %w", err)
	}
	return tag.RowsAffected(), nil
}

const bookedSQL = `SELECT item_uid, seq FROM movements JOIN unnest($1::text[], $2::bigint[]) AS n (item_uid, seq) USING (item_uid, seq)
WHERE kind <> 'Carried'`

// Booked is a movement as the ledger tells them apart.
type Booked struct {
	ItemUID string
	Seq     int64
}

// AllBooked are those of some movements that the ledger has already: a rebuild has put them there.
func AllBooked(ctx context.Context, tx pgx.Tx, movements []stock.Movement) (map[Booked]bool, error) {
	items, seqs := make([]string, len(movements)), make([]int64, len(movements))
	for i := range movements {
		items[i], seqs[i] = movements[i].ItemUID, movements[i].Seq
	}
	rows, err := tx.Query(ctx, bookedSQL, items, seqs)
	if err != nil {
		return nil, fmt.Errorf("look up movements: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Booked])
	if err != nil {
		return nil, fmt.Errorf("look up movements: %w", err)
	}
	booked := make(map[Booked]bool, len(found))
	for _, b := range found {
		booked[b] = true
	}
	return booked, nil
}
