package rest_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	kube "k8s.io/client-go/rest"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/internal/devservices"
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/internal/redis"
	"github.com/orderplane/orderplane/internal/token"
	"github.com/orderplane/orderplane/test/testenv"
)

// echo is an API server that takes every object as it is.
type echo struct{}

func (echo) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	stored := bytes.Replace(body, []byte(`"metadata":{`),
		[]byte(`"metadata":{"uid":"u1","resourceVersion":"7","creationTimestamp":"2026-11-01T00:00:00Z",`), 1)
	return &http.Response{
		StatusCode: http.StatusCreated, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(stored)), Request: r,
	}, nil
}

// BenchmarkCreateOrder measures the gateway's own share of a create, from the
// parsed HTTP request to the answer, with an API server that costs nothing.
func BenchmarkCreateOrder(b *testing.B) {
	benchmarkCreate(b, rest.DefaultConfig(), rest.Deps{Limiter: rest.NewLocalLimiter(unlimited, time.Now)})
}

// BenchmarkCreateMirroredOrder is the same with the question to the archive, a real Postgres
// on this machine that knows 500,000 orders.
func BenchmarkCreateMirroredOrder(b *testing.B) {
	benchmarkCreate(b, mirroredConfig(), rest.Deps{Limiter: rest.NewLocalLimiter(unlimited, time.Now), Orders: fullDatabase(b)})
}

// BenchmarkCreateWithRedisAndPostgres is the same with everything on: a real Redis counts the
// request and is asked for the first answer to its key.
func BenchmarkCreateWithRedisAndPostgres(b *testing.B) {
	bin, err := devservices.FindRedis()
	if err != nil {
		b.Skip(err)
	}
	server, err := devservices.StartRedis(b.Context(), devservices.RedisOptions{Bin: bin, LogDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Stop() })
	client, err := redis.Open(redis.Config{Addr: server.Addr(), Connections: 64})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() })
	cfg := mirroredConfig()
	cfg.RateLimitPerMinute, cfg.RedisTimeout = unlimited, time.Minute
	benchmarkCreate(b, cfg, rest.Deps{Orders: fullDatabase(b), Redis: client})
}

// unlimited is more requests a minute than a benchmark makes.
const unlimited = 1_000_000_000

func mirroredConfig() rest.Config {
	cfg := rest.DefaultConfig()
	cfg.Mirrored, cfg.ArchiveTimeout = mirror.Namespaces{"*"}, time.Minute
	return cfg
}

// fullDatabase is a Postgres that knows 500,000 orders.
func fullDatabase(b *testing.B) orderdb.Querier {
	b.Helper()
	pool := testenv.Database(b, postgres.Orders)
	_, err := pool.Exec(b.Context(), `INSERT INTO orders (id, customer_id, status, items, total_amount, currency, shipping_address, created_at, updated_at,
		uid, object_uid, rv, seq, told, state, mirrored_at, object)
	SELECT 'ord-' || md5(n::text), 'cust-' || n % 1000, 'FULFILLED', '[]', 1, 'EUR', '{}', now(), now(),
		'u' || n, 'u' || n, n, 3, 0, 'archived', now(), '{"metadata":{"name":"x"}}' FROM generate_series(1, 500000) n`)
	if err == nil {
		_, err = pool.Exec(b.Context(), "ANALYZE orders")
	}
	if err != nil {
		b.Fatal(err)
	}
	return pool
}

// benchmarkCreate makes orders by a gateway that has what is in deps besides.
func benchmarkCreate(b *testing.B, cfg rest.Config, deps rest.Deps) {
	b.Helper()
	key := signingKey(b)
	raw, err := token.Issuer{Key: key}.Issue(token.Identity{Subject: "cust-1"}, time.Now(), time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	cfg.Token.PublicKey = publicPEM(key)
	deps.Kube, deps.Log = &kube.Config{Host: "http://kubernetes.invalid", Transport: echo{}}, logr.Discard()
	deps.Metrics, deps.Now, deps.NewID = prometheus.NewRegistry(), time.Now, randomHex
	server, err := rest.New(cfg, deps)
	if err != nil {
		b.Fatal(err)
	}
	body := orderBody("cust-1")
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/api/orders", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+raw)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", uuid.NewString())
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}
