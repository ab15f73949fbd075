package events_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/orderplane/orderplane/adapters/rest/internal/events"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// client is the other end of a stream. Each time something reached it, it says so on got.
type client struct {
	*httptest.ResponseRecorder
	got chan string

	mu       sync.Mutex
	deadline time.Time
	// stuck is what it answers once it takes nothing any more.
	stuck error
}

func newClient() *client {
	return &client{ResponseRecorder: httptest.NewRecorder(), got: make(chan string, 100)}
}

func (c *client) Write(text []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stuck != nil {
		return 0, c.stuck
	}
	c.got <- string(text)
	return c.ResponseRecorder.Write(text)
}

func (c *client) SetWriteDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = at
	return nil
}

// stops has the client take nothing any more.
func (c *client) stops() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stuck = errors.New("i/o timeout")
}

// running is a stream that runs.
type running struct {
	t        *testing.T
	hub      *events.Hub
	clock    *clocktesting.FakeClock
	client   *client
	cancel   context.CancelFunc
	draining chan struct{}
	ended    chan events.Ended
}

// run begins the stream of an order.
func run(t *testing.T, order *v1alpha1.Order, change func(*events.Stream)) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{
		t: t, hub: events.NewHub(), clock: clocktesting.NewFakeClock(start), client: newClient(), cancel: cancel,
		draining: make(chan struct{}), ended: make(chan events.Ended, 1),
	}
	s := &events.Stream{
		Order: order, Watch: r.hub.Watch(order.Name), Until: start.Add(time.Hour), Draining: r.draining, Retry: 1500 * time.Millisecond,
	}
	if change != nil {
		change(s)
	}
	config := events.Config{Heartbeat: 15 * time.Second, Within: 10 * time.Second, Clock: r.clock}
	go func() {
		why, _ := config.Run(ctx, r.client, s)
		r.ended <- why
	}()
	r.gets("retry: 1500\n\n")
	return r
}

// gets waits for what the client gets next, or for the events of it, by id and type.
func (r *running) gets(want ...string) {
	r.t.Helper()
	for _, frame := range want {
		got := <-r.client.got
		if id, rest, isEvent := strings.Cut(got, "\nevent: "); isEvent {
			kind, _, _ := strings.Cut(rest, "\n")
			got = strings.TrimPrefix(id, "id: ") + " " + kind
		}
		if got != frame {
			r.t.Fatalf("got %q, want %q", got, frame)
		}
	}
}

// ends waits for the end of the stream.
func (r *running) ends(want events.Ended) {
	r.t.Helper()
	if why := <-r.ended; why != want {
		r.t.Errorf("ended since %s, want %s", why, want)
	}
	select {
	case more := <-r.client.got:
		r.t.Errorf("the client got %q as well", more)
	default:
	}
}

// sleeps waits until the stream waits for time to pass: for its heartbeat and its token.
func (r *running) sleeps() {
	r.t.Helper()
	for r.clock.Waiters() < 2 {
		if r.t.Context().Err() != nil {
			r.t.Fatal("it does not wait")
		}
	}
}

func orderOf(entries ...v1alpha1.OrderHistoryType) *v1alpha1.Order {
	o := &v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{Name: "ord-1", UID: "uid-1", CreationTimestamp: metav1.NewTime(start)}}
	o.Spec = v1alpha1.OrderSpec{
		CustomerID: "cust-1", Currency: "EUR",
		Items: []v1alpha1.OrderItem{{ProductID: "prod-001", Quantity: 1, UnitPrice: "5.00"}},
	}
	for i, kind := range entries {
		o.Status.History = append(o.Status.History, v1alpha1.OrderHistoryEntry{Seq: int64(i + 1), Type: kind, At: metav1.NewTime(start)})
		switch kind {
		case v1alpha1.HistoryCancelled:
			o.Status.Phase = v1alpha1.OrderCancelled
		case v1alpha1.HistoryConfirmed:
			o.Status.Phase = v1alpha1.OrderConfirmed
		default:
		}
	}
	return o
}

const (
	wasCreated   = v1alpha1.HistoryCreated
	wasConfirmed = v1alpha1.HistoryConfirmed
	wasCancelled = v1alpha1.HistoryCancelled
)

func TestAStreamTellsWhatHappenedAndWhatHappensUntilTheOrderIsOver(t *testing.T) {
	t.Parallel()
	r := run(t, orderOf(wasCreated), nil)
	r.gets("1 order.created")
	r.hub.Handler().OnUpdate(nil, orderOf(wasCreated, wasConfirmed, wasCancelled))
	r.gets("2 order.confirmed", "3 order.cancelled")
	r.ends(events.OrderOver)
	if got := r.client.Header().Get("Content-Type"); got != "text/event-stream" || r.client.Code != http.StatusOK {
		t.Errorf("%d %s", r.client.Code, got)
	}
}

