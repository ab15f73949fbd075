package events

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// Ended says why a stream ended.
type Ended string

// Why a stream ended.
const (
	// OrderOver says that nothing can happen to the order any more, and all was told.
	OrderOver Ended = "order_over"
	// OrderGone says that the order is not in the cluster any more.
	OrderGone Ended = "order_gone"
	// TokenEnded says that the client's token is not good any more.
	TokenEnded Ended = "token_ended"
	// Draining says that the gateway ends.
	Draining Ended = "draining"
	// ClientGone says that the client went, or that it was given up since it took nothing.
	ClientGone Ended = "client_gone"
	// Unreadable says that the order can't be told: its object makes no event.
	Unreadable Ended = "unreadable"
)

// Config says how streams are.
type Config struct {
	// Heartbeat is how long nothing is sent at most.
	Heartbeat time.Duration
	// Within is how long a client may take for what is sent to it.
	Within time.Duration
	Clock  clock.WithTicker
}

// Stream is what one client is sent.
type Stream struct {
	// Order is the newest version that is known when the stream begins.
	Order *v1alpha1.Order
	// Left says that the order has left the cluster: nothing happens to it any more.
	Left bool
	// After is the number of the last event that the client has; 0 for none.
	After int64
	// Watch sees later versions. It began before Order was read.
	Watch *Watch
	// Until is when the client's token ends.
	Until time.Time
	// Draining is closed when streams have to end.
	Draining <-chan struct{}
	// Retry is how long the client waits before it comes back.
	Retry time.Duration
}

// IsOver says whether nothing can happen to an order any more.
func IsOver(o *v1alpha1.Order) bool {
	status := event.StatusOf(o.Status.Phase)
	return status == event.Cancelled || status == event.Returned
}

// Rest are the events that the client does not have yet. An order whose currency nobody knows yet
// has none: its first event tells its prices.
func (s *Stream) Rest() ([]event.Record, error) {
	records, err := event.OfOrder(s.Order, s.After)
	var unknown *event.CurrencyUnknown
	if errors.As(err, &unknown) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("tell order %s: %w", s.Order.Name, err)
	}
	return records, nil
}

// isDone says whether nothing can happen any more.
func (s *Stream) isDone() bool { return s.Left || IsOver(s.Order) }

// IsEmpty says whether there is nothing to send and never will be. Such a client is answered with
// 204, which tells it not to come back (HTML, 9.2).
func (s *Stream) IsEmpty() (bool, error) {
	rest, err := s.Rest()
	return err == nil && len(rest) == 0 && s.isDone(), err
}

// Run sends events until the stream ends, and says why it did. The error says what was wrong with
// the client's connection, or with the order.
func (c Config) Run(ctx context.Context, w http.ResponseWriter, s *Stream) (Ended, error) {
	out := &frames{w: w, send: http.NewResponseController(w), within: c.Within, clock: c.Clock}
	if err := out.begin(s.Retry); err != nil {
		return ClientGone, err
	}
	over := c.Clock.NewTimer(s.Until.Sub(c.Clock.Now()))
	defer over.Stop()
	heartbeat := c.Clock.NewTicker(c.Heartbeat)
	defer heartbeat.Stop()
	for {
		if why, err := s.catchUp(out); why != "" {
			return why, err
		}
		if why, err := s.wait(ctx, out, over, heartbeat); why != "" {
			return why, err
		}
	}
}

// catchUp sends what the client does not have yet.
func (s *Stream) catchUp(out *frames) (Ended, error) {
	rest, err := s.Rest()
	if err != nil {
		return Unreadable, err
	}
	for _, r := range rest {
		if err := out.event(r.Seq, string(r.Type), r.Value); err != nil {
			return ClientGone, err
		}
		s.After = r.Seq
	}
	if s.isDone() {
		return OrderOver, nil
	}
	return "", nil
}

// wait waits until there may be something to send.
func (s *Stream) wait(ctx context.Context, out *frames, over clock.Timer, heartbeat clock.Ticker) (Ended, error) {
	for {
		select {
		case <-s.Watch.Changed():
			return s.look(out)
		case <-heartbeat.C():
			if err := out.heartbeat(); err != nil {
				return ClientGone, err
			}
		case <-over.C():
			return TokenEnded, nil
		case <-s.Draining:
			return Draining, nil
		case <-ctx.Done():
			return ClientGone, nil
		}
	}
}

// look takes over the newest version. One of another object under the same name is the end: the
// numbers of its events are others.
func (s *Stream) look(out *frames) (Ended, error) {
	seen := s.Watch.Newest()
	newest, ok := seen.Object.(*v1alpha1.Order)
	if !ok || newest.UID != s.Order.UID {
		return OrderGone, nil
	}
	if cachedclient.IsSetAside(newest) {
		return Unreadable, fmt.Errorf("tell order %s: what is stored of it can't be decoded", newest.Name)
	}
	s.Order = newest
	if !seen.Gone {
		return "", nil
	}
	if why, err := s.catchUp(out); why != "" {
		return why, err
	}
	return OrderGone, nil
}
