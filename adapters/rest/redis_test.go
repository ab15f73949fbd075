package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"
	"k8s.io/apimachinery/pkg/types"
	kube "k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/devservices"
	"github.com/orderplane/orderplane/internal/redis"
)

// redisAt opens a client as the gateway does.
func redisAt(t *testing.T, addr string) *goredis.Client {
	t.Helper()
	client, err := redis.Open(redis.Config{Addr: addr, Connections: 32})
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func startWithRedis(t *testing.T, addr string, change ...func(*rest.Config)) *gateway {
	t.Helper()
	g := newGateway(t, change...)
	g.redis = redisAt(t, addr)
	g.start()
	return g
}

func patient(c *rest.Config) { c.RedisTimeout = 10 * time.Second }

func TestRedisAnswersARepeatWhileTheAPIServerIsAway(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	g := newGateway(t, patient)
	g.redis = redisAt(t, server.Addr())
	var away atomic.Bool
	g.access = kube.CopyConfig(g.access)
	g.access.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			if away.Load() {
				return nil, errors.New("the API server is away")
			}
			return next.RoundTrip(r)
		})
	})
	g.start()
	key := uuid.NewString()
	first := g.createWith(key, orderBody("cust-1"))
	g.eventually("the answer is kept", func() bool { return server.Exists("ops:idempotency:" + key) })
	g.deletes(first.text("orderId")) // what the cache has does not answer
	away.Store(true)
	again := g.createWith(key, orderBody("cust-1"))
	if again.status != http.StatusCreated || again.raw != first.raw || again.header.Get("Idempotent-Replayed") != "true" ||
		again.header.Get("Location") != first.header.Get("Location") {
		t.Errorf("again = %d %s %v, want %s", again.status, again.raw, again.header, first.raw)
	}
	// Nobody can say what became of the order to one who waits.
	waiting := g.createWaiting(key, "wait=1")
	if waiting.status != http.StatusCreated || waiting.raw != first.raw || waiting.header.Get("Preference-Applied") != "" {
		t.Errorf("who waits is told %d %s %v, want %s", waiting.status, waiting.raw, waiting.header, first.raw)
	}
	other := g.createWith(key, strings.ReplaceAll(orderBody("cust-1"), "19.99", "20.00"))
	if other.status != http.StatusServiceUnavailable {
		t.Errorf("another request with the key = %d %s", other.status, other.raw)
	}
	away.Store(false)
	if health := g.do(request{path: "/actuator/health"}); health.text("components.redis.status") != "UP" || health.text("components.redis.details.since") == "" {
		t.Errorf("health %s", health.raw)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// deletes takes an order out of the cluster, and waits until the gateway sees that.
func (g *gateway) deletes(id string) types.UID {
	g.t.Helper()
	order := g.order(id)
	order.Finalizers = nil
	must(g.t, env.Client.Update(context.Background(), order))
	must(g.t, env.Client.Delete(context.Background(), order))
	g.eventually("the gateway knows no such order", func() bool {
		return g.do(request{path: "/api/orders/" + id, token: g.ops()}).status == http.StatusNotFound
	})
	return order.UID
}

// Redis is no truth: an answer for an order that the cluster does not have is none.
func TestAnAnswerWithoutItsOrderMakesTheOrder(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	g := startWithRedis(t, server.Addr(), patient)
	key := uuid.NewString()
	id := g.createWith(key, orderBody("cust-1")).text("orderId")
	g.eventually("the answer is kept", func() bool { return server.Exists("ops:idempotency:" + key) })
	before := g.deletes(id)
	if a := g.createWith(key, orderBody("cust-1")); a.status != http.StatusCreated {
		t.Fatalf("again = %d %s", a.status, a.raw)
	}
	if made := g.order(id); made.UID == before {
		t.Error("the order is the one before")
	}
}

func TestTheLimitHoldsOverTwoGateways(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	g := startWithRedis(t, server.Addr(), patient, func(c *rest.Config) { c.RateLimitPerMinute = 60 })
	other := g.replica()
	began, allowed := time.Now(), 0
	for i := range 200 {
		at := []*gateway{g, other}[i%2]
		if at.do(request{path: "/api/orders/x", token: g.token("cust-1")}).status != http.StatusTooManyRequests {
			allowed++
		}
	}
	given := 60 + int(time.Since(began).Seconds()) + 1
	if allowed < 57 || allowed > given+3 {
		t.Errorf("%d let through, want 60 to %d, within 5 %%", allowed, given)
	}
}

// silent takes connections and never answers.
func silent(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var (
		mu   sync.Mutex
		open []net.Conn
	)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			_ = c.Close()
		}
	})
	return l.Addr().String()
}

