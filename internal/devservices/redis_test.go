package devservices_test

import (
	"os"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/orderplane/orderplane/internal/devservices"
)

// skipOutsideCI leaves a test out where what it needs is not installed. CI has it all.
func skipOutsideCI(t *testing.T, why error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func TestRedisComesBackOnItsPort(t *testing.T) {
	bin, err := devservices.FindRedis()
	if err != nil {
		skipOutsideCI(t, err)
	}
	r, err := devservices.StartRedis(t.Context(), devservices.RedisOptions{Bin: bin, LogDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	addr := r.Addr()
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close() //nolint:errcheck // it was only asked
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}
