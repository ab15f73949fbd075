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
	"k8s.io/apimachinery/pkg/util/wait"
	kube "k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/api/v1alpha1"
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
	server := miniredis.RunT(t)
	g := newGateway(t, patient, func(c *rest.Config) { c.RequestTimeout = time.Second })
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

// However Redis comes and goes, a key makes one order, and its answers are all the same.
func TestRepeatsWhileRedisComesAndGoes(t *testing.T) {
	server := miniredis.RunT(t)
	g := startWithRedis(t, server.Addr())
	gateways := []*gateway{g, g.replica()}
	ctx, stop := context.WithCancel(t.Context())
	var chaos sync.WaitGroup
	chaos.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			switch i % 3 {
			case 0:
				server.FlushAll()
			case 1:
				server.Close()
			default:
				_ = server.Restart()
			}
			_ = wait.PollUntilContextTimeout(ctx, 30*time.Millisecond, 30*time.Millisecond, false, func(context.Context) (bool, error) { return true, nil })
		}
	})
	const keys, repeats = 10, 20
	var (
		mu      sync.Mutex
		answers = map[string]map[string]int{}
		asking  sync.WaitGroup
	)
	for k := range keys {
		key := uuid.NewString()
		answers[key] = map[string]int{}
		for r := range repeats {
			asking.Go(func() {
				a, err := gateways[(k+r)%2].try(request{
					method: http.MethodPost, path: "/api/orders", token: g.token("cust-1"), body: orderBody("cust-1"),
					header: []string{"Idempotency-Key", key, "Content-Type", "application/json"},
				})
				mu.Lock()
				defer mu.Unlock()
				answers[key][fmt.Sprint(a.status, err, a.raw)]++
			})
		}
	}
	asking.Wait()
	stop()
	chaos.Wait()
	for key, said := range answers {
		if len(said) != 1 {
			t.Errorf("key %s was answered in %d ways: %v", key, len(said), said)
		}
		for text := range said {
			if !strings.HasPrefix(text, "201 ") {
				t.Errorf("key %s: %s", key, text)
			}
		}
	}
	var made v1alpha1.OrderList
	must(t, env.Client.List(t.Context(), &made, client.InNamespace(g.namespace)))
	if len(made.Items) != keys {
		t.Errorf("%d orders of %d keys", len(made.Items), keys)
	}
}
