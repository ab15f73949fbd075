package orders

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	kubemetrics "github.com/orderplane/orderplane/internal/kube/metrics"
)

// metrics of this part of the mirror.
type metrics struct {
	applied     prometheus.Counter
	writes      *prometheus.CounterVec
	differences *prometheus.CounterVec
	sweeps      prometheus.Counter
	parked      prometheus.Gauge
}

// newMetrics registers the metrics, or takes those that are registered: several mirrors of one
// process share them.
func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		applied: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "orderplane_mirror_orders_applied_total",
			Help: "Versions of orders that were brought to the database.",
		}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_mirror_order_writes_total",
			Help: "Writes to orders in the cluster, by step and how they ended. Delete with ok is an order archived, Refuse with ok a repeat refused, LetGo with ok a deleted order let go.",
		}, []string{"step", "result"}),
		differences: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_mirror_order_differences_total",
			Help: "Differences found between cluster and database: row (an order's row was old or missing at a sweep), gone (a live row has no order), history (an order's history is not as it was told).",
		}, []string{"kind"}),
		sweeps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "orderplane_mirror_order_sweeps_total",
			Help: "Times that all rows were compared with the cluster.",
		}),
		parked: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "orderplane_mirror_orders_parked",
			Help: "Orders that can't be told as they are. The log says why.",
		}),
	}
	err := errors.Join(
		kubemetrics.Register(registry, &m.applied), kubemetrics.Register(registry, &m.writes),
		kubemetrics.Register(registry, &m.differences), kubemetrics.Register(registry, &m.sweeps), kubemetrics.Register(registry, &m.parked),
	)
	if err != nil {
		return nil, fmt.Errorf("register the metrics of orders: %w", err)
	}
	return m, nil
}
