package rest_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	redisserver "github.com/alicebob/miniredis/v2/server"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/domain/ids"
)

// What is kept is the answer of one who did not wait. Who waits is told the decision, and what is
// kept stays as it is.
func TestWhoWaitsIsNotGivenTheKeptAnswer(t *testing.T) {
	server := miniredis.RunT(t)
	g := startWithRedis(t, server.Addr(), patient)
	key := uuid.NewString()
	first := g.createWith(key, orderBody("cust-1"))
	g.eventually("the answer is kept", func() bool { return server.Exists("ops:idempotency:" + key) })
	g.setStatus(first.text("orderId"), confirm)
	waited := g.createWaiting(key, "wait=20")
	if waited.status != http.StatusCreated || waited.text("status") != "CONFIRMED" || waited.header.Get("Preference-Applied") != "wait=20" {
		t.Errorf("who waits is told %d %s", waited.status, waited.raw)
	}
	if again := g.createWith(key, orderBody("cust-1")); again.raw != first.raw {
		t.Errorf("again = %d %s, want %s", again.status, again.raw, first.raw)
	}
}

// The decision is no first answer for one who does not wait.
func TestWhatOneWhoWaitsIsToldIsNotKept(t *testing.T) {
	server := miniredis.RunT(t)
	g := startWithRedis(t, server.Addr(), patient)
	g.decides(confirm)
	key := uuid.NewString()
	if waited := g.createWaiting(key, "wait=20"); waited.text("status") != "CONFIRMED" {
		t.Fatalf("who waits is told %d %s", waited.status, waited.raw)
	}
	next := g.createWith(key, orderBody("cust-1"))
	if next.status != http.StatusCreated || next.text("status") != "PENDING" || next.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("who does not wait is told %d %s", next.status, next.raw)
	}
	g.eventually("the answer is kept", func() bool { return server.Exists("ops:idempotency:" + key) })
	kept, err := server.Get("ops:idempotency:" + key)
	must(t, err)
	if !strings.Contains(kept, "PENDING") || strings.Contains(kept, "CONFIRMED") {
		t.Errorf("kept is %s", kept)
	}
}

// A create that waits does so without Redis, too.
func TestWithoutRedisACreateWaits(t *testing.T) {
	server := miniredis.RunT(t)
	g := startWithRedis(t, server.Addr(), patient)
	server.Close()
	g.decides(confirm)
	key := uuid.NewString()
	first := g.createWaiting(key, "wait=20")
	if first.status != http.StatusCreated || first.text("status") != "CONFIRMED" {
		t.Fatalf("who waits is told %d %s", first.status, first.raw)
	}
	if again := g.createWaiting(key, "wait=20"); again.raw != first.raw || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again = %d %s, want %s", again.status, again.raw, first.raw)
	}
}

// askedFor is a database that fails, and notes whether it was asked for an order.
type askedFor struct {
	id    string
	asked atomic.Bool
}

func (d *askedFor) Query(_ context.Context, _ string, args ...any) (pgx.Rows, error) {
	if slices.Contains(args, any(d.id)) {
		d.asked.Store(true)
	}
	return nil, errors.New("the database is away")
}

// A create waits for the slower one of Postgres and Redis, not for one after the other.
func TestACreateAsksPostgresAndRedisAtTheSameTime(t *testing.T) {
	server := miniredis.RunT(t)
	g, key := newMirrored(t, patient), uuid.NewString()
	database := &askedFor{id: ids.Order(g.namespace, "cust-1", key)}
	g.redis, g.orders = redisAt(t, server.Addr()), database
	g.start()
	var together atomic.Bool
	server.Server().SetPreHook(func(_ *redisserver.Peer, command string, _ ...string) bool {
		// The client gives up after a second, and the create goes on to ask Postgres.
		for deadline := time.Now().Add(700 * time.Millisecond); strings.EqualFold(command, "get") && time.Now().Before(deadline); {
			if database.asked.Load() {
				together.Store(true)
				break
			}
			pause(t, time.Millisecond)
		}
		return false
	})
	if a := g.createWith(key, orderBody("cust-1")); a.status != http.StatusCreated {
		t.Fatalf("create = %d %s", a.status, a.raw)
	}
	if !together.Load() {
		t.Error("Postgres is not asked while Redis is")
	}
}
