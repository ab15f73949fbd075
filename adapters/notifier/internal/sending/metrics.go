package sending

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/kube/metrics"
)

// Metrics are of all senders of a process.
type Metrics struct {
	ends    *prometheus.CounterVec
	retries *prometheus.CounterVec
	lates   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

// NewMetrics registers the metrics, with a zero for each of the channels.
func NewMetrics(registry prometheus.Registerer, channels ...v1alpha1.NotificationChannel) (*Metrics, error) {
	m := &Metrics{
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_notifier_notifications_total",
			Help: "Notifications that came to their end, by channel and status: DELIVERED, FAILED or SKIPPED.",
		}, []string{"channel", "status"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_notifier_retries_total",
			Help: "Tries to send a notification that failed and are repeated, by channel.",
		}, []string{"channel"}),
		lates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_notifier_late_results_total",
			Help: "Results of sending that came when another sender had taken over, so that a message may have been sent twice.",
		}, []string{"channel"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "orderplane_notifier_send_seconds",
			Help:    "How long providers take for a message, by channel.",
			Buckets: []float64{.005, .02, .1, .5, 2, 10, 30},
		}, []string{"channel"}),
	}
	if err := errors.Join(metrics.Register(registry, &m.ends), metrics.Register(registry, &m.retries),
		metrics.Register(registry, &m.lates), metrics.Register(registry, &m.seconds)); err != nil {
		return nil, fmt.Errorf("register the metrics of senders: %w", err)
	}
	for _, c := range channels {
		for _, status := range []notification.Status{notification.Delivered, notification.Failed, notification.Skipped} {
			m.ends.WithLabelValues(string(c), string(status))
		}
		m.retries.WithLabelValues(string(c))
		m.lates.WithLabelValues(string(c))
	}
	return m, nil
}

func (m *Metrics) ended(c v1alpha1.NotificationChannel, status notification.Status) {
	m.ends.WithLabelValues(string(c), string(status)).Inc()
}

func (m *Metrics) retried(c v1alpha1.NotificationChannel) { m.retries.WithLabelValues(string(c)).Inc() }

func (m *Metrics) late(c v1alpha1.NotificationChannel) { m.lates.WithLabelValues(string(c)).Inc() }

func (m *Metrics) tried(c v1alpha1.NotificationChannel, took time.Duration) {
	m.seconds.WithLabelValues(string(c)).Observe(took.Seconds())
}
