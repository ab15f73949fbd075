package devservices_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/orderplane/orderplane/internal/devservices"
)

func TestKeysOfTheEmbeddedRedisRunOut(t *testing.T) {
	r, err := devservices.StartEmbeddedRedis(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	client := redis.NewClient(&redis.Options{Addr: r.Addr()})
	defer client.Close() //nolint:errcheck // it was only asked
	if err := client.Set(t.Context(), "short", 1, time.Second).Err(); err != nil {
		t.Fatal(err)
	}
	if err := client.Set(t.Context(), "long", 1, time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); client.Exists(t.Context(), "short").Val() != 0; {
		if time.Now().After(deadline) {
			t.Fatal("a key does not run out")
		}
		<-time.After(10 * time.Millisecond)
	}
	if client.Exists(t.Context(), "long").Val() != 1 {
		t.Error("a key ran out before its time")
	}
	if _, err := devservices.StartEmbeddedRedis(r.Port()); err == nil {
		t.Error("two have one port")
	}
}
