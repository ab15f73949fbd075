package redis_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"

	"github.com/orderplane/orderplane/internal/redis"
)

func TestValidate(t *testing.T) {
	with := func(change func(c *redis.Config)) redis.Config {
		c := redis.DefaultConfig()
		change(&c)
		return c
	}
	for name, tc := range map[string]struct {
		config redis.Config
		want   string
	}{
		"the default":     {redis.DefaultConfig(), ""},
		"no Redis":        {redis.Config{}, ""},
		"none":            {with(func(c *redis.Config) { c.Host = "none" }), ""},
		"an address":      {with(func(c *redis.Config) { c.Addr = "redis:6380" }), ""},
		"no address":      {with(func(c *redis.Config) { c.Addr = "redis" }), "REDIS_ADDR"},
		"no port":         {with(func(c *redis.Config) { c.Port = 70000 }), "REDIS_PORT"},
		"two passwords":   {with(func(c *redis.Config) { c.Password, c.PasswordFile = "a", "b" }), "REDIS_PASSWORD_FILE"},
		"a CA, no TLS":    {with(func(c *redis.Config) { c.CAFile = "ca" }), "REDIS_TLS"},
		"a CA that isn't": {with(func(c *redis.Config) { c.TLS, c.CAFile = true, "/nowhere" }), "REDIS_CA_FILE"},
	} {
		client, err := redis.Open(tc.config)
		switch {
		case tc.want == "" && err != nil, tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		case (client == nil) != (tc.want != "" || tc.config.IsNone()):
			t.Errorf("%s: client %v", name, client)
		}
		if client != nil {
			_ = client.Close()
		}
	}
}

// server runs a redis-server with a password, and gives its port.
func server(t *testing.T, password string) int {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server on this machine")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	cmd := exec.CommandContext(t.Context(), bin, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", password, "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	return port
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it never is so", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestLevelsOfChangedProductsAreDropped(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := redis.Open(redis.Config{Host: "127.0.0.1", Port: server(t, "secret"), PasswordFile: file})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close() //nolint:errcheck // it only read
	eventually(t, "the server answers", func() bool { return client.Ping(t.Context()).Err() == nil })
	for _, key := range []string{"ops:inventory:tea", "ops:inventory:mug", "ops:ratelimit:tea"} {
		if err := client.Set(t.Context(), key, "1", time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
	}
	levels := redis.NewLevels(client)
	run(t, levels)
	levels.Drop("tea", "unknown")
	eventually(t, "the level of tea is gone", func() bool { return client.Exists(t.Context(), "ops:inventory:tea").Val() == 0 })
	if left := client.Exists(t.Context(), "ops:inventory:mug", "ops:ratelimit:tea").Val(); left != 2 {
		t.Errorf("of what did not change %d are left, want 2", left)
	}
}

func run(t *testing.T, levels *redis.Levels) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- levels.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestWithoutRedisNobodyWaits(t *testing.T) {
	client := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	levels := redis.NewLevels(client)
	run(t, levels)
	registry := prometheus.NewRegistry()
	registry.MustRegister(levels)
	began := time.Now()
	for range 20_000 {
		levels.Drop("tea")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("20000 calls took %s", took)
	}
	eventually(t, "that it failed is counted", func() bool {
		return !strings.Contains(gathered(t, registry), "levels_failed_total 0\n")
	})
	redis.NewLevels(nil).Drop("tea") // no Redis at all
}

func gathered(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		text.WriteString(f.GetName())
		text.WriteString(" ")
		text.WriteString(strconv.FormatFloat(f.GetMetric()[0].GetCounter().GetValue(), 'f', -1, 64))
		text.WriteString("\n")
	}
	return text.String()
}
