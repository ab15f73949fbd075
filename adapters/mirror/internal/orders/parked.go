package orders

import (
	"sync"

	"github.com/go-logr/logr"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/trace"
)

// parked are orders that can't be told as they are, each with the version and the reason. Safe for
// concurrent use.
type parked struct {
	log     logr.Logger
	metrics *metrics

	mu     sync.Mutex
	orders map[string]string
}

func newParked(log logr.Logger, m *metrics) *parked {
	return &parked{log: log, metrics: m, orders: map[string]string{}}
}

// put parks a version of an order, and says so once for each reason.
func (p *parked) put(o *v1alpha1.Order, why error) {
	name, version := o.Name, o.ResourceVersion
	p.mu.Lock()
	defer p.mu.Unlock()
	if is := version + ": " + why.Error(); p.orders[name] != is {
		p.orders[name] = is
		p.log.Error(why, "an order can't be told and waits alone; everything else goes on", "order", name, "resourceVersion", version,
			"traceId", trace.IDOf(o))
	}
	p.metrics.parked.Set(float64(len(p.orders)))
}

// done ends that an order is parked.
func (p *parked) done(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, was := p.orders[name]; was {
		delete(p.orders, name)
		p.log.Info("an order that was parked is told", "order", name)
	}
	p.metrics.parked.Set(float64(len(p.orders)))
}
