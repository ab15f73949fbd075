package token_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/internal/token"
)

func newKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pkix(t testing.TB, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func publicPEM(t testing.TB, key *rsa.PrivateKey) string {
	t.Helper()
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix(t, key)}))
}

func TestEverySpellingOfAPublicKeyIsRead(t *testing.T) {
	key := newKey(t)
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, []byte(publicPEM(t, key)), 0o600); err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(&key.PublicKey)
	for name, value := range map[string]string{
		"PEM":                        publicPEM(t, key),
		"PEM, line breaks spelled":   strings.ReplaceAll(publicPEM(t, key), "\n", `\n`),
		"PEM, PKCS #1":               string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1})),
		"base64 DER":                 base64.StdEncoding.EncodeToString(pkix(t, key)),
		"base64 DER with line break": base64.StdEncoding.EncodeToString(pkix(t, key)) + "\n",
		"file":                       file,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := token.LoadPublicKey(value)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Equal(&key.PublicKey) {
				t.Error("another key came back")
			}
		})
	}
}

func TestBadKeysAreNamedAndNotRepeated(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no small keys:", err)
	}
	for name, value := range map[string]string{
		"empty":      "",
		"no file":    "/nowhere/secret-name.pem",
		"broken PEM": "-----BEGIN PUBLIC KEY-----\nabc",
		"small key":  publicPEM(t, small),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := token.LoadPublicKey(value)
			if err == nil || !strings.Contains(err.Error(), "key") && !strings.Contains(err.Error(), "PEM") {
				t.Errorf("err = %v", err)
			} else if value != "" && strings.Contains(err.Error(), value) {
				t.Errorf("it repeats what it was given: %v", err)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	key, other := newKey(t), newKey(t)
	verifier, err := token.NewVerifier(t.Context(), token.Config{
		PublicKey: publicPEM(t, key), Issuer: "https://id.example", Audience: "orderplane", Leeway: 30 * time.Second,
	}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	good := jwt.MapClaims{
		"sub": "cust-1", "iss": "https://id.example", "aud": "orderplane", "exp": now.Add(time.Hour).Unix(),
	}
	with := func(changes jwt.MapClaims) jwt.MapClaims {
		c := jwt.MapClaims{}
		for k, v := range good {
			c[k] = v
		}
		for k, v := range changes {
			if v == nil {
				delete(c, k)
			} else {
				c[k] = v
			}
		}
		return c
	}
	sign := func(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
		signed, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	rs := func(c jwt.MapClaims) string { return sign(jwt.SigningMethodRS256, key, c) }
	// The last of 342 characters of a signature carries two bits; the other four are zero.
	const base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	misspelt := rs(good)
	last := strings.IndexByte(base64URL, misspelt[len(misspelt)-1])
	misspelt = misspelt[:len(misspelt)-1] + string(base64URL[last+1])

	for _, tc := range []struct {
		name    string
		raw     string
		want    token.Identity
		wantErr string
	}{
		{name: "customer", raw: rs(good), want: token.Identity{Subject: "cust-1"}},
		{name: "roles", raw: rs(with(jwt.MapClaims{"roles": []string{"ops", "x"}})), want: token.Identity{Subject: "cust-1", Roles: []string{"ops", "x"}}},
		{name: "role", raw: rs(with(jwt.MapClaims{"role": "ops"})), want: token.Identity{Subject: "cust-1", Roles: []string{"ops"}}},
		{name: "scope", raw: rs(with(jwt.MapClaims{"scope": "read ops"})), want: token.Identity{Subject: "cust-1", Roles: []string{"read", "ops"}}},
		{name: "expired within the leeway", raw: rs(with(jwt.MapClaims{"exp": now.Add(-20 * time.Second).Unix()})), want: token.Identity{Subject: "cust-1"}},
		{name: "expired", raw: rs(with(jwt.MapClaims{"exp": now.Add(-time.Minute).Unix()})), wantErr: "expired"},
		{name: "no expiry", raw: rs(with(jwt.MapClaims{"exp": nil})), wantErr: "required claim"},
		{name: "not yet", raw: rs(with(jwt.MapClaims{"nbf": now.Add(time.Hour).Unix()})), wantErr: "not valid yet"},
		{name: "other issuer", raw: rs(with(jwt.MapClaims{"iss": "https://evil.example"})), wantErr: "another issuer"},
		{name: "other audience", raw: rs(with(jwt.MapClaims{"aud": "shop"})), wantErr: "another audience"},
		{name: "no subject", raw: rs(with(jwt.MapClaims{"sub": nil})), wantErr: "no subject"},
		{name: "other key", raw: sign(jwt.SigningMethodRS256, other, good), wantErr: "signature"},
		{name: "the same signature, spelt otherwise", raw: misspelt, wantErr: "not a JSON Web Token"},
		{name: "RS512", raw: sign(jwt.SigningMethodRS512, key, good), wantErr: "RS256"},
		{name: "HS256 with the public key as secret", raw: sign(jwt.SigningMethodHS256, []byte(publicPEM(t, key)), good), wantErr: "RS256"},
		{name: "none", raw: sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good), wantErr: "RS256"},
		{name: "garbage", raw: "garbage", wantErr: "not a JSON Web Token"},
		{name: "empty", raw: "", wantErr: "not a JSON Web Token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := verifier.Verify(tc.raw)
			if tc.wantErr != "" {
				if !errors.Is(err, token.ErrInvalid) || !strings.Contains(err.Error(), tc.wantErr) {
					t.Fatalf("err = %v, want one about %q", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestIssuedTokensAreGood(t *testing.T) {
	now := time.Now()
	key := newKey(t)
	verifier, err := token.NewVerifier(t.Context(), token.Config{PublicKey: publicPEM(t, key)}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	want := token.Identity{Subject: "ops-1", Roles: []string{token.RoleOps}}
	raw, err := token.Issuer{Key: key, Issuer: "local", Audience: "orderplane"}.Issue(want, now, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	got, err := verifier.Verify(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || !got.IsOps() {
		t.Error(diff)
	}
	if _, err := (token.Issuer{Key: key}).Issue(want, now, 0); err == nil {
		t.Error("a token without a lifetime was issued")
	}
	if _, err := (token.Issuer{Key: key}).Issue(token.Identity{}, now, time.Minute); err == nil {
		t.Error("a token without a subject was issued")
	}
}

func TestKeysFromAJWKSURL(t *testing.T) {
	key := newKey(t)
	b64 := base64.RawURLEncoding
	set, err := json.Marshal(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k1",
		"n": b64.EncodeToString(key.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) }))
	defer server.Close()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	verifier, err := token.NewVerifier(ctx, token.Config{JWKSURL: server.URL}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"sub": "cust-1", "exp": time.Now().Add(time.Minute).Unix()})
	unsigned.Header["kid"] = "k1"
	raw, err := unsigned.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := verifier.Verify(raw); err != nil || got.Subject != "cust-1" {
		t.Errorf("identity = %v, err = %v", got, err)
	}
	// Unknown key ids must not make the verifier wait for its turn to fetch again.
	unsigned.Header["kid"] = "k2"
	if raw, err = unsigned.SignedString(newKey(t)); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	for range 20 {
		if _, err := verifier.Verify(raw); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("unknown key: err = %v", err)
		}
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("20 tokens with an unknown key took %s", took)
	}
}

func TestConfigValidate(t *testing.T) {
	for name, cfg := range map[string]token.Config{
		"no key":      {},
		"two sources": {PublicKey: "a", JWKSURL: "b"},
		"leeway":      {PublicKey: "a", Leeway: 2 * time.Minute},
	} {
		if cfg.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
