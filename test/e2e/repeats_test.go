//go:build linux

package e2e_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/devservices"
)

// rounds is small in CI: a round takes seconds, since each starts a gateway.
var rounds = flag.Int("rounds", 3, "how often Redis is flushed, frozen, killed and started, and a gateway killed, while creates are repeated")

// repeatedCreates has 100 clients repeat 50 creates through two gateways, each round of which one is
// killed, and Redis flushed, frozen and killed. There are 50 orders in the end, and each client that
// got an answer to a key got the same one.
func repeatedCreates(t *testing.T, s *stack) {
	const keys, clients, units = 50, 100, 30
	c := s.client()
	item := &v1alpha1.StockItem{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "repeated"},
		Spec:       v1alpha1.StockItemSpec{OpeningQuantity: units},
	}
	if err := c.Create(t.Context(), item); err != nil {
		t.Fatal(err)
	}
	redis := startRedis(t)
	address := "--redis-addr=" + redis.Addr()
	b := &balancer{}
	pair := []*gateway{s.gateway(b, address), s.gateway(b, address)}
	r := s.repeat(b, keys, clients)
	for round := range *rounds {
		disturb(t, r, redis, pair[round%2])
		pair[round%2] = s.gateway(b, address)
	}
	r.more(t, clients)
	r.stop()
	ids := r.check(t)
	t.Logf("%d answers, and %d requests without one", r.answered.Load(), r.unanswered.Load())
	for _, g := range pair {
		g.terminate(t)
	}

	var orders v1alpha1.OrderList
	if err := c.List(t.Context(), &orders, client.InNamespace("default")); err != nil {
		t.Fatal(err)
	}
	made := 0
	for i := range orders.Items {
		if orders.Items[i].Spec.Items[0].ProductID == item.Name {
			made++
		}
	}
	if made != keys {
		t.Errorf("%d orders of %d keys", made, keys)
	}
	if counts := s.waitDecided(c, ids); counts["Confirmed"] != units {
		t.Errorf("orders ended as %v, want %d confirmed", counts, units)
	}
	s.waitStock(item.Name, units, units)
}

// startRedis runs the machine's redis-server beside the stack's own.
func startRedis(t *testing.T) *devservices.Redis {
	t.Helper()
	bin, err := devservices.FindRedis()
	if err != nil {
		t.Skip(err) // hack/services.sh fails in CI where it is missing
	}
	redis, err := devservices.StartRedis(t.Context(), devservices.RedisOptions{Bin: bin, LogDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = redis.Stop() })
	return redis
}

// disturb does to Redis whatever can be done, and kills a gateway while Redis is away. There are
// answers in between.
func disturb(t *testing.T, r *repeats, redis *devservices.Redis, g *gateway) {
	t.Helper()
	for _, step := range []func() error{
		func() error { return flush(t.Context(), redis.Addr()) },
		func() error { return redis.Signal(syscall.SIGSTOP) },
		func() error { return redis.Signal(syscall.SIGCONT) },
		redis.Kill,
		g.cmd.Process.Kill,
		func() error { return redis.Start(t.Context()) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		r.more(t, 50)
	}
}

// flush empties a Redis.
func flush(ctx context.Context, addr string) error {
	c := goredis.NewClient(&goredis.Options{Addr: addr})
	defer c.Close() //nolint:errcheck // it is empty
	return c.FlushAll(ctx).Err()
}

// repeats are creates that are sent again and again.
type repeats struct {
	keys                 []string
	answered, unanswered atomic.Int64
	end                  context.CancelFunc
	clients              sync.WaitGroup

	mu    sync.Mutex
	heard []map[string]int // of each key: how often which answer
}

// repeat starts clients. Each goes through all keys, and on from its answer or from having none.
func (s *stack) repeat(b *balancer, keys, clients int) *repeats {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &repeats{end: cancel}
	for range keys {
		r.keys, r.heard = append(r.keys, uuid.NewString()), append(r.heard, map[string]int{})
	}
	body, token := orderBody(line{"repeated", 1}), s.env["CUSTOMER_TOKEN"]
	for first := range clients {
		r.clients.Go(func() {
			for n := first; ctx.Err() == nil; n++ {
				header := http.Header{"Idempotency-Key": {r.keys[n%keys]}, "Content-Type": {"application/json"}, "Authorization": {"Bearer " + token}}
				status, text, err := b.exchange(http.MethodPost, "/api/orders", header, body)
				if err != nil {
					r.unanswered.Add(1)
					pause(ctx)
					continue
				}
				r.hear(n%keys, fmt.Sprint(status, " ", text))
			}
		})
	}
	s.t.Cleanup(r.stop)
	return r
}

// pause is what a client waits that got no answer.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Millisecond):
	}
}

func (r *repeats) hear(key int, answer string) {
	r.answered.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard[key][answer]++
}

// more waits until there are n answers more.
func (r *repeats) more(t *testing.T, n int64) {
	t.Helper()
	before := r.answered.Load()
	eventually(t, readyWithin, func(context.Context) string {
		if now := r.answered.Load(); now < before+n {
			return fmt.Sprintf("only %d answers more", now-before)
		}
		return ""
	})
}

func (r *repeats) stop() {
	r.end()
	r.clients.Wait()
}

// check holds the answers of each key to each other, and returns the orders that they tell of.
func (r *repeats) check(t *testing.T) (ids []string) {
	t.Helper()
	for n, answers := range r.heard {
		if len(answers) != 1 {
			t.Errorf("key %s was answered in %d ways: %v", r.keys[n], len(answers), answers)
		}
		for text := range answers {
			var o order
			created, isCreated := strings.CutPrefix(text, "201 ")
			if err := json.Unmarshal([]byte(created), &o); !isCreated || err != nil {
				t.Errorf("key %s: %s %v", r.keys[n], text, err)
			}
			ids = append(ids, o.OrderID)
		}
	}
	return ids
}
