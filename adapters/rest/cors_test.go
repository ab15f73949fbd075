package rest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/orderplane/orderplane/adapters/rest"
)

const shop = "https://shop.example"

// preflight is what a browser asks before it sends a request of another origin's.
func preflight(path, origin, method string) request {
	return request{method: http.MethodOptions, path: path, header: []string{
		"Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization,content-type,idempotency-key,if-match",
	}}
}

func TestCORSIsOffByDefault(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	a := g.do(preflight("/api/orders", shop, "POST"))
	a.wants(t, http.StatusUnauthorized, "UNAUTHORIZED")
	read := g.do(request{path: "/api/orders", token: g.token("cust-1"), header: []string{"Origin", shop}})
	for _, header := range []http.Header{a.header, read.header} {
		for name := range header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s", name, header.Get(name))
			}
		}
	}
}

func TestPreflightIsAnsweredBeforeAuthentication(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *rest.Config) {
		c.CORSAllowedOrigins, c.RateLimitPerMinute = []string{shop, "http://localhost:3000"}, 1
	})
	for range 3 { // more than the rate limit: nobody's request is counted yet
		for path, method := range map[string]string{
			"/api/orders": "POST", "/api/orders/x": "DELETE", "/api/orders/x/return/approve": "PUT", "/api/inventory/x": "GET",
		} {
			a := g.do(preflight(path, shop, method))
			if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != shop || a.header.Get("Access-Control-Allow-Methods") != method ||
				!strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "idempotency-key") {
				t.Errorf("%s: %d %v", path, a.status, a.header)
			}
		}
	}
	for _, origin := range []string{"https://evil.example", "https://shop.example.evil.example", "http://shop.example", "https://shop.example:444", "null"} {
		a := g.do(preflight("/api/orders", origin, "POST"))
		if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", origin, a.status, a.header)
		}
	}
	if a := g.do(preflight("/api/orders", shop, "TRACE")); a.header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("TRACE: %v", a.header)
	}
}

func TestAnswersToOtherOrigins(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *rest.Config) { c.CORSAllowedOrigins = []string{shop} })
	send := func(origin string) answer {
		return g.do(request{
			method: http.MethodPost, path: "/api/orders", token: g.token("cust-1"), body: orderBody("cust-1"),
			header: []string{"Idempotency-Key", uuid.NewString(), "Origin", origin},
		})
	}
	a := send(shop)
	if a.status != http.StatusCreated || a.header.Get("Access-Control-Allow-Origin") != shop || a.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("answer = %d %v", a.status, a.header)
	}
	exposed := strings.Split(strings.ToLower(strings.ReplaceAll(a.header.Get("Access-Control-Expose-Headers"), " ", "")), ",")
	for _, name := range []string{"etag", "location", "x-trace-id", "retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "idempotent-replayed"} {
		if !slices.Contains(exposed, name) {
			t.Errorf("%s is not exposed: %v", name, exposed)
		}
	}
	if other := send("https://evil.example"); other.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", other.header)
	}
	for _, a := range []answer{a, send("https://evil.example"), g.do(request{path: "/api/orders"})} {
		if !slices.Contains(a.header.Values("Vary"), "Origin") {
			t.Errorf("%d: Vary = %v", a.status, a.header.Values("Vary"))
		}
	}
	// Without a token, too: the page must be able to read why.
	refused := g.do(request{path: "/api/orders", header: []string{"Origin", shop}})
	refused.wants(t, http.StatusUnauthorized, "UNAUTHORIZED")
	if refused.header.Get("Access-Control-Allow-Origin") != shop {
		t.Errorf("401: %v", refused.header)
	}
}

func TestCORSConfiguration(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		origins     []string
		credentials bool
		wantErr     string
	}{
		"off":                   {nil, false, ""},
		"one":                   {[]string{shop}, true, ""},
		"any":                   {[]string{"*"}, false, ""},
		"any, with credentials": {[]string{"*"}, true, "CORS_ALLOW_CREDENTIALS"},
		"any, and more":         {[]string{"*", shop}, false, "CORS_ALLOWED_ORIGINS"},
		"a pattern":             {[]string{"https://*.example"}, false, "CORS_ALLOWED_ORIGINS"},
		"a path":                {[]string{shop + "/x"}, false, "CORS_ALLOWED_ORIGINS"},
		"a slash":               {[]string{shop + "/"}, false, "CORS_ALLOWED_ORIGINS"},
		"no scheme":             {[]string{"shop.example"}, false, "CORS_ALLOWED_ORIGINS"},
		"another scheme":        {[]string{"ftp://shop.example"}, false, "CORS_ALLOWED_ORIGINS"},
		"null":                  {[]string{"null"}, false, "CORS_ALLOWED_ORIGINS"},
		"empty":                 {[]string{""}, false, "CORS_ALLOWED_ORIGINS"},
		"upper case":            {[]string{"https://SHOP.example"}, false, "CORS_ALLOWED_ORIGINS"},
		"credentials of nobody": {nil, true, "CORS_ALLOW_CREDENTIALS"},
		"a user in the origin":  {[]string{"https://me@shop.example"}, false, "CORS_ALLOWED_ORIGINS"},
	} {
		cfg := rest.DefaultConfig()
		cfg.Token.PublicKey = "a key"
		cfg.CORSAllowedOrigins, cfg.CORSAllowCredentials = tc.origins, tc.credentials
		err := cfg.Validate()
		if tc.wantErr == "" && err != nil || tc.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tc.wantErr)) {
			t.Errorf("%s: err = %v, want %q", name, err, tc.wantErr)
		}
	}
}
