package mirror

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/adapters/mirror/internal/stage"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
)

// lookEvery is how old the memory of cluster and topics may be: what is lost within it
// and comes back as far is not noticed.
const lookEvery = 10 * time.Second

// sentry looks whether cluster, databases and topics belong together: before anything is
// told, and again and again while it is.
type sentry struct {
	world    guard.World
	brokers  *kgo.Client
	accept   Accept
	stages   *stage.Set
	patience patience
	clock    clock.WithTicker
	log      logr.Logger
	// databases and topics were found whole since this process leads.
	databases, topics atomic.Bool
}

// forget begins anew: nothing was looked at.
func (s *sentry) forget() {
	s.databases.Store(false)
	s.topics.Store(false)
}

// found says what was looked at since this process leads, or what was not yet.
func (s *sentry) found() (string, error) {
	switch {
	case !s.databases.Load():
		return "", errors.New("not yet looked whether cluster and databases belong together")
	case !s.topics.Load():
		return "", errors.New("not yet looked whether the topics are whole")
	default:
		return "cluster, databases and topics belong together", nil
	}
}

// verify waits until it could look whether cluster and databases belong together, and returns
// the cluster's resourceVersion. The topics are asked only if a database is empty.
func (s *sentry) verify(ctx context.Context) (seen int64, err error) {
	err = s.patience.until(ctx, "look whether cluster, databases and topics belong together", s.stages.Database.Failed, func(ctx context.Context) error {
		seen, err = guard.Verify(ctx, s.world, s.brokers, s.accept)
		if err == nil {
			s.stages.Database.Succeeded()
			s.databases.Store(true)
		}
		return err
	})
	return seen, err
}

// verifyTopics waits until the topics are there and have lost nothing.
func (s *sentry) verifyTopics(ctx context.Context) error {
	return s.patience.until(ctx, "look after the topics", s.stages.Broker.Failed, func(ctx context.Context) error {
		if err := kafka.EnsureTopics(ctx, s.brokers, event.Topics()); err != nil {
			return err
		}
		if err := guard.VerifyTopics(ctx, s.world, s.brokers, s.accept); err != nil {
			return err
		}
		s.stages.Broker.Succeeded()
		s.topics.Store(true)
		return nil
	})
}

// watchCluster looks again and again whether the cluster has gone back, and remembers how new
// it is. What does not answer is another's to tell: watchCluster only fails for a person.
func (s *sentry) watchCluster(ctx context.Context, seen int64) error {
	ticker := s.clock.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		now, err := s.world.ResourceVersion(ctx)
		if err != nil {
			s.log.V(1).Info("the cluster can't be looked at", "error", err.Error())
			continue
		}
		if now < seen {
			return &guard.Refusal{
				Why:    fmt.Sprintf("the cluster has gone back while it was mirrored: from resourceVersion %d to %d", seen, now),
				WayOut: "the mirror says what to do when it is started again",
			}
		}
		seen = now
		for _, pool := range []*pgxpool.Pool{s.world.Orders, s.world.Inventory} {
			if err := mirrordb.Seen(ctx, pool, seen); err != nil {
				s.log.V(1).Info("the cluster's age can't be remembered", "error", err.Error())
			}
		}
	}
}

// watchTopics looks again and again whether the topics have lost records, and remembers
// how far they are filled.
func (s *sentry) watchTopics(ctx context.Context) error {
	remembered, err := mirrordb.Topics(ctx, s.world.Orders)
	if err != nil {
		return err
	}
	ticker := s.clock.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		err := guard.Follow(ctx, s.world, s.brokers, remembered, guard.Accept{})
		if isFinal(err) {
			return err
		}
		if err != nil {
			s.log.V(1).Info("the topics can't be looked at", "error", err.Error())
		}
	}
}
