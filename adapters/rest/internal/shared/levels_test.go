package shared_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderplane/orderplane/adapters/rest/internal/shared"
)

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it never is so", what)
		}
		<-time.After(time.Millisecond)
	}
}

func TestALevelIsKeptUntilItChanges(t *testing.T) {
	server, client, guard, away := redisOf(t)
	var units atomic.Int64
	units.Store(7)
	levels := shared.NewLevels(client, guard, time.Now, func(product string) any {
		if product != "tea" {
			return nil
		}
		return units.Load()
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		levels.Run(ctx)
		close(ended)
	}()
	defer func() {
		stop()
		<-ended
	}()
	const key = "ops:inventory:tea"
	levels.Keep("unknown")
	levels.Keep("tea")
	eventually(t, "the level is kept", func() bool { return server.Exists(key) })
	if ttl := server.TTL(key); ttl != 300*time.Second {
		t.Errorf("it lives %s", ttl)
	}
	var found int64
	if !levels.Find(t.Context(), "tea", &found) || found != 7 {
		t.Errorf("found %d", found)
	}
	if levels.Find(t.Context(), "unknown", &found) {
		t.Error("a product that nobody knows has a level")
	}
	units.Store(8)
	levels.Drop("tea")
	eventually(t, "the old level is dropped", func() bool { return !server.Exists(key) })
	levels.Keep("tea")
	eventually(t, "the new level is kept", func() bool { return levels.Find(t.Context(), "tea", &found) && found == 8 })
	away.Store(true)
	if levels.Find(t.Context(), "tea", &found) {
		t.Error("without Redis there is a level")
	}
}

func TestWithoutRedisNoLevelIsKept(t *testing.T) {
	var none *shared.Levels
	none.Keep("tea")
	none.Drop("tea")
	none.Run(t.Context())
	if none.Find(t.Context(), "tea", new(int)) {
		t.Error("there is a level")
	}
}

func TestLevelsThatWaitAreBounded(t *testing.T) {
	_, client, guard, _ := redisOf(t)
	levels := shared.NewLevels(client, guard, time.Now, func(string) any { return nil })
	for i := range 30_000 {
		levels.Keep(strconv.Itoa(i))
		levels.Drop(strconv.Itoa(i))
	}
	if keep, drop := levels.Waiting(); keep != 10_000 || drop != 10_000 {
		t.Errorf("%d and %d wait", keep, drop)
	}
}