// The data is what Kafka has, to the byte.
func TestTheDataOfAnEventIsItsEnvelope(t *testing.T) {
	t.Parallel()
	order := orderOf(wasCreated, wasCancelled)
	records, err := event.OfOrder(order, 1)
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, order, func(s *events.Stream) { s.After = 1 })
	want := "id: 2\nevent: order.cancelled\ndata: " + string(records[0].Value) + "\n\n"
	if diff := cmp.Diff(want, <-r.client.got); diff != "" {
		t.Error(diff)
	}
	r.ends(events.OrderOver)
}

func TestAStreamGoesOnAfterWhatTheClientHas(t *testing.T) {
	t.Parallel()
	r := run(t, orderOf(wasCreated, wasConfirmed), func(s *events.Stream) { s.After = 1 })
	r.gets("2 order.confirmed")
	// A cache that is behind tells nothing again.
	r.hub.Handler().OnUpdate(nil, orderOf(wasCreated))
	r.hub.Handler().OnUpdate(nil, orderOf(wasCreated, wasConfirmed, wasCancelled))
	r.gets("3 order.cancelled")
	r.ends(events.OrderOver)
}

func TestAnOrderThatLeftTheClusterIsToldToItsEnd(t *testing.T) {
	t.Parallel()
	r := run(t, orderOf(wasCreated, wasConfirmed), func(s *events.Stream) { s.Left = true })
	r.gets("1 order.created", "2 order.confirmed")
	r.ends(events.OrderOver)
}

// Nobody knows its prices before its class says its currency.
func TestAnOrderWithoutCurrencyIsToldOnceThatIsKnown(t *testing.T) {
	t.Parallel()
	order := orderOf()
	order.Spec.Currency = ""
	r := run(t, order, nil)
	r.hub.Handler().OnUpdate(nil, orderOf(wasCreated, wasCancelled))
	r.gets("1 order.created", "2 order.cancelled")
	r.ends(events.OrderOver)
}

func TestTheLastVersionOfADeletedOrderIsTold(t *testing.T) {
	t.Parallel()
	r := run(t, orderOf(wasCreated), nil)
	r.gets("1 order.created")
	r.hub.Handler().OnDelete(orderOf(wasCreated, wasConfirmed))
	r.gets("2 order.confirmed")
	r.ends(events.OrderGone)
}

func TestAnotherOrderOfTheSameNameEndsTheStream(t *testing.T) {
	t.Parallel()
	r := run(t, orderOf(wasCreated), nil)
	r.gets("1 order.created")
	another := orderOf(wasCreated, wasConfirmed)
	another.UID = "uid-2"
	r.hub.Handler().OnAdd(another, false)
	r.ends(events.OrderGone)
}

func TestAStreamEndsWithItsTokenAndBeatsUntilThen(t *testing.T) {
	t.Parallel()
	r := run(t, orderOf(wasCreated), func(s *events.Stream) { s.Until = start.Add(20 * time.Second) })
	r.gets("1 order.created")
	r.sleeps()
	r.clock.Step(15 * time.Second)
	r.gets(":\n\n")
	r.clock.Step(5 * time.Second)
	r.ends(events.TokenEnded)
}

func TestAStreamEndsWhenTheGatewayDrains(t *testing.T) {
	t.Parallel()
	r := run(t, orderOf(wasCreated), nil)
	r.gets("1 order.created")
	close(r.draining)
	r.ends(events.Draining)
}

func TestAStreamEndsWhenItsClientGoes(t *testing.T) {
	t.Parallel()
	r := run(t, orderOf(wasCreated), nil)
	r.gets("1 order.created")
	r.cancel()
	r.ends(events.ClientGone)
}

func TestAClientThatTakesNothingIsGivenUp(t *testing.T) {
	t.Parallel()
	r := run(t, orderOf(wasCreated), nil)
	r.gets("1 order.created")
	r.sleeps()
	r.client.stops()
	r.clock.Step(15 * time.Second)
	r.ends(events.ClientGone)
	if want := start.Add(25 * time.Second); !r.client.deadline.Equal(want) {
		t.Errorf("the deadline was %s, want %s", r.client.deadline, want)
	}
}

func TestAnOrderThatMakesNoEventsEndsTheStream(t *testing.T) {
	t.Parallel()
	r := run(t, orderOf(wasCreated), nil)
	r.gets("1 order.created")
	poisoned := orderOf(wasCreated, v1alpha1.HistoryRefundRequested) // of nothing that came back
	r.hub.Handler().OnUpdate(nil, poisoned)
	r.ends(events.Unreadable)
}

func TestIsEmpty(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		stream events.Stream
		want   bool
	}{
		"over, and told":           {events.Stream{Order: orderOf(wasCreated, wasCancelled), After: 2}, true},
		"over, not told":           {events.Stream{Order: orderOf(wasCreated, wasCancelled), After: 1}, false},
		"goes on":                  {events.Stream{Order: orderOf(wasCreated, wasConfirmed), After: 2}, false},
		"left the cluster":         {events.Stream{Order: orderOf(wasCreated, wasConfirmed), After: 2, Left: true}, true},
		"more than there ever was": {events.Stream{Order: orderOf(wasCreated, wasCancelled), After: 9}, true},
	} {
		if got, err := tc.stream.IsEmpty(); got != tc.want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
