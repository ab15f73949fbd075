package recovery

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// keysAtOnce bounds how long a replay keeps others from queueing.
const keysAtOnce = 500

// Replay queues every event of a topic again, each key in its order (rule 18). The relay
// of a running mirror publishes them, or that of the next one. Who reads the topic sees
// events again that are still there, with the same ids.
func (t *Tools) Replay(ctx context.Context, topic string) error {
	db, log, err := logOf(topic)
	if err != nil {
		return err
	}
	var total int64
	for r := (outbox.Replay{Topic: topic, Keys: keysAtOnce}); ; {
		var queued int64
		err := pgx.BeginFunc(ctx, t.pool(db), func(tx pgx.Tx) error {
			queued, r.After, err = outbox.Again(ctx, tx, log, r)
			return err
		})
		if err != nil {
			return err
		}
		total += queued
		if r.After == "" {
			break
		}
	}
	fmt.Fprintf(t.Out, "%d events are queued in the outbox of %s; the mirror publishes them\n", total, db)
	return t.acceptTopic(ctx, topic)
}

// logOf is the database that has the events of a topic.
func logOf(topic string) (postgres.Database, outbox.Log, error) {
	for db, log := range map[postgres.Database]outbox.Log{postgres.Orders: outbox.Orders, postgres.Inventory: outbox.Stock} {
		if slices.Contains(guard.TopicsOf(db), topic) {
			return db, log, nil
		}
	}
	return "", "", fmt.Errorf("--replay %s: no event is published there; use one of %v",
		topic, slices.Concat(guard.TopicsOf(postgres.Orders), guard.TopicsOf(postgres.Inventory)))
}

// acceptTopic has the mirror go on with a topic that has lost records, now that all of
// them are queued.
func (t *Tools) acceptTopic(ctx context.Context, name string) error {
	if err := kafka.EnsureTopics(ctx, t.Brokers, event.Topics()); err != nil {
		return err
	}
	ends, err := guard.Ends(ctx, t.Brokers)
	if err != nil {
		return err
	}
	return mirrordb.SeenTopics(ctx, t.World.Orders, []mirrordb.Topic{ends[name]})
}
