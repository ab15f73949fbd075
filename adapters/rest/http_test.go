package rest_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	kube "k8s.io/client-go/rest"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/internal/token"
)

func TestEveryPathAnswersWithTheErrorBody(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *rest.Config) { c.MaxBodyBytes = 2000 })
	customer := g.token("cust-1")
	key := []string{"Idempotency-Key", uuid.NewString()}
	for name, tc := range map[string]struct {
		request
		status int
		code   string
	}{
		"no such path":           {request{path: "/nowhere"}, 404, "NOT_FOUND"},
		"no such path, api":      {request{path: "/api/nowhere", token: customer}, 404, "NOT_FOUND"},
		"no id":                  {request{path: "/api/orders//events", token: customer}, 404, "NOT_FOUND"},
		"no id, other method":    {request{method: "DELETE", path: "/api/orders//", token: customer}, 404, "NOT_FOUND"},
		"a part that is ..":      {request{path: "/api/orders/../baskets", token: customer}, 404, "NOT_FOUND"},
		"a slash at the end":     {request{path: "/api/orders/", token: customer}, 404, "NOT_FOUND"},
		"no token":               {request{path: "/api/orders"}, 401, "UNAUTHORIZED"},
		"no token, no such path": {request{path: "/api/nowhere"}, 401, "UNAUTHORIZED"},
		"bad token":              {request{path: "/api/orders", token: "x.y.z"}, 401, "UNAUTHORIZED"},
		"wrong method":           {request{method: "PATCH", path: "/api/orders", token: customer}, 405, "METHOD_NOT_ALLOWED"},
		"wrong method, docs":     {request{method: "POST", path: "/v3/api-docs"}, 405, "METHOD_NOT_ALLOWED"},
		"not JSON": {request{
			method: "POST", path: "/api/orders", token: customer, body: "a=b",
			header: append([]string{"Content-Type", "application/x-www-form-urlencoded"}, key...),
		}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		"too long": {request{
			method: "POST", path: "/api/orders", token: customer, body: strings.Repeat(" ", 2001), header: key,
		}, 413, "PAYLOAD_TOO_LARGE"},
	} {
		t.Run(name, func(t *testing.T) {
			a := g.do(tc.request)
			a.wants(t, tc.status, tc.code)
			if got := a.header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type = %q", got)
			}
			if tc.status == 401 && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("WWW-Authenticate = %q", a.header.Get("WWW-Authenticate"))
			}
			if tc.status == 405 && a.header.Get("Allow") == "" {
				t.Error("no Allow header")
			}
			if got := a.text("error.path"); got != tc.path {
				t.Errorf("path = %q", got)
			}
			if tc.status == 404 && !strings.Contains(a.text("error.message"), tc.path) {
				t.Errorf("the message does not name the path: %s", a.raw)
			}
		})
	}
}

func TestABodyOfUnknownLengthIsLimitedToo(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *rest.Config) { c.MaxBodyBytes = 2000 })
	r, err := http.NewRequest(http.MethodPost, g.url+"/api/orders", struct{ *strings.Reader }{strings.NewReader(strings.Repeat(" ", 100_000))})
	must(t, err)
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+g.token("cust-1"))
	r.Header.Set("Idempotency-Key", uuid.NewString())
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status = %d", response.StatusCode)
	}
}

func TestTheTraceIDIsTakenOverOrMade(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	get := func(header ...string) string {
		return g.do(request{path: "/v3/api-docs", header: header}).header.Get("X-Trace-Id")
	}
	if got := get("X-Trace-Id", "my-trace-1"); got != "my-trace-1" {
		t.Errorf("X-Trace-Id = %q", got)
	}
	for _, bad := range []string{"two words", strings.Repeat("x", 200), "<script>"} {
		if got := get("X-Trace-Id", bad); got == bad || len(got) != 32 {
			t.Errorf("X-Trace-Id %q became %q", bad, got)
		}
	}
	if a, b := get(), get(); a == b || len(a) != 32 {
		t.Errorf("made trace ids %q and %q", a, b)
	}
}

