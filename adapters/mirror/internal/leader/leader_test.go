package leader_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5/pgxpool"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/mirror/internal/leader"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

// candidate is one mirror with a pool of its own.
type candidate struct {
	elector *leader.Elector
	started chan context.Context
	done    chan error
	end     context.CancelFunc
}

// stand has a new candidate ask for the lock; its work lasts until its context ends.
func stand(t *testing.T, pool *pgxpool.Pool) *candidate {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	c := &candidate{
		elector: leader.New(leader.Options{Pool: pool, Clock: clock.RealClock{}, Log: logr.Discard()}),
		started: make(chan context.Context, 10), done: make(chan error, 1), end: end,
	}
	go func() {
		c.done <- c.elector.Run(ctx, func(ctx context.Context) error {
			c.started <- ctx
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	t.Cleanup(func() {
		end()
		if err := <-c.done; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
	return c
}

func (c *candidate) leads(t *testing.T) context.Context {
	t.Helper()
	select {
	case ctx := <-c.started:
		return ctx
	case <-time.After(20 * time.Second):
		t.Fatal("does not come to lead")
		return nil
	}
}

func poolOf(t *testing.T, database string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), postgres.Config{Orders: testenv.Postgres(t).URL(database)}, postgres.Orders)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func newDatabase(t *testing.T, name string) {
	t.Helper()
	if err := testenv.Postgres(t).CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

func TestOneOfTwoLeadsAndTheOtherFollows(t *testing.T) {
	t.Parallel()
	newDatabase(t, "leader_two")
	first := stand(t, poolOf(t, "leader_two"))
	first.leads(t)
	second := stand(t, poolOf(t, "leader_two"))
	select {
	case <-second.started:
		t.Fatal("two lead at once")
	case <-time.After(2500 * time.Millisecond):
	}
	if !first.elector.Leads() || second.elector.Leads() {
		t.Errorf("first leads %v, second %v", first.elector.Leads(), second.elector.Leads())
	}
	first.end()
	second.leads(t)
}

// Who loses the connection stops, and starts the work anew when it has the lock again.
func TestALostConnectionEndsTheWork(t *testing.T) {
	t.Parallel()
	newDatabase(t, "leader_lost")
	pool := poolOf(t, "leader_lost")
	c := stand(t, pool)
	work := c.leads(t)
	_, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-work.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the work goes on without the lock")
	}
	if cause := context.Cause(work); !errors.Is(cause, leader.ErrLost) {
		t.Errorf("the work ended with %v", cause)
	}
	c.leads(t)
}

func TestWorkThatFailsEndsTheElector(t *testing.T) {
	t.Parallel()
	newDatabase(t, "leader_fails")
	refused := errors.New("refused")
	elector := leader.New(leader.Options{Pool: poolOf(t, "leader_fails"), Clock: clock.RealClock{}, Log: logr.Discard()})
	if err := elector.Run(t.Context(), func(context.Context) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}

// A server that is not there is waited for.
func TestAServerThatIsAwayIsAskedAgain(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), postgres.Config{Orders: "postgres://ops@127.0.0.1:1/x"}, postgres.Orders)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	ctx, end := context.WithCancel(t.Context())
	elector := leader.New(leader.Options{Pool: pool, Clock: clock.RealClock{}, Log: logr.Discard()})
	var worked atomic.Bool
	done := make(chan error, 1)
	go func() { done <- elector.Run(ctx, func(context.Context) error { worked.Store(true); return nil }) }()
	for deadline := time.Now().Add(10 * time.Second); elector.Err() == nil; {
		if time.Now().After(deadline) {
			t.Fatal("does not say that the server is away")
		}
		<-time.After(10 * time.Millisecond)
	}
	end()
	if err := <-done; err != nil || worked.Load() {
		t.Errorf("ended with %v, worked %v", err, worked.Load())
	}
}
