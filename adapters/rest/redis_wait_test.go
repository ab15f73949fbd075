package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
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
