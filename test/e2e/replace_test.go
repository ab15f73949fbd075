//go:build linux

package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
)

// replacements is how often a gateway is replaced.
const replacements = 10

// replacedGateways replaces one of two gateways ten times under load, as a Deployment does it: the
// new process is ready before the old one gets its SIGTERM. No request fails, every process ends
// with 0, and every event stream ends whole.
func replacedGateways(t *testing.T, s *stack) {
	o := s.place(line{"prod-003", 1})
	s.waitOrder(o.OrderID, "CONFIRMED")
	b := &balancer{}
	gateways := []*gateway{s.gateway(b), s.gateway(b)}
	load := s.load(b, o.OrderID)
	for range replacements {
		before := load.answered.Load()
		gateways = append(gateways, s.gateway(b))
		stream := gateways[0].follow(s, o.OrderID)
		gateways[0].terminate(t)
		if err := <-stream; err != nil {
			t.Errorf("the stream of a gateway that was replaced: %v", err)
		}
		gateways = gateways[1:]
		eventually(t, 30*time.Second, func(context.Context) string {
			if now := load.answered.Load(); now < before+20 {
				return fmt.Sprintf("only %d requests were answered since", now-before)
			}
			return ""
		})
	}
	t.Logf("%d requests through %d replacements", load.stop(), replacements)
	for _, g := range gateways {
		g.terminate(t)
	}
	s.do(http.StatusOK, http.MethodDelete, "/api/orders/"+o.OrderID, s.env["CUSTOMER_TOKEN"], "")
}

// gateway is a process of its own behind the balancer.
type gateway struct {
	url    string
	cmd    *exec.Cmd
	exited chan error
	ready  atomic.Bool
	client http.Client
}

// gateway starts one as the stack's own was started but for some flags, on a free port, and returns
// when the balancer knows that it is ready.
func (s *stack) gateway(b *balancer, flags ...string) *gateway {
	s.t.Helper()
	args, environment := s.process("gateway")
	args = append(append(args, "--http-port=0", "--shutdown-delay=1s"), flags...) // the last one counts
	g := &gateway{cmd: exec.Command(s.binary, args...), exited: make(chan error, 1)}
	g.cmd.Env = environment
	g.client.Transport = &http.Transport{MaxIdleConnsPerHost: 16}
	logs, err := g.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = g.cmd.Process.Kill() })
	address := make(chan string, 1)
	go g.read(s.t, logs, address)
	select {
	case found := <-address:
		g.url = "http://" + found
	case err := <-g.exited:
		s.t.Fatalf("a gateway ended before it listened: %v", err)
	case <-time.After(readyWithin):
		s.t.Fatal("a gateway does not say where it listens")
	}
	go g.watch()
	eventually(s.t, readyWithin, func(context.Context) string {
		if !g.ready.Load() {
			return "the new gateway is not ready"
		}
		return ""
	})
	b.add(g)
	return g
}

// process is how a child of the stack was started.
func (s *stack) process(name string) (args, environment []string) {
	s.t.Helper()
	pid := s.children()[name]
	if pid == 0 {
		s.t.Fatalf("the stack runs no %s", name)
	}
	read := func(what string) []string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, what))
		if err != nil {
			s.t.Fatal(err)
		}
		return strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
	}
	return read("cmdline")[1:], read("environ")
}

// read finds the address in the log, and waits for the end of the process. What a library says is
// detail, which is not logged here.
func (g *gateway) read(t *testing.T, logs io.Reader, address chan<- string) {
	listens := regexp.MustCompile(`gateway is listening.*?(127\.0\.0\.1:\d+)`)
	for lines := bufio.NewScanner(logs); lines.Scan(); {
		if found := listens.FindStringSubmatch(lines.Text()); found != nil {
			address <- found[1]
		}
		if strings.HasPrefix(lines.Text(), "redis: ") || strings.Contains(lines.Text(), "redis client: ") {
			t.Errorf("a gateway logs %s", lines.Text())
		}
	}
	g.exited <- g.cmd.Wait()
}

