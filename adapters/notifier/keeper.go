package notifier

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/notifier/internal/pulse"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/kube/metrics"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
)

const (
	// round is how often the keeper looks.
	round = 10 * time.Second
	// forgetEvery is how often what is too old is deleted, and forgetBatch how many rows at once.
	forgetEvery = time.Hour
	forgetBatch = 1000
)

// keeper looks after ops_notifications: its schema, what waits there, and what is too old to be kept.
type keeper struct {
	db        *pgxpool.Pool
	retention time.Duration
	clock     clock.WithTicker
	pulse     *pulse.Pulse
	log       logr.Logger

	mu     sync.Mutex
	queues map[v1alpha1.NotificationChannel]notificationdb.Queue

	waiting, oldest *prometheus.Desc
}

func (k *keeper) register(registry prometheus.Registerer) error {
	k.waiting = prometheus.NewDesc("orderplane_notifier_waiting", "Notifications that wait to be sent, by channel.", []string{"channel"}, nil)
	k.oldest = prometheus.NewDesc("orderplane_notifier_oldest_seconds",
		"How long the oldest notification of a channel has been waiting to be sent; 0 when none waits.", []string{"channel"}, nil)
	collector := prometheus.Collector(k)
	if err := metrics.Register(registry, &collector); err != nil {
		return fmt.Errorf("register the metrics of what waits: %w", err)
	}
	return nil
}

// Describe is of prometheus.Collector.
func (k *keeper) Describe(to chan<- *prometheus.Desc) {
	to <- k.waiting
	to <- k.oldest
}

// Collect is of prometheus.Collector.
func (k *keeper) Collect(to chan<- prometheus.Metric) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range notification.Channels() {
		q := k.queues[c]
		to <- prometheus.MustNewConstMetric(k.waiting, prometheus.GaugeValue, float64(q.Waiting), string(c))
		to <- prometheus.MustNewConstMetric(k.oldest, prometheus.GaugeValue, q.Oldest.Seconds(), string(c))
	}
}

// migrate brings the schema up to date, however long the database is away. The error is one that only a person
// can mend, or ctx is over.
func (k *keeper) migrate(ctx context.Context) error {
	for pause := 500 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		err := postgres.Migrate(ctx, k.db, postgres.Notifications)
		var edited *postgres.EditedError
		if err == nil || errors.As(err, &edited) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k.failed(err)
		if !k.rest(ctx, pause) {
			return ctx.Err()
		}
	}
}

// run counts and forgets until ctx is over.
func (k *keeper) run(ctx context.Context) error {
	var forgot time.Time
	for ctx.Err() == nil {
		err := k.count(ctx)
		if err == nil && k.clock.Since(forgot) >= forgetEvery {
			if err = k.forget(ctx); err == nil {
				forgot = k.clock.Now()
			}
		}
		if err == nil {
			k.pulse.Succeeded()
		} else if ctx.Err() == nil {
			k.failed(err)
		}
		k.rest(ctx, round)
	}
	return nil
}

func (k *keeper) count(ctx context.Context) error {
	queues, err := notificationdb.Queues(ctx, k.db)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.queues = queues
	return nil
}

// forget deletes what is too old, a little at a time.
func (k *keeper) forget(ctx context.Context) error {
	all := 0
	for {
		gone, err := notificationdb.Forget(ctx, k.db, k.retention, forgetBatch)
		all += gone
		if err != nil || gone < forgetBatch {
			if all > 0 {
				k.log.Info("what is older than NOTIFY_RETENTION was deleted", "rows", all)
			}
			return err
		}
	}
}

func (k *keeper) failed(err error) {
	k.pulse.Failed(err)
	k.log.Info("ops_notifications can't be looked after now", "error", err.Error())
}

// rest waits, and says whether there is time to go on.
func (k *keeper) rest(ctx context.Context, d time.Duration) bool {
	timer := k.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return true
	}
}
