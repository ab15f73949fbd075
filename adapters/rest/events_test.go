package rest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/internal/token"
	"github.com/orderplane/orderplane/test/testenv"
)

// sent is an event as a client reads it.
type sent struct{ id, kind, data string }

// stream is an open event stream.
type stream struct {
	t      *testing.T
	header http.Header
	events chan sent
	cancel context.CancelFunc
}

// open asks for the events of an order. It returns the stream, or the answer that is none.
func (g *gateway) open(id, bearer string, header ...string) (*stream, answer) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"/api/orders/"+id+"/events", nil)
	must(g.t, err)
	r.Header.Set("Authorization", "Bearer "+bearer)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r) //nolint:bodyclose // whoever reads the stream closes it
	must(g.t, err)
	if response.StatusCode != http.StatusOK {
		defer cancel()
		a, err := g.answerOf(r, response)
		must(g.t, err)
		return nil, a
	}
	s := &stream{t: g.t, header: response.Header, events: make(chan sent, 100), cancel: cancel}
	g.t.Cleanup(cancel)
	go func() {
		defer func() { _ = response.Body.Close() }()
		defer close(s.events)
		var next sent
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				next.id = value
			case "event":
				next.kind = value
			case "data":
				next.data = value
			case "":
				if next.id != "" {
					s.events <- next
				}
				next = sent{}
			}
		}
	}()
	return s, answer{}
}

// opens is open of a stream that begins.
func (g *gateway) opens(id, bearer string, header ...string) *stream {
	g.t.Helper()
	s, refused := g.open(id, bearer, header...)
	if s == nil {
		g.t.Fatalf("no stream: %d %s", refused.status, refused.raw)
	}
	return s
}

// gets waits for the events that come next, by "id type", and returns the last.
func (s *stream) gets(want ...string) (last sent) {
	s.t.Helper()
	for _, w := range want {
		got, more := <-s.events
		if !more {
			s.t.Fatalf("the stream ended, want %s", w)
		}
		if got.id+" "+got.kind != w {
			s.t.Fatalf("got %s %s, want %s", got.id, got.kind, w)
		}
		last = got
	}
	return last
}

// ends waits until the stream has ended, without another event.
func (s *stream) ends() {
	s.t.Helper()
	if more, open := <-s.events; open {
		s.t.Fatalf("got %+v, want the end", more)
	}
}

// euros creates an order whose currency is known at once.
func (g *gateway) euros(customer string) string {
	g.t.Helper()
	a := g.do(request{
		method: http.MethodPost, path: "/api/orders", token: g.token(customer),
		body:   strings.Replace(orderBody(customer), "{", `{"currency":"EUR",`, 1),
		header: []string{"Idempotency-Key", uuid.NewString()},
	})
	if a.status != http.StatusCreated {
		g.t.Fatalf("create: %d %s", a.status, a.raw)
	}
	return a.text("orderId")
}

// happens adds to the history of an order, as the order controller does.
func happens(phase v1alpha1.OrderPhase, kinds ...v1alpha1.OrderHistoryType) func(*v1alpha1.Order) {
	return func(o *v1alpha1.Order) {
		now := metav1.Now()
		o.Status.Phase = phase
		if len(o.Status.History) == 0 {
			kinds = append([]v1alpha1.OrderHistoryType{v1alpha1.HistoryCreated}, kinds...)
		}
		for _, kind := range kinds {
			o.Status.History = append(o.Status.History, v1alpha1.OrderHistoryEntry{Seq: int64(len(o.Status.History) + 1), Type: kind, At: now})
		}
	}
}

func TestAStreamTellsTheLifeOfAnOrder(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id, mine := g.euros("cust-1"), g.token("cust-1")
	s := g.opens(id, mine)
	s.gets("1 order.created")
	g.setStatus(id, happens(v1alpha1.OrderConfirmed, v1alpha1.HistoryConfirmed))
	confirmed := s.gets("2 order.confirmed")
	if want, err := event.OfOrder(g.order(id), 1); err != nil || confirmed.data != string(want[0].Value) {
		t.Errorf("data = %s, want %s (%v)", confirmed.data, want[0].Value, err)
	}
	// Who comes back later gets what followed, from any gateway.
	later := g.replica().opens(id, mine, "Last-Event-ID", "1")
	later.gets("2 order.confirmed")
	g.setStatus(id, happens(v1alpha1.OrderCancelled, v1alpha1.HistoryCancelled))
	for _, each := range []*stream{s, later} {
		each.gets("3 order.cancelled")
		each.ends()
	}
	if a := g.do(request{path: "/api/orders/" + id + "/events", token: mine, header: []string{"Last-Event-ID", "3"}}); a.status != http.StatusNoContent {
		t.Errorf("after the end: %d %s", a.status, a.raw)
	}
	again := g.opens(id, mine)
	again.gets("1 order.created", "2 order.confirmed", "3 order.cancelled")
	again.ends()
	if got := again.header; got.Get("Content-Type") != "text/event-stream" || got.Get("Cache-Control") != "no-store" || got.Get("X-Trace-Id") == "" {
		t.Errorf("headers: %v", got)
	}
}

