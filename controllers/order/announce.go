package order

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/kube/metrics"
)

// announce tells of a decision whose write succeeded: one line and one count a
// change of phase, a line where a person has to look, and an Event where goods are
// somewhere that the books don't know.
func (r *reconciler) announce(ctx context.Context, facts order.Facts, d order.Decision) {
	log := ctrl.LoggerFrom(ctx)
	if d.Act != order.WriteStatus {
		log.V(1).Info("order step", "act", d.Act, "rule", d.Rule)
		return
	}
	o, from, to := facts.Order, facts.Order.Status.Phase, d.Status.Phase
	if from != to {
		r.metrics.transitions.WithLabelValues(string(from), string(to), string(d.Status.CancelledReason)).Inc()
		log.Info("order moved", "from", from, "to", to, "reason", d.Status.CancelledReason)
	}
	if to == v1alpha1.OrderConfirmed && from == v1alpha1.OrderPending {
		r.metrics.confirmSeconds.Observe(facts.Now.Sub(o.CreationTimestamp.Time).Seconds())
	}
	if lost := d.NotRestocked; len(lost.Lines) > 0 {
		r.metrics.notRestocked.WithLabelValues(string(lost.Cause)).Add(float64(lost.Units()))
		r.recorder.Eventf(o, nil, corev1.EventTypeWarning, "NotRestocked", "Return", "%s", lost.Message)
		log.Info("units could not be put back on the shelf", "units", lost.Units(), "cause", lost.Cause,
			"message", lost.Message)
	}
	stalled := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.OrderConditionStalled)
	if stalled != nil && d.Rule == "StallHasChanged" {
		r.metrics.stalls.WithLabelValues(stalled.Reason).Inc()
		log.Info("order stalled", "reason", stalled.Reason, "message", stalled.Message)
	}
}

type orderMetrics struct {
	transitions    *prometheus.CounterVec
	stalls         *prometheus.CounterVec
	writes         *prometheus.CounterVec
	notRestocked   *prometheus.CounterVec
	confirmSeconds prometheus.Histogram
}

// newMetrics registers the metrics of the order controller. Two managers in one
// process share them.
func newMetrics(registry prometheus.Registerer) (*orderMetrics, error) {
	m := &orderMetrics{
		transitions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_order_transitions_total",
			Help: "Changes of phase of orders, by phase before and after and by the reason of a cancellation.",
		}, []string{"from", "to", "reason"}),
		stalls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_order_stalls_total",
			Help: "Orders that could not go on without a person, by reason.",
		}, []string{"reason"}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_order_writes_total",
			Help: "API writes of the order controller, by what was written and how it ended.",
		}, []string{"act", "result"}),
		notRestocked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_order_units_not_restocked_total",
			Help: "Units that came back and could not be put back on the shelf, by why: ItemGone, ReservationGone.",
		}, []string{"cause"}),
		confirmSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "orderplane_order_confirm_seconds",
			Help:    "Time from creation of an order (a whole second) to its being Confirmed.",
			Buckets: []float64{0.5, 1, 2, 5, 10, 30, 60, 300, 900},
		}),
	}
	err := errors.Join(
		metrics.Register(registry, &m.transitions), metrics.Register(registry, &m.stalls),
		metrics.Register(registry, &m.writes), metrics.Register(registry, &m.notRestocked), metrics.Register(registry, &m.confirmSeconds),
	)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	for _, cause := range []order.NotRestockedCause{order.ItemGone, order.ReservationGone} {
		m.notRestocked.WithLabelValues(string(cause)) // from 0 on, or an alert would miss the first
	}
	return m, nil
}

func (m *orderMetrics) write(act order.Act, err error) {
	if act == order.Nothing {
		return
	}
	result := "ok"
	switch {
	case apierrors.IsConflict(err):
		result = "conflict"
	case apierrors.IsAlreadyExists(err):
		result = "exists"
	case apierrors.IsNotFound(err):
		result = "gone"
	case err != nil:
		result = "error"
	}
	m.writes.WithLabelValues(string(act), result).Inc()
}
