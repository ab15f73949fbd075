package recovery

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/adapters/mirror/internal/leader"
	"github.com/orderplane/orderplane/adapters/mirror/internal/topics"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
)

// Rebuild puts into the databases what the topics have and they lack: all of it into one that was lost and is
// empty, what came after a backup into one that was set back to it (rules 39 and 40). The ledger gets what
// the events say that moved. Nothing of that is queued: the mirror that is started next fills in the rest
// from the cluster, and tells what the topics have not. A database is filled in one transaction, so that
// one that was stopped has left nothing.
func (t *Tools) Rebuild(ctx context.Context) error {
	release, err := leader.Hold(ctx, t.World.Orders)
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	defer release()
	for _, db := range []postgres.Database{postgres.Orders, postgres.Inventory} {
		if err := postgres.Migrate(ctx, t.pool(db), db); err != nil {
			return err
		}
	}
	here, err := t.World.Cluster(ctx)
	if err != nil {
		return err
	}
	orders, inventory, err := t.World.Databases(ctx)
	if err != nil {
		return err
	}
	for _, d := range []guard.Database{orders, inventory} {
		if err := here.Database(d, guard.Accept{}); err != nil {
			return err
		}
	}
	if err := kafka.EnsureTopics(ctx, t.Brokers, event.Topics()); err != nil {
		return err
	}
	for _, db := range []postgres.Database{postgres.Orders, postgres.Inventory} {
		err := pgx.BeginFunc(ctx, t.pool(db), func(tx pgx.Tx) error { return t.fill(ctx, tx, db, here) })
		if err != nil {
			return fmt.Errorf("rebuild %s: %w", db, err)
		}
	}
	fmt.Fprintln(t.Out, "Start the mirror now. It fills in the rest from the cluster, and tells what the topics have not.")
	return nil
}

// fill fills a database.
func (t *Tools) fill(ctx context.Context, tx pgx.Tx, db postgres.Database, here guard.Cluster) error {
	log := outbox.Orders
	if db == postgres.Inventory {
		log = outbox.Stock
	}
	into, err := outbox.NewRestore(ctx, tx, log)
	if err != nil {
		return err
	}
	for _, topic := range guard.TopicsOf(db) {
		lost, err := t.Topics.Read(ctx, topic, func(e topics.Event) error {
			if e.Err != nil {
				return fmt.Errorf("partition %d, offset %d: %w", e.Partition, e.Offset, e.Err)
			}
			return into.Add(ctx, e.Record)
		})
		if err != nil {
			return err
		}
		if lost > 0 {
			fmt.Fprintf(t.Out, "%s: the oldest %d records of topic %s are gone by its retention; what they told of orders and stock that are still in the cluster is told again\n", db, lost, topic)
		}
	}
	events, err := into.Done(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "%s: took %d events from the topics that it did not have\n", db, events)
	if db == postgres.Inventory {
		movements, err := stockdb.RestoreMovements(ctx, tx, into.Before)
		if err != nil {
			return err
		}
		fmt.Fprintf(t.Out, "%s: booked %d movements of stock that they tell of\n", db, movements)
	}
	return mirrordb.Claim(ctx, tx, mirrordb.Owner{Namespace: here.Namespace, NamespaceUID: here.NamespaceUID, ResourceVersion: here.ResourceVersion})
}
