package rest_test

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/orderplane/orderplane/adapters/rest"
)

func TestHealthSaysHowTheKeySetIs(t *testing.T) {
	t.Parallel()
	key := signingKey(t)
	b64 := base64.RawURLEncoding
	set := fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"k1","use":"sig","n":%q,"e":%q},{"kty":"EC","kid":"k2"}]}`,
		b64.EncodeToString(key.N.Bytes()), b64.EncodeToString(big.NewInt(int64(key.E)).Bytes()))
	var away atomic.Bool
	away.Store(true)
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write([]byte(set))
	}))
	defer provider.Close()
	g := startGateway(t, func(c *rest.Config) { c.Token.PublicKey, c.Token.JWKSURL = "", provider.URL })
	unsigned := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"sub": "cust-1", "exp": 4102444800})
	unsigned.Header["kid"] = "k1"
	raw, err := unsigned.SignedString(key)
	must(t, err)

	health := g.do(request{path: "/actuator/health"})
	if health.status != http.StatusServiceUnavailable || health.text("components.tokenKeys.status") != "DOWN" ||
		!strings.Contains(health.text("components.tokenKeys.details.error"), "502") || strings.Contains(health.raw, provider.URL) {
		t.Errorf("health without keys: %d %s", health.status, health.raw)
	}
	a := g.do(request{path: "/api/orders", token: raw})
	a.wants(t, http.StatusUnauthorized, "UNAUTHORIZED")
	if !strings.Contains(a.text("error.message"), "not loaded") || a.header.Get("Retry-After") == "" ||
		strings.Contains(a.header.Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("without keys: %v %s", a.header, a.raw)
	}
	away.Store(false)
	g.eventually("the token is good", func() bool {
		return g.do(request{path: "/api/orders", token: raw}).status == http.StatusOK
	})
	health = g.do(request{path: "/actuator/health"})
	if health.status != http.StatusOK || health.text("components.tokenKeys.status") != "UP" ||
		health.text("components.tokenKeys.details.keys") != "1" || health.text("components.tokenKeys.details.ignoredKeys") != "1" ||
		health.text("components.tokenKeys.details.fetchedAt") == "" {
		t.Errorf("health with keys: %d %s", health.status, health.raw)
	}
	if metrics := g.do(request{path: "/actuator/metrics"}); !strings.Contains(metrics.raw, "\norderplane_gateway_token_keys 1\n") {
		t.Error("the metrics do not count the keys")
	}
}
