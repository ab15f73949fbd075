package rest_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/internal/devservices"
)

// limitedTo is how many requests a minute a client may send in these tests.
const limitedTo = 300

// limitedPair starts two gateways that share a Redis.
func limitedPair(t *testing.T, server *devservices.Redis) [2]*gateway {
	t.Helper()
	g := startWithRedis(t, server.Addr(), patient, func(c *rest.Config) { c.RateLimitPerMinute = limitedTo })
	return [2]*gateway{g, g.replica()}
}

// A client gets its limit, and no more than that, from two gateways together.
func TestTwoGatewaysHoldTheLimitByRedis(t *testing.T) {
	server := realRedis(t)
	gateways := limitedPair(t, server)
	let, wanted := letThrough(t, gateways, "cust-1")
	if float64(let) < 0.95*wanted || float64(let) > 1.05*wanted {
		t.Errorf("%d requests let through, want %.0f within 5 %%", let, wanted)
	}
	must(t, server.Kill())
	if let, wanted = letThrough(t, gateways, "cust-2"); float64(let) > 2*wanted {
		t.Errorf("without Redis %d requests let through, want no more than twice %.0f", let, wanted)
	}
}

// However Redis comes and goes, what it forgets and what it does not count is bounded.
func TestNoMoreThanTwiceTheLimitWhileRedisComesAndGoes(t *testing.T) {
	server := realRedis(t)
	gateways := limitedPair(t, server)
	var over atomic.Bool
	var disturbing sync.WaitGroup
	admin := redisAt(t, server.Addr())
	disturbing.Go(func() {
		for n := 0; !over.Load(); n++ {
			_ = admin.FlushAll(t.Context()).Err()
			pause(t, 30*time.Millisecond)
			if n < 20 {
				continue // what fails opens the breaker, and nobody asks Redis for a while
			}
			must(t, server.Kill())
			pause(t, 30*time.Millisecond)
			must(t, server.Start(t.Context()))
		}
	})
	let, wanted := letThrough(t, gateways, "cust-1")
	over.Store(true)
	disturbing.Wait()
	if float64(let) > 2*wanted {
		t.Errorf("%d requests let through, want no more than twice %.0f", let, wanted)
	}
}

// letThrough asks two gateways as one client, more than its limit, and counts what is let through.
// What is wanted is a minute's worth, and what came back meanwhile.
func letThrough(t *testing.T, gateways [2]*gateway, customer string) (let int, wanted float64) {
	t.Helper()
	var allowed, refused atomic.Int64
	var asking sync.WaitGroup
	ask := request{path: "/api/orders?customerId=" + customer, token: gateways[0].token(customer)}
	began := time.Now()
	for n := range 8 {
		asking.Go(func() {
			for refused.Load() < 2*limitedTo || time.Since(began) < time.Second {
				a, err := gateways[n%2].try(ask)
				switch {
				case err == nil && a.status == http.StatusOK:
					allowed.Add(1)
				case err == nil && a.status == http.StatusTooManyRequests:
					refused.Add(1)
				default:
					t.Errorf("%d %s %v", a.status, a.raw, err)
					return
				}
			}
		})
	}
	asking.Wait()
	return int(allowed.Load()), limitedTo * (1 + time.Since(began).Minutes())
}
