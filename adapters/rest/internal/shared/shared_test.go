package shared_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/orderplane/orderplane/adapters/rest/internal/shared"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const perMinute = 50

// errAway is what a guard says while Redis is away.
var errAway = errors.New("away")

// redisOf runs a Redis whose calls fail while away is set.
func redisOf(t *testing.T) (server *miniredis.Miniredis, client *goredis.Client, guard shared.Guard, away *atomic.Bool) {
	t.Helper()
	server, away = miniredis.RunT(t), new(atomic.Bool)
	client = goredis.NewClient(&goredis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	guard = func(ctx context.Context, call func(context.Context) error) error {
		if away.Load() {
			return errAway
		}
		return call(ctx)
	}
	return server, client, guard, away
}

func limiters(client *goredis.Client, guard shared.Guard) [2]*shared.Limiter {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	return [2]*shared.Limiter{
		shared.NewLimiter(shared.NewLocal(perMinute, clock), client, guard),
		shared.NewLimiter(shared.NewLocal(perMinute, clock), client, guard),
	}
}

// through counts what two gateways let through of many requests, half of them to each.
func through(t *testing.T, gateways [2]*shared.Limiter, requests int) (allowed int) {
	t.Helper()
	for i := range requests {
		if gateways[i%2].Allow(t.Context(), "sub:a").Allowed {
			allowed++
		}
	}
	return allowed
}

func TestTwoGatewaysLimitTogether(t *testing.T) {
	server, client, guard, _ := redisOf(t)
	server.SetTime(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	gateways := limiters(client, guard)
	if got := through(t, gateways, 4*perMinute); got != perMinute {
		t.Errorf("%d let through, want %d", got, perMinute)
	}
	if refused := gateways[0].Allow(t.Context(), "sub:a"); refused.More <= 0 || refused.Remaining != 0 {
		t.Errorf("refused with %+v", refused)
	}
	if keys := server.Keys(); len(keys) != 1 || keys[0] != "ops:ratelimit:sub:a" {
		t.Errorf("keys %v", keys)
	}
	if ttl := server.TTL("ops:ratelimit:sub:a"); ttl <= 0 || ttl > time.Minute {
		t.Errorf("the key lives %s", ttl)
	}
	if !gateways[1].Allow(t.Context(), "sub:b").Allowed {
		t.Error("another client is refused")
	}
}

// What Redis says of the time until one more is allowed is what a gateway says that counts alone.
func TestGatewaysSayTheSameOfWhatIsLeft(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	server, client, guard, _ := redisOf(t)
	clock := func() time.Time { return now }
	alone := shared.NewLocal(perMinute, clock)
	together := shared.NewLimiter(shared.NewLocal(perMinute, clock), client, guard)
	other := shared.NewLimiter(shared.NewLocal(perMinute, clock), client, guard)
	for n := range 30 {
		now = now.Add(time.Duration(n*n%11) * 100 * time.Millisecond)
		server.SetTime(now)
		gateway := []*shared.Limiter{together, other}[n%2]
		want, got := alone.Allow("sub:a"), gateway.Allow(t.Context(), "sub:a")
		if off := (got.More - want.More).Abs(); got.Allowed != want.Allowed || got.Remaining != want.Remaining || off > time.Millisecond {
			t.Errorf("request %d: %+v, want %+v", n, got, want)
		}
	}
}

func TestNoMoreThanTwiceTheLimitWhateverRedisDoes(t *testing.T) {
	server, client, guard, away := redisOf(t)
	server.SetTime(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	gateways := limiters(client, guard)
	allowed := 0
	for range 20 { // there, away, flushed, and again
		away.Store(false)
		allowed += through(t, gateways, perMinute/5)
		away.Store(true)
		allowed += through(t, gateways, perMinute/5)
		server.FlushAll()
	}
	if allowed != 2*perMinute {
		t.Errorf("%d let through, want %d", allowed, 2*perMinute)
	}
}

func TestWhatRedisRefusesIsNotCounted(t *testing.T) {
	server, client, guard, away := redisOf(t)
	server.SetTime(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	gateways := limiters(client, guard)
	for range perMinute {
		gateways[0].Allow(t.Context(), "sub:a")
	}
	for range perMinute {
		if gateways[1].Allow(t.Context(), "sub:a").Allowed {
			t.Fatal("more than the limit")
		}
	}
	away.Store(true)
	if !gateways[1].Allow(t.Context(), "sub:a").Allowed {
		t.Error("the second gateway counted what it refused")
	}
}

func TestALongNameIsAShortKey(t *testing.T) {
	server, client, guard, _ := redisOf(t)
	limiters(client, guard)[0].Allow(t.Context(), "sub:"+strings.Repeat("a", 10_000))
	if keys := server.Keys(); len(keys) != 1 || len(keys[0]) > 200 {
		t.Errorf("keys %v", keys)
	}
}

func TestTheFirstAnswerIsKept(t *testing.T) {
	server, client, guard, away := redisOf(t)
	answers := shared.NewAnswers(client, guard)
	first := shared.Answer{Order: "o1", Fingerprint: "f", Status: 201, Body: []byte(`{"totalAmount":19.90}`)}
	keep := func(a shared.Answer) {
		answers.Keep(t.Context(), "k", a)
		for deadline := time.Now().Add(10 * time.Second); answers.Writing(); {
			if time.Now().After(deadline) {
				t.Fatal("the answer is not written")
			}
			<-time.After(time.Millisecond)
		}
	}
	keep(first)
	keep(shared.Answer{Order: "o1", Fingerprint: "other", Status: 201, Body: []byte(`{}`)})
	found := answers.Find(t.Context(), "k", "o1")
	if found == nil || found.Fingerprint != "f" || string(found.Body) != `{"totalAmount":19.90}` {
		t.Fatalf("found %+v", found)
	}
	if ttl := server.TTL("ops:idempotency:k"); ttl != 24*time.Hour {
		t.Errorf("it lives %s", ttl)
	}
	if other := answers.Find(t.Context(), "k", "o2"); other != nil {
		t.Errorf("another customer's key finds %+v", other)
	}
	if none := answers.Find(t.Context(), "unknown", "o1"); none != nil {
		t.Errorf("an unknown key finds %+v", none)
	}
	if err := server.Set("ops:idempotency:odd", "no JSON"); err != nil {
		t.Fatal(err)
	}
	if odd := answers.Find(t.Context(), "odd", "o1"); odd != nil {
		t.Errorf("nonsense is %+v", odd)
	}
	away.Store(true)
	if gone := answers.Find(t.Context(), "k", "o1"); gone != nil {
		t.Errorf("without Redis it finds %+v", gone)
	}
}
