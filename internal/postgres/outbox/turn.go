package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orderplane/orderplane/internal/domain/event"
)

// Queued is an event that waits to be published.
type Queued struct {
	// No is its place in the queue.
	No     int64
	Record event.Record
	// At is when it was queued.
	At time.Time
}

// Turn is what a relay asks for in one transaction, and in one round trip.
type Turn struct {
	// Published are places whose events were acknowledged. They are deleted.
	Published []int64
	// Read is whether further events are read, at most MaxRows.
	Read bool
	// Held are places that the relay has in memory; they are not read again.
	Held []int64
	// Passed are keys that are passed over whole.
	Passed []string
	// Bytes is how long the values read may be in sum. One is read even if it is longer.
	Bytes int
}

// MaxRows is how many events a turn reads at most.
const MaxRows = 512

// Rows are locked in the order of their places, so that two relays that delete the same ones don't
// wait for each other.
const remove = `DELETE FROM outbox WHERE no IN (SELECT no FROM outbox WHERE no = ANY ($1::bigint[]) ORDER BY no FOR UPDATE)`

// Everything that is queued is read by its place, never what is above the last one that was read: a
// place is taken before its commit, so a lower one may show up later. Rows that others have locked
// are read like all others (rule 15).
func (l Log) read() string {
	return l.in(fmt.Sprintf(`
SELECT no, queued_at, event_id, object, uid, seq, type, topic, key, value, trace_id, at
FROM (
	SELECT queued.no, queued_at, event_id, object, uid, seq, type, topic, e.key, value, trace_id, at,
		sum(octet_length(value)) OVER (ORDER BY queued.no) - octet_length(value) AS before
	FROM (
		SELECT no, event_id, queued_at FROM outbox
		WHERE no <> ALL ($1::bigint[]) AND key <> ALL ($2::text[])
		ORDER BY no LIMIT %d
	) queued JOIN EVENTS e USING (event_id)
) sized WHERE before < $3 ORDER BY no`, MaxRows))
}

// Take does a turn: it deletes first and reads then. It returns how many rows it has deleted, which are
// fewer than were asked for if another relay has been there before, and what it has read, by place.
func Take(ctx context.Context, db Querier, l Log, t Turn) (deleted int64, queued []Queued, err error) {
	batch := &pgx.Batch{}
	if len(t.Published) > 0 {
		batch.Queue(remove, t.Published).Exec(func(tag pgconn.CommandTag) error {
			deleted = tag.RowsAffected()
			return nil
		})
	}
	if t.Read {
		batch.Queue(l.read(), notNil(t.Held), notNil(t.Passed), t.Bytes).Query(func(rows pgx.Rows) (err error) {
			queued, err = pgx.CollectRows(rows, scanQueued)
			return err
		})
	}
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return 0, nil, fmt.Errorf("take a turn at the outbox of %s: %w", l, err)
	}
	return deleted, queued, nil
}

// notNil keeps an array from being NULL, which is neither equal nor unequal to anything.
func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func scanQueued(row pgx.CollectableRow) (q Queued, err error) {
	r := &q.Record
	err = row.Scan(&q.No, &q.At, &r.ID, &r.Object, &r.UID, &r.Seq, &r.Type, &r.Topic, &r.Key, &r.Value, &r.TraceID, &r.At)
	return q, err
}
