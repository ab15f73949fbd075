package orderdb

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/domain/event"
)

const (
	eventColumns = `event_id, object, uid, seq, type, topic, key, value, trace_id, at`

	events = `SELECT ` + eventColumns + ` FROM order_events WHERE event_id = ANY($1)`

	lives = `SELECT ` + eventColumns + ` FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS span (of, after, up_to)
		JOIN order_events ON uid = of AND seq > after AND seq <= up_to ORDER BY uid, seq`
)

// Events returns the events of ids, as they were first told. An id of none is not in it.
func Events(ctx context.Context, db Querier, ids []uuid.UUID) (map[uuid.UUID]event.Record, error) {
	rows, err := db.Query(ctx, events, ids)
	if err != nil {
		return nil, fmt.Errorf("look up %d events: %w", len(ids), err)
	}
	found, err := pgx.CollectRows(rows, scanEvent)
	if err != nil {
		return nil, fmt.Errorf("look up %d events: %w", len(ids), err)
	}
	byID := make(map[uuid.UUID]event.Record, len(found))
	for i := range found {
		byID[found[i].ID] = found[i]
	}
	return byID, nil
}

// Part of the life of an order: the events after one number, up to and with another.
type Part struct {
	// UID is the identity of the order.
	UID         string
	After, UpTo int64
}

// Lives returns the events of parts of lives, those of an order in their order.
func Lives(ctx context.Context, db Querier, parts []Part) ([]event.Record, error) {
	uids, after, upTo := make([]string, len(parts)), make([]int64, len(parts)), make([]int64, len(parts))
	for i, p := range parts {
		uids[i], after[i], upTo[i] = p.UID, p.After, p.UpTo
	}
	rows, err := db.Query(ctx, lives, uids, after, upTo)
	if err != nil {
		return nil, fmt.Errorf("read the events of %d orders: %w", len(parts), err)
	}
	found, err := pgx.CollectRows(rows, scanEvent)
	if err != nil {
		return nil, fmt.Errorf("read the events of %d orders: %w", len(parts), err)
	}
	return found, nil
}

func scanEvent(row pgx.CollectableRow) (r event.Record, err error) {
	err = row.Scan(&r.ID, &r.Object, &r.UID, &r.Seq, &r.Type, &r.Topic, &r.Key, &r.Value, &r.TraceID, &r.At)
	return r, err
}
