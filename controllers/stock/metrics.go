package stock

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/metrics"
)

// stockMetrics are the stock controller's metrics, shared by its namespaces.
type stockMetrics struct {
	decisions *prometheus.CounterVec
	notMoved  *prometheus.CounterVec
	batch     prometheus.Histogram
	swaps     *prometheus.HistogramVec
	takeOvers *prometheus.CounterVec
	failures  *prometheus.CounterVec
	waiting   *prometheus.GaugeVec
	full      *prometheus.GaugeVec
	drifts    *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) (*stockMetrics, error) {
	const ns, sub = "orderplane", "stock"
	m := &stockMetrics{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: "decisions_total", Help: "Journaled stock decisions by kind."}, []string{"kind"}),
		notMoved:  prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: "units_not_moved_total", Help: "Units of commits and restocks that changed no shelf, because their StockItem is gone, was made again or is being deleted."}, []string{"kind", "reason"}),
		batch:     prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: ns, Subsystem: sub, Name: "journal_batch_size", Help: "Decisions written to the stock journal at once.", Buckets: prometheus.ExponentialBuckets(1, 2, 9)}),
		swaps:     prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: ns, Subsystem: sub, Name: "journal_swap_seconds", Help: "Duration of writes of the stock journal by result.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}, []string{"result"}),
		takeOvers: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: "journal_takeovers_total", Help: "Times this process took a stock journal over, by namespace."}, []string{"namespace"}),
		failures:  prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: "effect_failures_total", Help: "Writes of decided effects that failed and are tried again, by kind of object."}, []string{"kind"}),
		waiting:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: ns, Subsystem: sub, Name: "waiting", Help: "Objects that wait for a stock decision, by namespace."}, []string{"namespace"}),
		full:      prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: ns, Subsystem: sub, Name: "journal_full", Help: "1 while the stock journal has no room for another decision."}, []string{"namespace"}),
		drifts:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: ns, Subsystem: sub, Name: "audit_drift", Help: "Differences the last stock audit found between objects and memory. Zero by construction."}, []string{"namespace"}),
	}
	return m, errors.Join(
		metrics.Register(r, &m.decisions), metrics.Register(r, &m.notMoved), metrics.Register(r, &m.batch), metrics.Register(r, &m.swaps), metrics.Register(r, &m.takeOvers),
		metrics.Register(r, &m.failures), metrics.Register(r, &m.waiting), metrics.Register(r, &m.full), metrics.Register(r, &m.drifts),
	)
}

func (m *stockMetrics) decided(entries []*v1alpha1.JournalEntry) {
	m.batch.Observe(float64(len(entries)))
	for _, e := range entries {
		m.decisions.WithLabelValues(string(e.Kind)).Inc()
		units := int64(0)
		for i := range e.Lines {
			units += e.Lines[i].NotMoved
		}
		if units > 0 {
			m.notMoved.WithLabelValues(string(e.Kind), e.Reason).Add(float64(units))
		}
	}
}

func (m *stockMetrics) swapped(took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.swaps.WithLabelValues(result).Observe(took.Seconds())
}

func (m *stockMetrics) acquired(namespace string) { m.takeOvers.WithLabelValues(namespace).Inc() }
func (m *stockMetrics) effectFailed(kind string)  { m.failures.WithLabelValues(kind).Inc() }
func (m *stockMetrics) drift(namespace string, n int) {
	m.drifts.WithLabelValues(namespace).Set(float64(n))
}

func (m *stockMetrics) backlog(namespace string, waiting int, full bool) {
	m.waiting.WithLabelValues(namespace).Set(float64(waiting))
	is := 0.0
	if full {
		is = 1
	}
	m.full.WithLabelValues(namespace).Set(is)
}

// forget drops what is told of a namespace.
func (m *stockMetrics) forget(namespace string) {
	m.takeOvers.DeleteLabelValues(namespace)
	m.waiting.DeleteLabelValues(namespace)
	m.full.DeleteLabelValues(namespace)
	m.drifts.DeleteLabelValues(namespace)
}
