package mirror

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/postgres"
)

// lead is what the mirror that holds the lock does. Everything begins anew with each
// lock: the databases may have gone back meanwhile (rule 7), or be others.
func (s *Server) lead(ctx context.Context) error {
	s.checked.forget()
	defer s.checked.forget()
	defer s.stages.Forget()
	if err := s.migrate(ctx); err != nil {
		return err
	}
	seen, err := s.verify(ctx)
	if err != nil {
		return err
	}
	running, within := errgroup.WithContext(ctx)
	running.Go(func() error { return s.mirrorOrders(within) })
	running.Go(func() error { return s.mirrorStock(within) })
	running.Go(func() error { return s.publish(within) })
	running.Go(func() error { return s.vigil(within, seen) })
	return running.Wait()
}

// migrate brings the databases that are filled here to the newest schema.
func (s *Server) migrate(ctx context.Context) error {
	return s.patience.until(ctx, "migrate the databases", s.stages.Database.Failed, func(ctx context.Context) error {
		for _, db := range []postgres.Database{postgres.Orders, postgres.Inventory} {
			if err := postgres.Migrate(ctx, s.pools[db], db); err != nil {
				return err
			}
		}
		s.stages.Database.Succeeded()
		return nil
	})
}

// verify looks whether cluster and databases belong together, and returns the cluster's
// resourceVersion. The topics are asked only if a database is empty.
func (s *Server) verify(ctx context.Context) (seen int64, err error) {
	err = s.patience.until(ctx, "look whether cluster, databases and topics belong together", s.stages.Database.Failed, func(ctx context.Context) error {
		seen, err = guard.Verify(ctx, s.world(), s.brokers, s.opts.Accept)
		if err == nil {
			s.stages.Database.Succeeded()
			s.checked.databases.Store(true)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("mirror of namespace %s: %w", s.opts.Namespace, err)
	}
	return seen, nil
}

// publish starts the relay once the topics are there and have lost nothing.
func (s *Server) publish(ctx context.Context) error {
	err := s.patience.until(ctx, "look after the topics", s.stages.Broker.Failed, func(ctx context.Context) error {
		if err := kafka.EnsureTopics(ctx, s.brokers, event.Topics()); err != nil {
			return err
		}
		if err := guard.VerifyTopics(ctx, s.world(), s.brokers, s.opts.Accept); err != nil {
			return err
		}
		s.stages.Broker.Succeeded()
		s.checked.topics.Store(true)
		return nil
	})
	if err != nil {
		return err
	}
	running, within := errgroup.WithContext(ctx)
	running.Go(func() error { return s.relayEvents(within) })
	running.Go(func() error { return s.watchTopics(within) })
	return running.Wait()
}

// checked is what the guards have let pass since this process leads.
type checked struct{ databases, topics atomic.Bool }

func (c *checked) forget() {
	c.databases.Store(false)
	c.topics.Store(false)
}