func TestTheRateLimitCountsEachClient(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *rest.Config) { c.RateLimitPerMinute = 3 })
	get := func(subject string) answer { return g.do(request{path: "/api/orders", token: g.token(subject)}) }
	for i, want := range []string{"2", "1", "0"} {
		if a := get("cust-1"); a.status != http.StatusOK || a.header.Get("X-RateLimit-Remaining") != want {
			t.Errorf("request %d: %d, remaining %q", i, a.status, a.header.Get("X-RateLimit-Remaining"))
		} else if got := a.header.Get("RateLimit"); !strings.HasPrefix(got, `"requests";r=`+want+";t=") {
			t.Errorf("request %d: RateLimit = %s", i, got)
		}
	}
	a := get("cust-1")
	a.wants(t, http.StatusTooManyRequests, "RATE_LIMIT_EXCEEDED")
	after := a.header.Get("Retry-After")
	if after != "20" && after != "19" {
		t.Errorf("Retry-After = %q, want a third of a minute", after)
	}
	if got := a.header.Get("RateLimit"); got != `"requests";r=0;t=`+after {
		t.Errorf("RateLimit = %s beside Retry-After: %s", got, after)
	}
	if got := a.header.Get("RateLimit-Policy"); got != `"requests";q=3;w=60` {
		t.Errorf("RateLimit-Policy = %s", got)
	}
	if a := get("cust-2"); a.status != http.StatusOK {
		t.Errorf("another client: %d %s", a.status, a.raw)
	}
	for range 3 {
		g.do(request{path: "/api/orders", token: "guess"}).wants(t, http.StatusUnauthorized, "UNAUTHORIZED")
	}
	g.do(request{path: "/api/orders", token: "guess"}).wants(t, http.StatusTooManyRequests, "RATE_LIMIT_EXCEEDED")
}

func TestDocumentationAndActuator(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	docs := g.do(request{path: "/v3/api-docs"})
	if docs.text("openapi") != "3.0.3" || !strings.Contains(docs.raw, `"/api/orders/{orderId}/fulfill"`) {
		t.Errorf("api-docs = %.200s", docs.raw)
	}
	inYAML := g.do(request{path: "/v3/api-docs.yaml"})
	if inYAML.header.Get("Content-Type") != "application/yaml" || !strings.Contains(inYAML.raw, "\n  /api/orders/{orderId}/fulfill:\n") {
		t.Errorf("api-docs.yaml = %s %.200s", inYAML.header.Get("Content-Type"), inYAML.raw)
	}
	ui := g.do(request{path: "/swagger-ui.html"})
	if ui.status != http.StatusOK || !strings.Contains(ui.raw, "/v3/api-docs") {
		t.Errorf("swagger-ui = %d %.300s", ui.status, ui.raw)
	}
	if outside := regexp.MustCompile(`(src|href)=["'](https?:)?//[^"']*`).FindAllString(ui.raw, -1); len(outside) > 0 {
		t.Errorf("Swagger UI is not offline: %v", outside)
	}
	script := g.do(request{path: "/swagger-ui/swagger-ui-bundle.js"})
	if script.status != http.StatusOK || len(script.raw) < 100_000 {
		t.Errorf("the script of Swagger UI: %d, %d bytes", script.status, len(script.raw))
	}
	health := g.do(request{path: "/actuator/health"})
	if health.status != http.StatusOK || health.text("status") != "UP" || health.text("components.kubernetes.status") != "UP" {
		t.Errorf("health = %d %s", health.status, health.raw)
	}
	if a := g.do(request{path: "/actuator/health/liveness"}); a.status != http.StatusOK {
		t.Errorf("liveness = %d", a.status)
	}
	breakers := g.do(request{path: "/actuator/circuitbreakers"})
	for _, name := range []string{"kubernetes-api-read", "kubernetes-api-write"} {
		if breakers.text("circuitBreakers."+name+".state") != "CLOSED" {
			t.Errorf("breaker %s: %s", name, breakers.raw)
		}
	}
	metrics := g.do(request{path: "/actuator/metrics"})
	if !strings.Contains(metrics.raw, `orderplane_gateway_circuit_breaker_open{breaker="kubernetes-api-write"} 0`) {
		t.Errorf("no metric of the breakers: %s", metrics.raw)
	}
	if !strings.Contains(metrics.raw, `orderplane_gateway_request_duration_seconds_count{code="200",method="GET",route="GET /v3/api-docs"} 1`) {
		t.Errorf("metrics = %s", metrics.raw)
	}
}

