package rest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/orderplane/orderplane/adapters/rest/internal/fields"
	"github.com/orderplane/orderplane/internal/token"
)

// What the document says is deprecated says so in its answers, and nothing else does.
func TestADeprecatedRouteSaysSo(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(`{"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {
		"/api/old": {"get": {"deprecated": true, "x-deprecated-at": "2026-12-01T00:00:00Z", "responses": {"200": {"description": "it"}}}},
		"/api/new": {"get": {"responses": {"200": {"description": "it"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{cfg: DefaultConfig(), now: time.Now}
	if s.verifier, err = token.NewVerifier(t.Context(), token.Config{PublicKey: base64.StdEncoding.EncodeToString(public)}, time.Now); err != nil {
		t.Fatal(err)
	}
	raw, err := token.Issuer{Key: key}.Issue(token.Identity{Subject: "cust-1"}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	deprecated, err := fields.Deprecations(doc)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for path := range doc.Paths.Map() {
		mux.HandleFunc("GET "+path, func(http.ResponseWriter, *http.Request) {})
	}
	s.router = &router{mux: mux, api: mux, bodies: newBodySchemas(doc), queries: newQueries(doc), deprecated: deprecated}
	for path, want := range map[string]string{"/api/old": "@1796083200", "/api/new": "", "/api/old?color=red": "@1796083200"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+raw)
		r = r.WithContext(withCall(r.Context(), &call{}))
		w := httptest.NewRecorder()
		handler, route := mux.Handler(r)
		if err := s.serve(w, r, handler, route); err != nil {
			s.fail(w, r, err)
		}
		if got := w.Header().Get("Deprecation"); got != want {
			t.Errorf("%s: %d, Deprecation = %q, want %q", path, w.Code, got, want)
		}
	}
}
