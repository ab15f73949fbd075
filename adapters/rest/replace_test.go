package rest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/adapters/rest"
)

// One of two gateways is replaced ten times under load, as a Deployment does it: the
// new one is ready before the old one is told to end. Nobody's request fails.
func TestTenReplacementsFailNoRequest(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	// A load balancer that looks every 20 ms has noticed long before.
	g.cfg.ShutdownDelay = time.Second
	b := &balancer{}
	gateways := []*pod{g.pod(b), g.pod(b)}
	load := g.load(b)
	for range 10 {
		before := load.answered.Load()
		gateways = append(gateways, g.pod(b))
		gateways[0].stop(t)
		gateways = gateways[1:]
		g.eventually("requests go on", func() bool { return load.answered.Load() > before+20 })
	}
	sent := load.stop()
	t.Logf("%d requests through 10 replacements", sent)
	for _, gateway := range gateways {
		gateway.stop(t)
	}
}

// balancer sends requests to the gateways that are ready, in turn. It keeps its
// connections, and looks for readiness as a kubelet does.
type balancer struct {
	mu    sync.Mutex
	pods  []*pod
	turns int
}

func (b *balancer) next() *pod {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ready []*pod
	for _, p := range b.pods {
		if p.ready.Load() {
			ready = append(ready, p)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	b.turns++
	return ready[b.turns%len(ready)]
}

// send forwards a request once. Its body can't be read twice, so that net/http does
// not hide a failure by sending it again.
func (b *balancer) send(r request) (int, error) {
	p := b.next()
	if p == nil {
		return 0, fmt.Errorf("no gateway is ready")
	}
	sent, err := http.NewRequest(r.method, p.url+r.path, io.MultiReader(strings.NewReader(r.body)))
	if err != nil {
		return 0, err
	}
	sent.Header.Set("Authorization", "Bearer "+r.token)
	if r.body != "" {
		sent.Header.Set("Content-Type", "application/json")
		sent.Header.Set("Idempotency-Key", uuid.NewString())
	}
	response, err := p.connections.RoundTrip(sent)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// pod is one gateway behind the balancer.
type pod struct {
	url         string
	connections *http.Transport
	ready       atomic.Bool
	terminate   context.CancelFunc
	done        chan error
}

// pod starts a gateway and returns when the balancer knows that it is ready.
func (g *gateway) pod(b *balancer) *pod {
	g.t.Helper()
	server, err := rest.New(g.cfg, rest.Deps{
		Document: document(g.t), Kube: g.access, Log: logr.Discard(), Metrics: prometheus.NewRegistry(), Now: time.Now, NewID: randomHex,
	})
	must(g.t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(g.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	p := &pod{
		url: "http://" + listener.Addr().String(), connections: &http.Transport{MaxIdleConnsPerHost: 16},
		terminate: cancel, done: make(chan error, 1),
	}
	go func() {
		p.done <- server.Serve(ctx, listener)
		p.connections.CloseIdleConnections()
		close(p.done)
	}()
	g.t.Cleanup(cancel)
	go p.watch()
	b.mu.Lock()
	b.pods = append(b.pods, p)
	b.mu.Unlock()
	g.eventually("the new gateway is ready", p.ready.Load)
	return p
}

// watch asks for readiness until the gateway has ended.
func (p *pod) watch() {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for range ticker.C {
		response, err := client.Get(p.url + "/actuator/health/readiness")
		if err == nil {
			_ = response.Body.Close()
		}
		p.ready.Store(err == nil && response.StatusCode == http.StatusOK)
		if err != nil {
			return
		}
	}
}

// stop sends what SIGTERM is to the process, and waits for the end.
func (p *pod) stop(t *testing.T) {
	t.Helper()
	p.terminate()
	if err := <-p.done; err != nil {
		t.Errorf("a gateway ended with %v", err)
	}
}

// load is requests that come all the time.
type load struct {
	answered atomic.Int64
	end      context.CancelFunc
	senders  sync.WaitGroup
}

// load starts four clients that create orders and read their own, a hundred times a second each.
func (g *gateway) load(b *balancer) *load {
	g.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{end: cancel}
	for i := range 4 {
		customer := fmt.Sprintf("cust-%d", i)
		requests := []request{
			{method: http.MethodGet, path: "/api/orders", token: g.token(customer)},
			{method: http.MethodPost, path: "/api/orders", token: g.token(customer), body: orderBody(customer)},
		}
		l.senders.Go(func() {
			pace := time.NewTicker(10 * time.Millisecond)
			defer pace.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				<-pace.C
				r := requests[n%len(requests)]
				if status, err := b.send(r); err != nil || status >= http.StatusBadRequest {
					g.t.Errorf("%s %s: status %d, %v", r.method, r.path, status, err)
					return
				}
				l.answered.Add(1)
			}
		})
	}
	g.t.Cleanup(func() { l.stop() })
	return l
}

// stop ends the load and returns how many requests were answered.
func (l *load) stop() int64 {
	l.end()
	l.senders.Wait()
	return l.answered.Load()
}
