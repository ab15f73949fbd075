//go:build linux

package mirror_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// scale is how much is done. CI does a part of it: make test-mirror-full does all. No half of it
// takes longer than within.
type scale struct {
	// kills are of mirrors and of notifiers, and restarts of the broker and of Postgres: every other one is a crash.
	orders, kills, notifierKills, restarts, apiRestarts int
	within                                              time.Duration
}

var (
	whole     = flag.Bool("whole", false, "do all of it: 2,000 orders, 30 mirrors and 20 notifiers killed")
	wholeSize = flag.Int("orders", 2000, "with -whole: how many orders are made in peace, and as many while everything is killed")
)

func scaleOf(t *testing.T) scale {
	t.Helper()
	if *whole {
		return scale{orders: *wholeSize, kills: 30, notifierKills: 20, restarts: 5, apiRestarts: 2, within: 25 * time.Minute}
	}
	return scale{orders: 320, kills: 6, notifierKills: 3, restarts: 1, apiRestarts: 1, within: 5 * time.Minute}
}

// twiceAtMost is how many mails may come twice: what a notifier was sending when it was killed, and what both were
// sending when they lost their database.
func (size scale) twiceAtMost() int { return atOnce * (size.notifierKills + 2*size.restarts) }

// TestEveryTransitionIsToldOnceAndInOrder trades, first in peace and then while everything is
// killed that can be, and holds topics, databases and the mails of customers to the cluster.
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
	hold := func(t *testing.T, made, twice int) {
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
		s.everyoneIsTold(ctx, t, ob, twice)
	}
	if !t.Run("in peace", func(t *testing.T) {
		shop.everybody(t, 0, size.orders)
		ctx, cancel := context.WithTimeout(t.Context(), size.within)
		defer cancel()
		t.Run("a mail that was refused", func(t *testing.T) { s.refusedIsPutBack(ctx, t, shop) })
		t.Run("texts that mean ill", func(t *testing.T) { s.nothingGetsThrough(ctx, t, shop) })
		hold(t, size.orders+lettersOrders, 0)
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
		hold(t, 2*size.orders+lettersOrders, size.twiceAtMost())
	})
	for _, name := range []string{"notifier-1", "notifier-2"} { // what is lost from here on is the mirror's to mend
		if err := s.components[name].Stop(); err != nil {
			t.Fatal(err)
		}
	}
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

// vandalize kills and restarts, spread over the trade: mirrors and notifiers by SIGKILL, the broker,
// Postgres, and the API server. It goes on until all of it was done.
func (s *system) vandalize(ctx context.Context, size scale, over <-chan struct{}, shop *shop) error {
	var deeds []func(context.Context) error
	for name, kills := range map[string]int{"mirror": size.kills, "notifier": size.notifierKills} {
		for i := range kills {
			c := s.components[fmt.Sprintf("%s-%d", name, 1+i%2)]
			deeds = append(deeds, func(context.Context) error { return errors.Join(c.Kill(), c.Spawn()) })
		}
	}
	for i := range size.restarts {
		kafka, postgres := s.kafka.Restart, s.postgres.Restart
		if i%2 == 0 {
			kafka = func(ctx context.Context) error { return errors.Join(s.kafka.Kill(), s.kafka.Restart(ctx)) }
			postgres = func(ctx context.Context) error { return errors.Join(s.postgres.Kill(), s.postgres.Restart(ctx)) }
		}
		deeds = append(deeds, kafka, postgres)
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