func TestOnlyWhoMaySeeAnOrderGetsItsEvents(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.euros("cust-1")
	for bearer, want := range map[string]int{g.token("cust-2"): http.StatusNotFound, "": http.StatusUnauthorized} {
		if s, a := g.open(id, bearer); s != nil || a.status != want {
			t.Errorf("%d %s, want %d", a.status, a.raw, want)
		}
	}
	g.opens(id, g.ops()).gets("1 order.created")
	g.opens(id, g.token("viewer-1", token.RoleViewer)).gets("1 order.created")
	if s, a := g.open("nothing", g.ops()); s != nil || a.status != http.StatusNotFound {
		t.Errorf("an order that is not there: %d %s", a.status, a.raw)
	}
}

func TestALastEventIDThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.euros("cust-1")
	for _, last := range []string{"x", "-1", "1.0", "1, 2", "9999999999999999"} {
		_, a := g.open(id, g.token("cust-1"), "Last-Event-ID", last)
		a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
		if a.text("error.fieldErrors.0.field") != "Last-Event-ID" {
			t.Errorf("%s: %s", last, a.raw)
		}
	}
}

func TestStreamsAreBoundedForAClientAndForAll(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *rest.Config) { c.EventStreams, c.EventStreamsPerClient = 3, 2 })
	id := g.euros("cust-1")
	mine := g.token("cust-1")
	first := g.opens(id, mine)
	g.opens(id, mine)
	_, a := g.open(id, mine)
	a.wants(t, http.StatusTooManyRequests, "RATE_LIMIT_EXCEEDED")
	if a.header.Get("Retry-After") == "" {
		t.Errorf("headers: %v", a.header)
	}
	g.opens(id, g.ops())
	_, a = g.open(id, g.token("viewer-1", token.RoleViewer))
	a.wants(t, http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE")
	first.cancel()
	g.eventually("there is room again", func() bool {
		s, _ := g.open(id, mine)
		return s != nil
	})
}

func TestStreamsEndWhenTheGatewayDrains(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	s := g.opens(g.euros("cust-1"), g.token("cust-1"))
	s.gets("1 order.created")
	began := time.Now()
	must(t, g.stop())
	s.ends()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the drain took %v", took)
	}
}

func TestAStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *rest.Config) { c.Token.Leeway = 0 })
	short, err := g.issuer.Issue(token.Identity{Subject: "cust-1"}, time.Now(), 3*time.Second)
	must(t, err)
	s := g.opens(g.euros("cust-1"), short)
	s.gets("1 order.created")
	s.ends()
}

func TestAnOrderThatIsDeletedEndsItsStream(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	id := g.euros("cust-1")
	s := g.opens(id, g.token("cust-1"))
	s.gets("1 order.created")
	g.leaves(id)
	s.ends()
}

func TestTheEventsOfAnArchivedOrderAreThereAndEnd(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Orders)
	g := startMirrored(t, pool, nil)
	id := g.euros("cust-1")
	g.setStatus(id, happens(v1alpha1.OrderFulfilled, v1alpha1.HistoryConfirmed, v1alpha1.HistoryFulfilled))
	g.mirrors(pool, id, orderdb.Archived)
	g.leaves(id)
	s := g.opens(id, g.token("cust-1"), "Last-Event-ID", "1")
	last := s.gets("2 order.confirmed", "3 order.fulfilled")
	s.ends()
	var told struct{ Payload struct{ OrderID string } }
	if err := json.Unmarshal([]byte(last.data), &told); err != nil || told.Payload.OrderID != id {
		t.Errorf("data: %s, %v", last.data, err)
	}
	if _, a := g.open(id, g.token("cust-1"), "Last-Event-ID", "3"); a.status != http.StatusNoContent {
		t.Errorf("all of it: %d %s", a.status, a.raw)
	}
	if s, a := g.open(id, g.token("cust-2")); s != nil || a.status != http.StatusNotFound {
		t.Errorf("somebody else: %d %s", a.status, a.raw)
	}
}

func TestAPageOfAnotherOriginMayResumeAStream(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *rest.Config) { c.CORSAllowedOrigins = []string{shop} })
	id := g.euros("cust-1")
	a := g.do(request{method: http.MethodOptions, path: "/api/orders/" + id + "/events", header: []string{
		"Origin", shop, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization,last-event-id",
	}})
	if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Headers") != "authorization,last-event-id" {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
	s := g.opens(id, g.token("cust-1"), "Origin", shop, "Last-Event-ID", "0")
	s.gets("1 order.created")
	if got := s.header.Get("Access-Control-Allow-Origin"); got != shop {
		t.Errorf("Access-Control-Allow-Origin = %q", got)
	}
}

func TestACreateThatFindsTooManyWaitingIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *rest.Config) { c.WaitingCreates = 0 })
	a := g.createWaiting(uuid.NewString(), "wait=30")
	if a.status != http.StatusCreated || a.text("status") != "PENDING" || a.header.Get("Preference-Applied") != "" {
		t.Errorf("%d %s, %v", a.status, a.raw, a.header)
	}
}