func TestASlowRedisCostsACreateItsTimeOutOnceAndThenNothing(t *testing.T) {
	const within = 400 * time.Millisecond
	g := startWithRedis(t, silent(t), func(c *rest.Config) {
		c.RedisTimeout, c.RateLimitPerMinute = within, 1_000_000
	})
	slow := 0
	for i := range 20 {
		began := time.Now()
		if a := g.createWith(uuid.NewString(), orderBody("cust-1")); a.status != http.StatusCreated {
			t.Fatalf("create %d = %d %s", i, a.status, a.raw)
		}
		took := time.Since(began)
		if took >= within {
			slow++
		}
		if took > within+350*time.Millisecond {
			t.Errorf("create %d took %s: more than one time-out of Redis", i, took)
		}
	}
	if slow > 12 {
		t.Errorf("%d of 20 creates waited for Redis: its breaker does not open", slow)
	}
	if got := g.do(request{path: "/actuator/circuitbreakers"}).text("circuitBreakers.redis.state"); got != "OPEN" {
		t.Errorf("the breaker is %s", got)
	}
	for _, path := range []string{"/actuator/health", "/actuator/health/readiness"} {
		if a := g.do(request{path: path}); a.status != http.StatusOK {
			t.Errorf("%s = %d %s", path, a.status, a.raw)
		}
	}
	if health := g.do(request{path: "/actuator/health"}); health.text("components.redis.status") != "DOWN" {
		t.Errorf("health %s", health.raw)
	}
}

// However Redis comes and goes, a key makes one order, and its answers are all the same. test/e2e asks more
// often, and kills gateways besides.
func TestRepeatsWhileRedisComesAndGoes(t *testing.T) {
	t.Parallel()
	const keys, repeats, times = 50, 20, 10
	server := realRedis(t)
	g := startWithRedis(t, server.Addr())
	gateways := []*gateway{g, g.replica()}
	said := newTally(keys, g.token("cust-1"))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var asking sync.WaitGroup
	for worker := range 8 {
		asking.Go(func() {
			for i := worker; ctx.Err() == nil || said.of(i%keys) < repeats; i += 8 {
				said.ask(gateways[i/keys%2], i%keys)
			}
		})
	}
	admin := redisAt(t, server.Addr())
	for range times {
		_ = admin.FlushAll(t.Context()).Err()
		pause(t, 50*time.Millisecond)
		must(t, server.Kill())
		pause(t, 50*time.Millisecond)
		must(t, server.Start(t.Context()))
		pause(t, 50*time.Millisecond)
	}
	stop()
	asking.Wait()
	said.check(t, repeats)
	var made v1alpha1.OrderList
	must(t, env.Client.List(t.Context(), &made, client.InNamespace(g.namespace)))
	if len(made.Items) != keys {
		t.Errorf("%d orders of %d keys", len(made.Items), keys)
	}
}

// realRedis runs the machine's redis-server.
func realRedis(t *testing.T) *devservices.Redis {
	t.Helper()
	bin, err := devservices.FindRedis()
	if err != nil {
		t.Skip(err)
	}
	server, err := devservices.StartRedis(t.Context(), devservices.RedisOptions{Bin: bin, LogDir: t.TempDir()})
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	return server
}

func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// tally is how often each key was answered in which way.
type tally struct {
	keys  []string
	token string

	mu      sync.Mutex
	answers []map[string]int
}

func newTally(keys int, token string) *tally {
	s := &tally{token: token}
	for range keys {
		s.keys, s.answers = append(s.keys, uuid.NewString()), append(s.answers, map[string]int{})
	}
	return s
}

func (s *tally) ask(g *gateway, key int) {
	a, err := g.try(request{
		method: http.MethodPost, path: "/api/orders", token: s.token, body: orderBody("cust-1"),
		header: []string{"Idempotency-Key", s.keys[key], "Content-Type", "application/json"},
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[key][fmt.Sprint(a.status, err, a.raw)]++
}

func (s *tally) of(key int) (answers int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.answers[key] {
		answers += n
	}
	return answers
}

func (s *tally) check(t *testing.T, atLeast int) {
	t.Helper()
	for i, said := range s.answers {
		if len(said) != 1 || s.of(i) < atLeast {
			t.Errorf("key %s was answered %d times, in %d ways: %v", s.keys[i], s.of(i), len(said), said)
		}
		for text := range said {
			if !strings.HasPrefix(text, "201") {
				t.Errorf("key %s: %s", s.keys[i], text)
			}
		}
	}
}

func TestAStockLevelIsKeptAndDroppedOnChange(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	g := startWithRedis(t, server.Addr(), patient)
	g.item("prod-001", 10)
	key := "ops:inventory:prod-001"
	ask := func() answer { return g.do(request{path: "/api/inventory/prod-001", token: g.token("cust-1")}) }
	g.eventually("the level is kept", func() bool {
		ask()
		return server.Exists(key)
	})
	kept, err := server.Get(key)
	must(t, err)
	if got := strings.TrimSpace(ask().raw); got != kept {
		t.Errorf("kept is %s, answered %s", kept, got)
	}
	item := &v1alpha1.StockItem{}
	must(t, env.Client.Get(t.Context(), client.ObjectKey{Namespace: g.namespace, Name: "prod-001"}, item))
	item.Spec.Name = "another name"
	must(t, env.Client.Update(t.Context(), item))
	g.eventually("the level is dropped", func() bool { return !server.Exists(key) })
}
