package mirror

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/orderplane/orderplane/internal/postgres"
)

// lead is what the mirror that holds the lock does. Everything begins anew with each
// lock: the databases may have gone back meanwhile (rule 7), or be others.
func (s *Server) lead(ctx context.Context) error {
	s.sentry.forget()
	defer s.sentry.forget()
	defer s.stages.Forget()
	if err := s.migrate(ctx); err != nil {
		return err
	}
	seen, err := s.sentry.verify(ctx)
	if err != nil {
		return fmt.Errorf("mirror of namespace %s: %w", s.opts.Namespace, err)
	}
	running, within := errgroup.WithContext(ctx)
	running.Go(func() error { return s.mirrorOrders(within) })
	running.Go(func() error { return s.mirrorStock(within) })
	running.Go(func() error { return s.publish(within) })
	running.Go(func() error { return s.sentry.watchCluster(within, seen) })
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

// publish starts the relay once the topics are there and have lost nothing.
func (s *Server) publish(ctx context.Context) error {
	if err := s.sentry.verifyTopics(ctx); err != nil {
		return err
	}
	running, within := errgroup.WithContext(ctx)
	running.Go(func() error { return s.relayEvents(within) })
	running.Go(func() error { return s.sentry.watchTopics(within) })
	return running.Wait()
}
