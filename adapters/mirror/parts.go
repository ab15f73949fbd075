package mirror

import (
	"context"

	"github.com/orderplane/orderplane/adapters/mirror/internal/inbound"
	"github.com/orderplane/orderplane/adapters/mirror/internal/orders"
	"github.com/orderplane/orderplane/adapters/mirror/internal/relay"
	"github.com/orderplane/orderplane/adapters/mirror/internal/stock"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
)

// mirrorOrders applies orders, and archives those that are finished.
func (s *Server) mirrorOrders(ctx context.Context) error {
	part, err := orders.New(orders.Options{
		Namespace: s.opts.Namespace,
		Pool:      s.pools[postgres.Orders],
		Cache:     s.cluster.cache, Client: s.cluster.live, Recorder: s.cluster.recorder,
		Told:         s.told,
		ArchiveDelay: s.opts.ArchiveDelay,
		Clock:        s.deps.Clock,
		Watch:        s.stages.Watch.Part("orders"), Database: s.stages.Database.Part("orders"),
		Log: s.deps.Log.WithName("orders"), Registry: s.deps.Metrics,
	})
	if err != nil {
		return err
	}
	return part.Run(ctx)
}

// mirrorStock tells stock decisions in their order, and keeps the ledger.
func (s *Server) mirrorStock(ctx context.Context) error {
	part, err := stock.New(stock.Options{
		Namespace: s.opts.Namespace,
		Pool:      s.pools[postgres.Inventory],
		Cache:     s.cluster.cache, Client: s.cluster.live,
		Levels: s.levels,
		Clock:  s.deps.Clock,
		Watch:  s.stages.Watch.Part("stock"), Database: s.stages.Database.Part("stock"),
		Log: s.deps.Log.WithName("stock"), Registry: s.deps.Metrics,
	})
	if err != nil {
		return err
	}
	return part.Run(ctx)
}

// relayEvents publishes what the outboxes hold.
func (s *Server) relayEvents(ctx context.Context) error {
	brokers, err := s.opts.Kafka.Options()
	if err != nil {
		return err
	}
	part, err := relay.New(relay.Options{
		Outboxes: []relay.Outbox{
			{Database: postgres.Orders, Pool: s.pools[postgres.Orders], Log: outbox.Orders},
			{Database: postgres.Inventory, Pool: s.pools[postgres.Inventory], Log: outbox.Stock},
		},
		Brokers: brokers,
		Clock:   s.deps.Clock,
		Stage:   s.stages.Broker,
		Log:     s.deps.Log.WithName("relay"), Metrics: s.deps.Metrics,
	})
	if err != nil {
		return err
	}
	return part.Run(ctx)
}

// told says whether a stock decision, and all before it, are told (rule 26).
func (s *Server) told(ctx context.Context, journalSeq int64) (bool, error) {
	cursor, err := stockdb.Cursor(ctx, s.pools[postgres.Inventory])
	return cursor >= journalSeq, err
}

// takeIn handles what others ask for. It needs no lock: the brokers share its records out
// among all mirrors of the namespace.
func (s *Server) takeIn(ctx context.Context) error {
	part, err := inbound.New(inbound.Options{
		Namespace: s.opts.Namespace,
		Orders:    s.cluster.live,
		Archived:  s.archived,
		Kafka:     s.opts.Kafka,
		Clock:     s.deps.Clock,
		Stage:     s.stages.Inbound,
		Log:       s.deps.Log.WithName("inbound"), Registry: s.deps.Metrics,
	})
	if err != nil {
		return err
	}
	return part.Run(ctx)
}

// archived says whether the order of an id is finished and left the cluster.
func (s *Server) archived(ctx context.Context, id string) (bool, error) {
	row, found, err := orderdb.Lookup(ctx, s.pools[postgres.Orders], id)
	return found && row.State == orderdb.Archived, err
}
