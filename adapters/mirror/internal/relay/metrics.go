package relay

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	shared "github.com/orderplane/orderplane/internal/kube/metrics"
)

// metrics of all outboxes of a relay.
type metrics struct {
	rows, oldest, heldUp        *prometheus.GaugeVec
	published, repeats, refused *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	database, topic := []string{"database"}, []string{"topic"}
	m := &metrics{
		rows: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "orderplane_mirror_outbox_rows", Help: "Events that wait to be published.",
		}, database),
		oldest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "orderplane_mirror_outbox_oldest_seconds", Help: "How long the first event of an outbox has been waiting; 0 when none waits.",
		}, database),
		heldUp: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "orderplane_mirror_held_up_keys", Help: "Keys whose next event the broker refuses. It is tried again with a back-off; other keys go on.",
		}, database),
		published: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_mirror_published_total", Help: "Records that the broker has acknowledged.",
		}, topic),
		repeats: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_mirror_repeats_total", Help: "Records that another mirror has published as well.",
		}, database),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_mirror_refused_total", Help: "Times that the broker has refused a record.",
		}, topic),
	}
	for _, gauge := range []**prometheus.GaugeVec{&m.rows, &m.oldest, &m.heldUp} {
		if err := shared.Register(registry, gauge); err != nil {
			return nil, fmt.Errorf("register the relay's metrics: %w", err)
		}
	}
	for _, counter := range []**prometheus.CounterVec{&m.published, &m.repeats, &m.refused} {
		if err := shared.Register(registry, counter); err != nil {
			return nil, fmt.Errorf("register the relay's metrics: %w", err)
		}
	}
	return m, nil
}
