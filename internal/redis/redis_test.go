package redis_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
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
		"a key alone":     {with(func(c *redis.Config) { c.TLS, c.KeyFile = true, "key" }), "REDIS_CERT_FILE"},
		"a key, no TLS":   {with(func(c *redis.Config) { c.CertFile, c.KeyFile = "cert", "key" }), "REDIS_TLS"},
		"no key there":    {with(func(c *redis.Config) { c.TLS, c.CertFile, c.KeyFile = true, "/nowhere", "/nowhere" }), "REDIS_KEY_FILE"},
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
	return serve(t, func(port string) []string { return []string{"--port", port, "--requirepass", password} })
}

// serve runs a redis-server with arguments, and gives its port once it listens there.
func serve(t *testing.T, args func(port string) []string) int {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatal(err)
	case err != nil:
		t.Skip("no redis-server on this machine")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(addr)
	all := append([]string{"--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, args(port)...)
	cmd := exec.CommandContext(t.Context(), bin, all...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	eventually(t, "redis-server listens", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	n, _ := strconv.Atoi(port)
	return n
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

// What the library says of each connection that fails is detail, and goes where all the rest goes.
func TestTheLibraryLogsDetail(t *testing.T) {
	for name, c := range map[string]struct {
		verbosity int
		logged    bool
	}{"as always": {0, false}, "with detail": {1, true}} {
		t.Run(name, func(t *testing.T) {
			var lines atomic.Int32
			redis.LogTo(funcr.New(func(_, args string) {
				if strings.Contains(args, "redis client: ") {
					lines.Add(1)
				}
			}, funcr.Options{Verbosity: c.verbosity}))
			defer redis.LogTo(logr.Discard())
			if err := ping(t, redis.Config{Addr: "127.0.0.1:1"}); err == nil {
				t.Fatal("somebody answers")
			}
			if logged := lines.Load() > 0; logged != c.logged {
				t.Errorf("%d lines", lines.Load())
			}
		})
	}
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
