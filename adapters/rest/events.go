package rest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/rest/internal/events"
	"github.com/orderplane/orderplane/adapters/rest/internal/slots"
	"github.com/orderplane/orderplane/adapters/rest/wire"
)

const (
	// streamWithin is how long a client may take for what a stream sends it.
	streamWithin = 10 * time.Second
	// streamRetry is after what time a client comes back whose stream ended, and streamSpread how
	// much later at most: a gateway that ends sends all of them to the others.
	streamRetry  = time.Second
	streamSpread = 2 * time.Second
	// streamRoom is when to try again for whom there was no room.
	streamRoom = 5 * time.Second
)

// streams are the event streams of a gateway.
type streams struct {
	config   events.Config
	log      logr.Logger
	slots    *slots.Slots
	orders   *events.Hub
	draining <-chan struct{}
	// retry is when a client comes back.
	retry func() time.Duration
	// ended counts the streams that ended, by the reason, and refused those that there was no room
	// for.
	ended, refused *prometheus.CounterVec
}

func newStreams(cfg Config, log logr.Logger, orders *events.Hub, draining <-chan struct{}) *streams {
	return &streams{
		log:    log,
		config: events.Config{Heartbeat: cfg.EventHeartbeat, Within: streamWithin, Clock: clock.RealClock{}},
		slots:  slots.New(cfg.EventStreams, cfg.EventStreamsPerClient),
		orders: orders, draining: draining,
		retry: func() time.Duration { return streamRetry + rand.N(streamSpread) }, //nolint:gosec // no secret
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_gateway_event_streams_ended_total",
			Help: "Event streams that ended, by the reason: order_over, order_gone, token_ended, draining, client_gone, unreadable.",
		}, []string{"reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_gateway_event_streams_refused_total",
			Help: "Event streams that there was no room for: by the limit of a client (client), or of the gateway (all).",
		}, []string{"limit"}),
	}
}

func (s *streams) register(registry prometheus.Registerer) error {
	return errors.Join(registry.Register(s.ended), registry.Register(s.refused), registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "orderplane_gateway_event_streams_open",
		Help: "Event streams that are open now.",
	}, func() float64 { return float64(s.slots.Taken()) })))
}

// take takes room for a stream of a client's.
func (s *streams) take(client string) (giveBack func(), err error) {
	giveBack, err = s.slots.Take(client)
	switch {
	case errors.Is(err, slots.ErrClientFull):
		s.refused.WithLabelValues("client").Inc()
		return nil, &problem{
			status: http.StatusTooManyRequests, code: codeRateLimitExceeded,
			message:    "you have as many event streams open as a client may have; end one of them first",
			retryAfter: streamRoom, cause: err,
		}
	case err != nil:
		s.refused.WithLabelValues("all").Inc()
		return nil, unavailable(streamRoom, fmt.Errorf("no room for an event stream: %w", err))
	}
	return giveBack, nil
}

// streamed is an answer that writes itself.
type streamed func(w http.ResponseWriter) error

// VisitStreamOrderEventsResponse implements wire.StreamOrderEventsResponseObject. Its error is one
// of a stream that has not begun.
func (s streamed) VisitStreamOrderEventsResponse(w http.ResponseWriter) error { return s(w) }

// StreamOrderEvents sends what happens to an order, as it happens.
func (h *handlers) StreamOrderEvents(ctx context.Context, request wire.StreamOrderEventsRequestObject) (wire.StreamOrderEventsResponseObject, error) {
	after := int64(0)
	if last := request.Params.LastEventID; last != nil {
		var err error
		if after, err = strconv.ParseInt(*last, 10, 64); err != nil {
			return nil, invalidRequest(wire.FieldError{Field: "Last-Event-ID", Message: "is no id of an event: those are whole numbers"})
		}
	}
	return streamed(func(w http.ResponseWriter) error { return h.streams.serve(ctx, w, h, request.OrderId, after) }), nil
}

// serve answers with the events of an order that come after one of them.
func (s *streams) serve(ctx context.Context, w http.ResponseWriter, h *handlers, id string, after int64) error {
	c := callFrom(ctx)
	giveBack, err := s.take(c.who.Subject)
	if err != nil {
		return err
	}
	defer giveBack()
	// It watches first and reads then, so that it misses nothing in between.
	watch := s.orders.Watch(id)
	defer watch.Close()
	order, left, err := h.findOrder(ctx, id)
	if err != nil {
		return err
	}
	stream := &events.Stream{
		Order: order, Left: left, After: after, Watch: watch, Until: c.until, Draining: s.draining, Retry: s.retry(),
	}
	switch empty, err := stream.IsEmpty(); {
	case err != nil:
		return internalError(err)
	case empty:
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if c.headOnly {
		events.WriteHead(w)
		return nil
	}
	c.streaming = h.now()
	why, err := s.config.Run(ctx, w, stream)
	s.ended.WithLabelValues(string(why)).Inc()
	if why == events.Unreadable {
		s.log.Error(err, "an event stream ended early", "traceId", c.trace.ID, "order", id)
	}
	return nil
}
