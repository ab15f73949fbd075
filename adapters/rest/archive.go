package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
)

// databaseWithin is how long a client waits for what only a database has.
const databaseWithin = 2 * time.Second

// archive asks the database of the orders about those that the cluster does not have any
// more. It is nil where no mirror serves the namespace.
type archive struct {
	orders orderdb.Querier
	asking *breaker
	// unasked counts the orders that were made without asking.
	unasked prometheus.Counter
}

// newArchive returns the archive of a mirrored namespace, which a new order is asked for within a
// time. Without a database it can never be asked.
func newArchive(orders orderdb.Querier, within time.Duration) *archive {
	return &archive{
		orders: orders,
		asking: newBreaker(postgresOrders, within, isDatabaseOutage),
		unasked: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "orderplane_gateway_orders_unasked_total",
			Help: "New orders that were marked since the archive could not be asked for their id; they are not shipped until the mirror has asked.",
		}),
	}
}

// register shows the archive's metrics; none where there is no archive.
func (a *archive) register(registry prometheus.Registerer) error {
	if a == nil {
		return nil
	}
	if err := registry.Register(a.unasked); err != nil {
		return fmt.Errorf("register the metrics of the archive: %w", err)
	}
	return nil
}

// errNoDatabase says that there is nobody to ask.
var errNoDatabase = errors.New("no database is configured")

// isDatabaseOutage: a query of ours that a database does not answer is an outage, whatever it
// says; one that was not waited for says nothing of the database.
func isDatabaseOutage(err error) bool { return err != nil && !errors.Is(err, context.Canceled) }

// archivedOrder is an order as the database last saw it.
type archivedOrder struct {
	order *v1alpha1.Order
	// left says that the cluster does not have it any more.
	left bool
}

// reply is what the database said about an id.
type reply struct {
	row   orderdb.Row
	found bool
	err   error
}

// lookup asks the database about an id.
func (a *archive) lookup(ctx context.Context, id string, within time.Duration) (r reply) {
	if a.orders == nil {
		return reply{err: errNoDatabase}
	}
	r.err = a.asking.callWithin(ctx, within, func(ctx context.Context) (err error) {
		r.row, r.found, err = orderdb.Lookup(ctx, a.orders, id)
		return err
	})
	return r
}

// order is the order that the reply is about, nil when the database has none.
func (r reply) order() (*archivedOrder, error) {
	if r.err != nil || !r.found {
		return nil, r.err
	}
	known := &archivedOrder{order: &v1alpha1.Order{}, left: r.row.State != orderdb.Live}
	if err := json.Unmarshal(r.row.Object, known.order); err != nil {
		return nil, fmt.Errorf("decode the archived order %s: %w", r.row.ID, err)
	}
	return known, nil
}

// order returns the order of an id as the database last saw it, nil when it has none.
func (a *archive) order(ctx context.Context, id string, within time.Duration) (*archivedOrder, error) {
	return a.lookup(ctx, id, within).order()
}

// ask begins to ask about an id, and goes on when it was asked: Redis may be asked meanwhile.
// Whoever does not need the reply need not take it. There is none where orders are not archived.
func (a *archive) ask(ctx context.Context, id string) <-chan reply {
	if a == nil {
		return nil
	}
	replied := make(chan reply, 1)
	go func() { replied <- a.lookup(ctx, id, a.asking.timeout) }()
	return replied
}

// knownOrder returns what the archive has under the id of a new order, nil when it has nothing
// (docs/design/0015-mirror.md, rule 37). It was asked before the order is made. When it does not
// answer soon the order is marked, and the mirror asks before it is shipped.
func (h *handlers) knownOrder(o *v1alpha1.Order, asked <-chan reply) *v1alpha1.Order {
	if asked == nil {
		return nil
	}
	known, err := (<-asked).order()
	if err != nil {
		order.MarkUnasked(o)
		h.archive.unasked.Inc()
		return nil
	}
	if known == nil {
		return nil
	}
	return known.order
}

// archived returns what the archive has of an id, nil when it has nothing. A text that is no name
// may be one that the database can't take, such as one with a NUL.
func (h *handlers) archived(ctx context.Context, id string) (*archivedOrder, error) {
	if h.archive == nil || !isName(id) {
		return nil, nil
	}
	known, err := h.archive.order(ctx, id, databaseWithin)
	if err != nil {
		return nil, databaseAway(err)
	}
	return known, nil
}

// databaseAway answers who asks for what only a database has.
func databaseAway(cause error) *problem {
	var open *breakerOpenError
	if errors.As(cause, &open) {
		return unavailable(open.retryAfter, cause)
	}
	return unavailable(time.Second, cause)
}

// leftTheCluster refuses a command about an order that is archived.
func leftTheCluster(o *v1alpha1.Order) *problem {
	return invalidTransition(fmt.Sprintf("the order is %s and archived: it has left the cluster, and nothing about it can be changed any more", statusOf(o.Status.Phase)))
}