func TestAnAPIServerThatIsAwayOpensTheBreaker(t *testing.T) {
	t.Parallel()
	key := signingKey(t)
	// A port that nobody listens on.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	nowhere := listener.Addr().String()
	must(t, listener.Close())

	cfg := rest.DefaultConfig()
	cfg.Token.PublicKey = publicPEM(key)
	cfg.RequestTimeout, cfg.ShutdownDelay = 2*time.Second, 0
	server, err := rest.New(cfg, rest.Deps{
		Document: document(t), Kube: &kube.Config{Host: "http://" + nowhere}, Log: logr.Discard(), Metrics: prometheus.NewRegistry(),
		Now: time.Now, NewID: randomHex,
	})
	must(t, err)
	listener, err = net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	g := &gateway{t: t, url: "http://" + listener.Addr().String(), issuer: token.Issuer{Key: key}, tokens: &sync.Map{}}

	customer := g.token("cust-1")
	for range 6 {
		a := g.do(request{
			method: http.MethodPost, path: "/api/orders", token: customer, body: orderBody("cust-1"),
			header: []string{"Idempotency-Key", uuid.NewString()},
		})
		a.wants(t, http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE")
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		if strings.Contains(a.raw, nowhere) {
			t.Errorf("the answer tells about the inside: %s", a.raw)
		}
	}
	breakers := g.do(request{path: "/actuator/circuitbreakers"})
	if breakers.text("circuitBreakers.kubernetes-api-write.state") != "OPEN" || breakers.text("circuitBreakers.kubernetes-api-read.state") != "CLOSED" {
		t.Errorf("after creates that nobody answered: %s", breakers.raw)
	}
	if a := g.do(request{path: "/actuator/health"}); a.status != http.StatusServiceUnavailable || a.text("components.kubernetes.status") != "DOWN" {
		t.Errorf("health = %d %s", a.status, a.raw)
	}
	if a := g.do(request{path: "/actuator/health/liveness"}); a.status != http.StatusOK {
		t.Errorf("liveness = %d %s", a.status, a.raw)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestBadConfigurationIsNamed(t *testing.T) {
	t.Parallel()
	good := rest.DefaultConfig()
	good.Token.PublicKey = "a key"
	if err := good.Validate(); err != nil {
		t.Errorf("the defaults with a key: %v", err)
	}
	for name, change := range map[string]func(*rest.Config){
		"HTTP_PORT":             func(c *rest.Config) { c.Port = 70000 },
		"ORDERS_NAMESPACE":      func(c *rest.Config) { c.Namespace = "No Name" },
		"RATE_LIMIT_PER_MINUTE": func(c *rest.Config) { c.RateLimitPerMinute = -1 },
		"TRUSTED_PROXIES":       func(c *rest.Config) { c.TrustedProxies = []string{"proxy"} },
		"JWT_PUBLIC_KEY":        func(c *rest.Config) { c.Token.PublicKey = "" },
		"BASKETS_PER_CUSTOMER":  func(c *rest.Config) { c.BasketsPerCustomer = -1 },
		"MAX_BODY_BYTES":        func(c *rest.Config) { c.MaxBodyBytes = 0 },
		"COMMAND_WAIT":          func(c *rest.Config) { c.CommandWait = 0 },
		"REQUEST_TIMEOUT":       func(c *rest.Config) { c.RequestTimeout = 0 },
		"ADMIN_PORT: -1":        func(c *rest.Config) { c.AdminPort = -1 },
		"ADMIN_PORT: 8080 is":   func(c *rest.Config) { c.AdminPort = 8080 },
		"SHUTDOWN_DELAY":        func(c *rest.Config) { c.ShutdownDelay = -1 },
		"DRAIN_TIMEOUT":         func(c *rest.Config) { c.DrainTimeout = 0 },
	} {
		cfg := good
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: err = %v", name, err)
		}
		if _, err := rest.New(cfg, rest.Deps{}); err == nil {
			t.Errorf("%s: New accepts it", name)
		}
	}
}

func TestRequestsInFlightAreAnsweredAtShutdown(t *testing.T) {
	t.Parallel()
	namespace, access := newNamespace(t)
	g := &gateway{t: t, namespace: namespace, tokens: &sync.Map{}}
	key := signingKey(t)
	g.issuer.Key = key
	cfg := rest.DefaultConfig()
	cfg.Namespace, cfg.Token.PublicKey, cfg.CommandWait, cfg.ShutdownDelay = g.namespace, publicPEM(key), time.Second, 0
	server, err := rest.New(cfg, rest.Deps{
		Document: document(t), Kube: access, Log: logr.Discard(), Metrics: prometheus.NewRegistry(), Now: time.Now, NewID: randomHex,
	})
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	g.url = "http://" + listener.Addr().String()
	g.eventually("the gateway is ready", func() bool {
		return g.do(request{path: "/actuator/health/readiness"}).status == http.StatusOK
	})
	id := g.create("cust-1")
	answers := make(chan answer, 1)
	tok := g.token("cust-1")
	go func() {
		a, err := g.try(request{method: http.MethodDelete, path: "/api/orders/" + id, token: tok})
		if err != nil {
			a.raw = err.Error()
		}
		answers <- a
	}()
	g.eventually("the command is under way", func() bool { return g.order(id).Spec.Cancellation != nil })
	cancel()
	if a := <-answers; a.status != http.StatusAccepted {
		t.Errorf("the request in flight got %d %s", a.status, a.raw)
	}
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("serve: %v", err)
	}
	var netErr *net.OpError
	if _, err := g.try(request{path: "/actuator/health"}); !errors.As(err, &netErr) {
		t.Errorf("after shutdown: %v", err)
	}
}
