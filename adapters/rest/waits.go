package rest

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/adapters/rest/internal/slots"
)

// waits bound the creates that wait for their decision.
type waits struct {
	slots *slots.Slots
	// unheard counts those that were answered at once since too many wait.
	unheard prometheus.Counter
}

// newWaits returns room for a number of waiting creates, a tenth of them of one client.
func newWaits(most int) *waits {
	return &waits{
		slots: slots.New(most, max(most/10, 1)),
		unheard: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "orderplane_gateway_creates_not_waited_total",
			Help: "Creates that would have waited for their decision and were answered at once, since WAITING_CREATES others waited.",
		}),
	}
}

// take takes room for one of a client's until giveBack is called; false when there is none.
func (w *waits) take(client string) (giveBack func(), ok bool) {
	giveBack, err := w.slots.Take(client)
	if err != nil {
		w.unheard.Inc()
		return nil, false
	}
	return giveBack, true
}

func (w *waits) register(registry prometheus.Registerer) error {
	return errors.Join(registry.Register(w.unheard), registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "orderplane_gateway_creates_waiting",
		Help: "Creates that wait for their decision now.",
	}, func() float64 { return float64(w.slots.Taken()) })))
}
