package outbox

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Digest is the SHA-256 of an event's value.
type Digest [32]byte

// Stored is an event of the table, as far as a comparison with its topic needs it.
type Stored struct {
	ID uuid.UUID
	// Key is that of its record, Object the name of what it is about, UID its identity, Seq its number.
	Key, Object, UID string
	Seq              int64
	Value            Digest
}

const published = `SELECT event_id, key, object, uid, seq, sha256(value) FROM EVENTS e
WHERE topic = $1 AND NOT EXISTS (SELECT FROM outbox o WHERE o.event_id = e.event_id)`

// Published calls each with every event of a topic that is not queued: the topic has it.
func Published(ctx context.Context, db Querier, l Log, topic string, each func(Stored)) error {
	rows, err := db.Query(ctx, l.in(published), topic)
	if err != nil {
		return fmt.Errorf("read what was published on %s: %w", topic, err)
	}
	var s Stored
	var value []byte
	_, err = pgx.ForEachRow(rows, []any{&s.ID, &s.Key, &s.Object, &s.UID, &s.Seq, &value}, func() error {
		copy(s.Value[:], value)
		each(s)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what was published on %s: %w", topic, err)
	}
	return nil
}

const digests = `SELECT event_id, sha256(value) FROM EVENTS WHERE event_id = ANY ($1::uuid[])`

// Digests are the values of those of some events that are stored.
func Digests(ctx context.Context, db Querier, l Log, ids []uuid.UUID) (map[uuid.UUID]Digest, error) {
	rows, err := db.Query(ctx, l.in(digests), ids)
	if err != nil {
		return nil, fmt.Errorf("look up %d events: %w", len(ids), err)
	}
	found := make(map[uuid.UUID]Digest, len(ids))
	var id uuid.UUID
	var value []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &value}, func() error {
		found[id] = Digest(value)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up %d events: %w", len(ids), err)
	}
	return found, nil
}
