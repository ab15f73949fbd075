//go:build linux

package mirror_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// scale is how much is done. CI does a part of it: make test-mirror-full does all. No half of it
// takes longer than within.
type scale struct {
	orders, kills, restarts, apiRestarts int
	within                               time.Duration
}

var whole = flag.Bool("whole", false, "do all of it: 2,000 orders, 30 kills")

func scaleOf(t *testing.T) scale {
	t.Helper()
	if *whole {
		return scale{orders: 2000, kills: 30, restarts: 5, apiRestarts: 2, within: 25 * time.Minute}
	}
	return scale{orders: 320, kills: 6, restarts: 1, apiRestarts: 1, within: 5 * time.Minute}
}

// TestEveryTransitionIsToldOnceAndInOrder trades, first in peace and then while everything is
// killed that can be, and holds topics and databases to the cluster.
func TestEveryTransitionIsToldOnceAndInOrder(t *testing.T) {
	size := scaleOf(t)
	s := startSystem(t)
	keepRunning(t, s.components["manager"])
	s.watchAsTheProduct()
	ob, err := observe(t.Context(), s.access(), namespace)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newReader(s.kafka.Bootstrap())
	if err != nil {
		t.Fatal(err)
	}
	reading, stop := context.WithCancel(t.Context())
	defer stop()
	go r.read(reading)
	shop := s.shop(ob)
	if err := shop.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	hold := func(t *testing.T, made int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), size.within)
		defer cancel()
		if err := s.settled(ctx); err != nil {
			t.Fatal(err)
		}
		if err := caughtUp(ctx, r, ob); err != nil {
			t.Error(err)
		}
		if seen, _ := ob.orders(); len(seen) != made {
			t.Errorf("%d orders were made, and %d seen in the cluster", made, len(seen))
		}
		r.check(t)
		sameByTopics(t, s, r, ob)
		sameInPostgres(t, s, ob)
	}
	if !t.Run("in peace", func(t *testing.T) {
		shop.everybody(t, 0, size.orders)
		hold(t, size.orders)
	}) {
		t.FailNow()
	}
	t.Run("while everything is killed that can be", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), size.within)
		defer cancel()
		trading, ctx := errgroup.WithContext(ctx)
		over := make(chan struct{})
		trading.Go(func() error {
			defer close(over)
			return shop.trade(ctx, size.orders, size.orders, 24)
		})
		trading.Go(func() error { return s.vandalize(ctx, size, over, shop) })
		if err := trading.Wait(); err != nil {
			t.Fatal(err)
		}
		hold(t, 2*size.orders)
	})
	t.Run("what was lost comes back", func(t *testing.T) {
		s.loses(t, size, r, func(t *testing.T, orders int) { shop.everybody(t, 2*size.orders, orders) })
	})
}

// keepRunning starts a component again when it ends, as a kubelet does, until the test is over: a manager
// that can't renew its lease ends itself, also some time after the API server was restarted.
func keepRunning(t *testing.T, c *devcluster.Component) {
	t.Helper()
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-over:
				return
			case <-c.Process().Exited():
			}
			if err := errors.Join(c.Stop(), c.Spawn()); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(over)
		<-ended
	})
}

// caughtUp waits until the reader has seen as many events of each order as it has entries.
func caughtUp(ctx context.Context, r *reader, ob *observer) error {
	missing := ""
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(context.Context) (bool, error) {
		orders, unseen := ob.orders()
		events := r.orders()
		for id, o := range orders {
			if missing = id; len(events[id]) < max(len(o.Status.History), 1) && !unseen[id] {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return errors.Join(errors.New("the topics never have all of order "+missing), err)
	}
	return nil
}

// vandalize kills and restarts, spread over the trade: mirrors by SIGKILL, the broker,
// Postgres, and the API server. It goes on until all of it was done.
func (s *system) vandalize(ctx context.Context, size scale, over <-chan struct{}, shop *shop) error {
	var deeds []func(context.Context) error
	for i := range size.kills {
		c := s.components[[]string{"mirror-1", "mirror-2"}[i%2]]
		deeds = append(deeds, func(ctx context.Context) error {
			if err := c.Signal(syscall.SIGKILL); err != nil {
				return err
			}
			<-c.Process().Exited()
			if err := c.Stop(); err != nil {
				return err
			}
			return c.Spawn()
		})
	}
	for range size.restarts {
		deeds = append(deeds, s.kafka.Restart, s.postgres.Restart)
	}
	for range size.apiRestarts {
		deeds = append(deeds, s.cp.RestartAPIServer)
	}
	seed := uint64(time.Now().UnixNano())
	s.t.Logf("the vandal's seed is %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	chance.Shuffle(len(deeds), func(i, j int) { deeds[i], deeds[j] = deeds[j], deeds[i] })
	start := shop.done.Load()
	for i, deed := range deeds {
		// Deeds are spread over the orders, and what is left is done at the end.
		due := start + int64(size.orders*(i+1)/(len(deeds)+1))
		err := wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(context.Context) (bool, error) {
			select {
			case <-over:
				return true, nil
			default:
				return shop.done.Load() >= due, nil
			}
		})
		if err != nil {
			return err
		}
		if err := deed(ctx); err != nil {
			return err
		}
	}
	return nil
}
