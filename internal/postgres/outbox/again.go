package outbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Replay says what Again queues: the events of a topic, for some keys after another.
type Replay struct {
	Topic string
	// After is the last key that was done; empty to begin.
	After string
	// Keys is how many keys are done at once.
	Keys int
}

const keysAfter = `SELECT DISTINCT key FROM EVENTS WHERE topic = $1 AND key > $2 ORDER BY key LIMIT $3`

// Nobody queues anything meanwhile: who does holds row locks and waits for this one, which waits for none.
const hold = `LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE`

// What is queued of a key already takes part, since it has to stay behind what comes before it.
const again = `
WITH queued AS (
	DELETE FROM outbox WHERE key = ANY ($2::text[]) RETURNING event_id
), requeued AS (
	INSERT INTO outbox (event_id, key)
	SELECT event_id, key FROM EVENTS
	WHERE key = ANY ($2::text[]) AND topic <> '' AND (topic = $1 OR event_id IN (SELECT event_id FROM queued))
	ORDER BY no
	RETURNING no
), told AS (
	SELECT pg_notify('` + Channel + `', '')
)
SELECT count(*) FROM requeued, told`

// Again queues events that were published before, each key in its order (rule 18). It returns how many
// it queued, and the last key that it did; that is empty once no key is left. Call it in a
// transaction of its own: until that ends nobody else queues anything.
func Again(ctx context.Context, tx pgx.Tx, l Log, r Replay) (queued int64, last string, err error) {
	rows, err := tx.Query(ctx, l.in(keysAfter), r.Topic, r.After, r.Keys)
	if err != nil {
		return 0, "", fmt.Errorf("find what to replay of %s: %w", r.Topic, err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, "", fmt.Errorf("find what to replay of %s: %w", r.Topic, err)
	}
	if len(keys) == 0 {
		return 0, "", nil
	}
	if _, err := tx.Exec(ctx, hold); err != nil {
		return 0, "", fmt.Errorf("hold the outbox: %w", err)
	}
	rows, err = tx.Query(ctx, l.in(again), r.Topic, keys)
	if err != nil {
		return 0, "", fmt.Errorf("replay %s: %w", r.Topic, err)
	}
	if queued, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int64]); err != nil {
		return 0, "", fmt.Errorf("replay %s: %w", r.Topic, err)
	}
	return queued, keys[len(keys)-1], nil
}
