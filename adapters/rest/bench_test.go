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
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
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
	benchmarkCreate(b, rest.DefaultConfig(), nil)
}

// BenchmarkCreateMirroredOrder is the same with the question to the archive, a real Postgres
// on this machine that knows 500,000 orders.
func BenchmarkCreateMirroredOrder(b *testing.B) {
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
	cfg := rest.DefaultConfig()
	cfg.Mirrored, cfg.ArchiveTimeout = mirror.Namespaces{"*"}, time.Minute
	benchmarkCreate(b, cfg, pool)
}

func benchmarkCreate(b *testing.B, cfg rest.Config, orders orderdb.Querier) {
	b.Helper()
	key := signingKey(b)
	raw, err := token.Issuer{Key: key}.Issue(token.Identity{Subject: "cust-1"}, time.Now(), time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	cfg.Token.PublicKey = publicPEM(key)
	server, err := rest.New(cfg, rest.Deps{
		Kube: &kube.Config{Host: "http://kubernetes.invalid", Transport: echo{}}, Log: logr.Discard(),
		Metrics: prometheus.NewRegistry(), Now: time.Now, NewID: randomHex,
		Limiter: rest.NewLocalLimiter(1_000_000_000, time.Now), Orders: orders,
	})
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
