package rest_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/api/v1alpha1"
)

var (
	crowd = flag.Int("crowd", 40, "how many clients wait for a create, and how many have an event stream open, at once")
	waits = flag.Int("waits", 5, "how many creates that wait are timed against a watch; from 100 on the difference is checked")
)

// hangs sends a request on a connection of its own and returns it, with nothing of the answer
// read but up to a text. So a client costs this process next to nothing.
func (g *gateway) hangs(method, path, bearer, body, until string, header ...string) net.Conn {
	g.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", strings.TrimPrefix(g.url, "http://"))
	must(g.t, err)
	g.t.Cleanup(func() { _ = conn.Close() })
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n", method, path, bearer)
	if body != "" {
		fmt.Fprintf(&head, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	for i := 0; i < len(header); i += 2 {
		fmt.Fprintf(&head, "%s: %s\r\n", header[i], header[i+1])
	}
	_, err = conn.Write([]byte(head.String() + "\r\n" + body))
	must(g.t, err)
	lines := bufio.NewReader(conn)
	for until != "" {
		line, err := lines.ReadString('\n')
		must(g.t, err)
		if strings.Contains(line, until) {
			break
		}
	}
	return conn
}

// counts waits until a gauge of the gateway has a value.
func (g *gateway) counts(gauge string, want int) {
	g.t.Helper()
	g.eventually(fmt.Sprintf("%s is %d", gauge, want), func() bool {
		return strings.Contains(g.do(request{path: "/actuator/metrics"}).raw, fmt.Sprintf("\n%s %d\n", gauge, want))
	})
}

// held is the memory that is in use: heap and stacks.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// It is not parallel: it counts what is left of this process.
func TestACrowdThatGoesLeavesNothing(t *testing.T) {
	g := startGateway(t, func(c *rest.Config) { c.EventStreamsPerClient, c.WaitingCreates = *crowd, 10**crowd })
	mine := g.token("cust-1")
	id := g.euros("cust-1")
	g.opens(id, mine).cancel() // whatever is made once is there
	g.counts("orderplane_gateway_event_streams_open", 0)
	http.DefaultClient.CloseIdleConnections()
	before, ours := goleak.IgnoreCurrent(), held()

	connections := make([]net.Conn, 0, 2**crowd)
	for range *crowd {
		connections = append(connections, g.hangs(http.MethodGet, "/api/orders/"+id+"/events", mine, "", "event: order.created"))
	}
	g.counts("orderplane_gateway_event_streams_open", *crowd)
	streams := held()
	for range *crowd {
		connections = append(connections, g.hangs(http.MethodPost, "/api/orders", mine, orderBody("cust-1"), "",
			"Idempotency-Key", uuid.NewString(), "Prefer", "wait=30"))
	}
	g.counts("orderplane_gateway_creates_waiting", *crowd)
	waiting := held()
	n := uint64(*crowd)
	t.Logf("%d streams: %d bytes each; %d waiting creates: %d bytes each, with their orders in the cache", n, (streams-ours)/n, n, (waiting-streams)/n)

	for _, connection := range connections {
		_ = connection.Close()
	}
	g.counts("orderplane_gateway_event_streams_open", 0)
	g.counts("orderplane_gateway_creates_waiting", 0)
	http.DefaultClient.CloseIdleConnections()
	// The informers' own connections to the API server, which come and go, are none of the crowd's.
	const http2 = "golang.org/x/net/http2."
	besides := []goleak.Option{
		before, goleak.IgnoreAnyFunction(http2 + "(*clientConnReadLoop).run"),
		goleak.IgnoreAnyFunction(http2 + "(*clientStream).writeRequest"), goleak.IgnoreAnyFunction(http2 + "(*pipe).Read"),
	}
	for range 10 { // Find waits a while for those that are on their way out
		if goleak.Find(besides...) == nil {
			return
		}
	}
	t.Error(goleak.Find(besides...))
}

// sightings are when a watch saw that orders are confirmed.
type sightings struct {
	mu sync.Mutex
	at map[string]time.Time
}

// confirmsAll plays the order controller for all orders to come, by a watch, and notes when that
// watch sees each of them confirmed.
func (g *gateway) confirmsAll() *sightings {
	g.t.Helper()
	live, err := client.NewWithWatch(g.access, client.Options{Scheme: env.Client.Scheme()})
	must(g.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	seen, err := live.Watch(ctx, &v1alpha1.OrderList{}, client.InNamespace(g.namespace))
	must(g.t, err)
	s := &sightings{at: map[string]time.Time{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var confirming sync.WaitGroup
		defer confirming.Wait()
		for e := range seen.ResultChan() {
			o, ok := e.Object.(*v1alpha1.Order)
			switch {
			case !ok:
			case e.Type == watch.Added:
				confirming.Go(func() {
					if err := g.trySetStatus(o.Name, confirm); err != nil {
						g.t.Error(err)
					}
				})
			case o.Status.ConfirmedAt != nil:
				s.mu.Lock()
				if s.at[o.Name].IsZero() {
					s.at[o.Name] = time.Now()
				}
				s.mu.Unlock()
			}
		}
	}()
	g.t.Cleanup(func() {
		cancel()
		seen.Stop()
		<-done
	})
	return s
}

func (s *sightings) of(id string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at[id]
}

// What waits is told as soon as a watch of its own would tell it.
func TestACreateThatWaitsIsToldAsSoonAsAWatchWouldTellIt(t *testing.T) {
	g := startGateway(t)
	confirmed := g.confirmsAll()
	var waited, watched, later []time.Duration
	for range *waits {
		began := time.Now()
		a := g.createWaiting(uuid.NewString(), "wait=5")
		took := time.Since(began)
		if a.status != http.StatusCreated || a.text("status") != "CONFIRMED" {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		g.eventually("the watch has seen it", func() bool { return !confirmed.of(a.text("orderId")).IsZero() })
		seen := confirmed.of(a.text("orderId")).Sub(began)
		waited, watched, later = append(waited, took), append(watched, seen), append(later, took-seen)
	}
	half := func(of []time.Duration) time.Duration {
		slices.Sort(of)
		return of[len(of)/2]
	}
	t.Logf("p50 of %d: the create that waits %v, the watch %v; the answer is later by %v", *waits, half(waited), half(watched), half(later))
	if *waits >= 100 && half(later) > 20*time.Millisecond {
		t.Errorf("the answer is %v later than the watch", half(later))
	}
}
