package mirror

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/adapters/mirror/internal/leader"
	"github.com/orderplane/orderplane/adapters/mirror/internal/stage"
	"github.com/orderplane/orderplane/internal/kube/health"
	"github.com/orderplane/orderplane/internal/kube/metrics"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/redis"
)

// Server is a mirror.
type Server struct {
	opts     Options
	deps     Deps
	cluster  *cluster
	pools    map[postgres.Database]*pgxpool.Pool
	brokers  *kgo.Client
	stages   *stage.Set
	levels   *redis.Levels
	elector  *leader.Elector
	patience patience
	sentry   *sentry
	// handler serves health and metrics.
	handler http.Handler
}

// New returns a mirror that is not running yet. None of what it depends on need be there.
// The values of ctx go to what it opens; its end does not.
func New(ctx context.Context, o Options, deps Deps) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("mirror configuration: %w", err)
	}
	s := &Server{opts: o, deps: deps, patience: patience{deps.Clock, deps.Log}}
	var err error
	if s.cluster, err = newCluster(deps.Kube, o.Namespace, deps.Metrics); err != nil {
		return nil, err
	}
	if s.pools, err = openPools(context.WithoutCancel(ctx), o.Postgres); err != nil {
		return nil, err
	}
	if s.brokers, err = newBrokers(o); err != nil {
		return nil, err
	}
	if s.levels, err = newLevels(o.Redis, deps.Metrics); err != nil {
		return nil, err
	}
	s.stages = stage.NewSet(deps.Clock)
	s.elector = leader.New(leader.Options{Pool: s.pools[postgres.Orders], Clock: deps.Clock, Log: deps.Log.WithName("leader")})
	s.sentry = &sentry{
		world: guard.World{
			Namespace: o.Namespace, Kube: s.cluster.live,
			Orders: s.pools[postgres.Orders], Inventory: s.pools[postgres.Inventory],
		},
		brokers: s.brokers, accept: o.Accept, stages: s.stages, patience: s.patience,
		clock: deps.Clock, log: deps.Log.WithName("sentry"),
	}
	if err := s.registerMetrics(); err != nil {
		return nil, err
	}
	s.handler, err = s.newHandler()
	return s, err
}

func openPools(ctx context.Context, c postgres.Config) (map[postgres.Database]*pgxpool.Pool, error) {
	pools := map[postgres.Database]*pgxpool.Pool{}
	for _, db := range postgres.Databases() {
		pool, err := postgres.Open(ctx, c, db)
		if err != nil {
			return nil, err
		}
		pools[db] = pool
	}
	return pools, nil
}

// newBrokers makes the client that looks after topics; relay and consumer have their own.
func newBrokers(o Options) (*kgo.Client, error) {
	opts, err := o.Kafka.Options()
	if err != nil {
		return nil, err
	}
	// Who asks whether a broker is there wants to know it soon, and asks again.
	brokers, err := kgo.NewClient(append(opts, kgo.RequestRetries(1), kgo.RetryTimeout(5*time.Second))...)
	if err != nil {
		return nil, fmt.Errorf("make the Kafka client: %w", err)
	}
	return brokers, nil
}

// newLevels makes what drops cached stock levels; it has nothing to do without a Redis.
func newLevels(c redis.Config, registry Metrics) (*redis.Levels, error) {
	client, err := redis.Open(c)
	if err != nil {
		return nil, err
	}
	levels := redis.NewLevels(client)
	if err := metrics.Register(registry, &levels); err != nil {
		return nil, fmt.Errorf("register the metrics of stock levels: %w", err)
	}
	return levels, nil
}

// Run mirrors until ctx ends. It fails when only a person can mend what keeps it from
// going on: a *Refusal, an edited migration, a topic with another number of partitions.
// Everything else it waits for.
func (s *Server) Run(ctx context.Context) error {
	address := net.JoinHostPort(s.opts.BindAddress, strconv.Itoa(s.opts.Port))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s (HTTP_PORT): %w", address, err)
	}
	return s.Serve(ctx, listener)
}

// Serve is Run with health and metrics on a listener of the caller's, which it closes.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	defer s.close()
	s.deps.Log.Info("mirror is listening", "address", listener.Addr().String(), "namespace", s.opts.Namespace)
	running, within := errgroup.WithContext(ctx)
	running.Go(func() error { return health.Serve(within, listener, s.handler) })
	running.Go(func() error { return s.cluster.start(within) })
	running.Go(func() error { return s.migrateNotifications(within) })
	running.Go(func() error { return s.takeIn(within) })
	running.Go(func() error { return s.levels.Run(within) })
	running.Go(func() error { return s.elector.Run(within, s.lead) })
	err := running.Wait()
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return nil
	}
	return err
}

// migrateNotifications keeps the schema of a database that the mirror does not fill itself.
// Nothing waits for it.
func (s *Server) migrateNotifications(ctx context.Context) error {
	return s.patience.until(ctx, "migrate ops_notifications", func(error) {}, func(ctx context.Context) error {
		return postgres.Migrate(ctx, s.pools[postgres.Notifications], postgres.Notifications)
	})
}

func (s *Server) close() {
	for _, pool := range s.pools {
		pool.Close()
	}
	s.brokers.Close()
}
