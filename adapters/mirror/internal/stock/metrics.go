package stock

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/internal/kube/metrics"
)

// counters are the metrics of this part.
type counters struct {
	cursor      prometheus.Gauge
	waitForUs   prometheus.Gauge
	decisions   *prometheus.CounterVec
	movements   *prometheus.CounterVec
	differences *prometheus.CounterVec
	syncs       *prometheus.CounterVec
	finalizers  *prometheus.CounterVec
	writes      prometheus.Histogram
}

// Causes of a difference between movements and what is on hand.
const (
	causeLost   = "lost"
	causeBefore = "before"
)

func newCounters(r prometheus.Registerer) (*counters, error) {
	const ns, sub = "orderplane", "mirror_stock"
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: ns, Subsystem: sub, Name: name, Help: help})
	}
	m := &counters{
		cursor:      gauge("cursor", "Number of the last stock decision that is told."),
		waitForUs:   gauge("held_objects", "Objects of stock that are being deleted and are not let go yet: their end is not decided or not told."),
		decisions:   counter("decisions_total", "Stock decisions told, by kind.", "kind"),
		movements:   counter("movements_total", "Movements booked, by kind.", "kind"),
		differences: counter("differences_total", "Items whose movements did not add up to what is on hand: lost, or from before the mirror was there.", "cause"),
		syncs:       counter("syncs_total", "Searches for decisions, by what they found: all numbers, or some that are gone.", "found"),
		finalizers:  counter("finalizers_total", "The mirror's finalizers put on objects of stock, or taken off.", "what"),
		writes:      prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: ns, Subsystem: sub, Name: "write_seconds", Help: "Duration of transactions.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}),
	}
	// What is never to happen is shown as 0 until it does.
	m.differences.WithLabelValues(causeLost)
	m.syncs.WithLabelValues("gone")
	return m, errors.Join(
		metrics.Register(r, &m.cursor), metrics.Register(r, &m.waitForUs), metrics.Register(r, &m.decisions), metrics.Register(r, &m.movements),
		metrics.Register(r, &m.differences), metrics.Register(r, &m.syncs), metrics.Register(r, &m.finalizers), metrics.Register(r, &m.writes),
	)
}

// committed counts what a transaction did.
func (m *counters) committed(w *writing, took time.Duration) {
	m.writes.Observe(took.Seconds())
	m.cursor.Set(float64(w.cursor))
	for i := range w.decisions {
		m.decisions.WithLabelValues(string(w.decisions[i].Kind)).Inc()
	}
	for i := range w.movements {
		m.movements.WithLabelValues(string(w.movements[i].Kind)).Inc()
	}
	for i := range w.carried {
		m.movements.WithLabelValues(string(w.carried[i].Kind)).Inc()
		m.differences.WithLabelValues(w.cause()).Inc()
	}
}

func (m *counters) synced(isGone bool) {
	found := "all"
	if isGone {
		found = "gone"
	}
	m.syncs.WithLabelValues(found).Inc()
}

func (m *counters) finalized(on bool) {
	what := "off"
	if on {
		what = "on"
	}
	m.finalizers.WithLabelValues(what).Inc()
}

func (m *counters) held(n int) { m.waitForUs.Set(float64(n)) }
