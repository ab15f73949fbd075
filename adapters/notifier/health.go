package notifier

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/orderplane/orderplane/internal/kube/health"
	"github.com/orderplane/orderplane/internal/postgres"
)

// newHandler serves health and metrics.
//
// /actuator/health, and /health, tell of every dependency and every part, and are 503 when one is away. /healthz and
// /readyz are 200 as long as the process answers: nobody sends requests to a notifier, and a restart brings back
// no dependency.
func (s *Server) newHandler() http.Handler {
	whole := map[string]health.Check{
		"kafka":                        s.kafkaAnswers,
		string(postgres.Orders):        answers(s.orders),
		string(postgres.Notifications): answers(s.notifications),
	}
	maps.Copy(whole, s.pulses.Checks())
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", health.Handler(nil))
	mux.Handle("GET /readyz", health.Handler(nil))
	mux.Handle("GET /health", health.Handler(whole))
	mux.Handle("GET /actuator/health", health.Handler(whole))
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.deps.Metrics, promhttp.HandlerOpts{}))
	return mux
}

// answers looks whether a database is there.
func answers(pool *pgxpool.Pool) health.Check {
	return func(ctx context.Context) (string, error) {
		if err := pool.Ping(ctx); err != nil {
			return "", fmt.Errorf("ask Postgres: %w", err)
		}
		return "", nil
	}
}

func (s *Server) kafkaAnswers(ctx context.Context) (string, error) {
	if err := s.broker.Ping(ctx); err != nil {
		return "", fmt.Errorf("ask Kafka: %w", err)
	}
	return "", nil
}