// watch asks for readiness until the process has ended.
func (g *gateway) watch() {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for range ticker.C {
		response, err := client.Get(g.url + "/actuator/health/readiness")
		if err == nil {
			_ = response.Body.Close()
		}
		g.ready.Store(err == nil && response.StatusCode == http.StatusOK)
		if err != nil {
			return
		}
	}
}

// terminate sends SIGTERM and waits for the end, which has to be a good one.
func (g *gateway) terminate(t *testing.T) {
	t.Helper()
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-g.exited:
		if err != nil {
			t.Errorf("a gateway ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("a gateway does not end")
	}
	g.client.CloseIdleConnections()
}

// follow opens the events of an order, waits for the first, and tells how the stream ended: nil
// where the gateway ended it.
func (g *gateway) follow(s *stack, id string) <-chan error {
	s.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, g.url+"/api/orders/"+id+"/events", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.env["CUSTOMER_TOKEN"])
	response, err := g.client.Do(request) //nolint:bodyclose // the goroutine below does it
	if err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(response.Body)
	for lines.Text() != "event: order.confirmed" {
		if !lines.Scan() {
			s.t.Fatalf("the stream is over: %d, %v", response.StatusCode, lines.Err())
		}
	}
	ended := make(chan error, 1)
	go func() {
		defer func() { _ = response.Body.Close() }()
		for lines.Scan() {
		}
		ended <- lines.Err()
	}()
	return ended
}

// balancer sends requests to the gateways that are ready, in turn.
type balancer struct {
	mu       sync.Mutex
	gateways []*gateway
	turns    int
}

func (b *balancer) add(g *gateway) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gateways = append(b.gateways, g)
}

func (b *balancer) next() *gateway {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ready []*gateway
	for _, g := range b.gateways {
		if g.ready.Load() {
			ready = append(ready, g)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	b.turns++
	return ready[b.turns%len(ready)]
}

// send forwards a request once: its body can't be read twice, so net/http hides no failure.
func (b *balancer) send(method, path, token, body string) (int, error) {
	header := http.Header{"Authorization": {"Bearer " + token}}
	if body != "" {
		header.Set("Content-Type", "application/json")
		header.Set("Idempotency-Key", uuid.NewString())
	}
	status, _, err := b.exchange(method, path, header, body)
	return status, err
}

// exchange is send with a header of the caller's, and gives the body of the answer, too.
func (b *balancer) exchange(method, path string, header http.Header, body string) (status int, answer string, err error) {
	g := b.next()
	if g == nil {
		return 0, "", fmt.Errorf("no gateway is ready")
	}
	request, err := http.NewRequestWithContext(context.Background(), method, g.url+path, io.MultiReader(strings.NewReader(body)))
	if err != nil {
		return 0, "", err
	}
	request.Header = header
	response, err := g.client.Transport.RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// load is requests that come all the time.
type load struct {
	answered atomic.Int64
	end      context.CancelFunc
	senders  sync.WaitGroup
}

// load starts four clients. Each reads the order and creates one in ten requests, of a product that
// is not there: such an order holds nothing.
func (s *stack) load(b *balancer, id string) *load {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{end: cancel}
	t, token := s.t, s.env["CUSTOMER_TOKEN"]
	for range 4 {
		l.senders.Go(func() {
			ticker := time.NewTicker(10 * time.Millisecond)
			defer ticker.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				method, path, body := http.MethodGet, "/api/orders/"+id, ""
				if n%10 == 0 {
					method, path, body = http.MethodPost, "/api/orders", orderBody(line{"nothing", 1})
				}
				if status, err := b.send(method, path, token, body); err != nil || status >= http.StatusBadRequest {
					t.Errorf("%s %s: status %d, %v", method, path, status, err)
					return
				}
				l.answered.Add(1)
				<-ticker.C
			}
		})
	}
	t.Cleanup(func() { l.stop() })
	return l
}

// stop ends the load and returns how many requests were answered.
func (l *load) stop() int64 {
	l.end()
	l.senders.Wait()
	return l.answered.Load()
}
