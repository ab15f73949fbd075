package mirror

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/orderplane/orderplane/internal/kube/health"
	"github.com/orderplane/orderplane/internal/kube/metrics"
	"github.com/orderplane/orderplane/internal/postgres"
)

// newHandler serves health and metrics, also of a standby.
//
// /health tells of every dependency and every stage, and is 503 when one of them is away.
// /readyz asks only whether the cluster was read: nobody sends requests to a mirror, and
// a pod that is not ready because Postgres or Kafka is away could neither mend that nor
// be replaced by a better one. It would only hold up a rollout, or the drain of a node.
// /healthz is 200 as long as the process answers: a restart brings back no dependency.
func (s *Server) newHandler() (http.Handler, error) {
	reachable, err := health.Reachable(s.deps.Kube)
	if err != nil {
		return nil, err
	}
	ready := map[string]health.Check{"cache": health.Closed(s.cluster.synced, "synced", "reading the cluster")}
	whole := map[string]health.Check{
		"kubernetes":      reachable,
		"kafka":           s.kafkaAnswers,
		health.Leadership: s.leadership,
		"guard":           s.guarded,
	}
	for db := range s.pools {
		whole[string(db)] = s.answers(db)
	}
	maps.Copy(whole, ready)
	maps.Copy(whole, s.stages.Checks())
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", health.Handler(nil))
	mux.Handle("GET /readyz", health.Handler(ready))
	mux.Handle("GET /health", health.Handler(whole))
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.deps.Metrics, promhttp.HandlerOpts{}))
	return mux, nil
}

// answers looks whether a database is there.
func (s *Server) answers(db postgres.Database) health.Check {
	return func(ctx context.Context) (string, error) {
		if err := s.pools[db].Ping(ctx); err != nil {
			return "", fmt.Errorf("ask Postgres: %w", err)
		}
		return "", nil
	}
}

func (s *Server) kafkaAnswers(ctx context.Context) (string, error) {
	if err := s.brokers.Ping(ctx); err != nil {
		return "", fmt.Errorf("ask Kafka: %w", err)
	}
	return "", nil
}

// leadership says who does the work. Nobody can tell while Postgres is away.
func (s *Server) leadership(context.Context) (string, error) {
	switch {
	case s.elector.Leads():
		return health.Leader, nil
	case s.elector.Err() != nil:
		return "", s.elector.Err()
	default:
		return health.Standby, nil
	}
}

// guarded says whether cluster, databases and topics were found to belong together. Nothing
// is told before.
func (s *Server) guarded(context.Context) (string, error) {
	if !s.elector.Leads() {
		return "for the leader to look", nil
	}
	return s.sentry.found()
}

func (s *Server) registerMetrics() error {
	if err := s.stages.Register(s.deps.Metrics); err != nil {
		return err
	}
	leads := prometheus.Collector(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "orderplane_mirror_leader",
		Help: "1 while this process does the mirror's work, 0 while it stands by.",
	}, func() float64 {
		if s.elector.Leads() {
			return 1
		}
		return 0
	}))
	if err := metrics.Register(s.deps.Metrics, &leads); err != nil {
		return fmt.Errorf("register the mirror's metrics: %w", err)
	}
	return nil
}
