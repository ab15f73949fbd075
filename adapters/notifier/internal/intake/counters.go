package intake

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/internal/kube/metrics"
)

// outcome is what became of a record.
type outcome string

const (
	// recorded: its event and all before it are in the inbox.
	recorded outcome = "recorded"
	// passedOver: it was none of the notifier's.
	passedOver outcome = "passed_over"
	// deadLetter: it could not be handled.
	deadLetter outcome = "dead_letter"
)

// counters count what became of records.
type counters struct{ records *prometheus.CounterVec }

func newCounters(registry prometheus.Registerer) (*counters, error) {
	c := &counters{records: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "orderplane_notifier_records_total",
		Help: "Records that the notifier read, by what became of them: recorded, passed_over or dead_letter.",
	}, []string{"outcome"})}
	if err := metrics.Register(registry, &c.records); err != nil {
		return nil, fmt.Errorf("register the metrics of records: %w", err)
	}
	for _, o := range []outcome{recorded, passedOver, deadLetter} {
		c.records.WithLabelValues(string(o))
	}
	return c, nil
}
