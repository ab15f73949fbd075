package token_test

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderplane/orderplane/internal/token"
)

// provider is an identity provider that answers over HTTP with a key set, and has
// switches. Its network is in memory, so that a synctest bubble keeps its time.
type provider struct {
	t      *testing.T
	server *http.Server
	conns  chan net.Conn
	closed chan struct{}

	mu      sync.Mutex
	away    bool
	slow    time.Duration
	status  int
	body    []byte
	fetches []time.Time
}

func newProvider(t *testing.T) *provider {
	p := &provider{t: t, conns: make(chan net.Conn), closed: make(chan struct{}), status: http.StatusOK}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = p.server.Serve(p)
	}()
	t.Cleanup(func() {
		_ = p.server.Close()
		<-served
	})
	return p
}

// set changes the switches.
func (p *provider) set(change func(*provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// serves makes the provider answer with these keys.
func (p *provider) serves(keys ...map[string]any) {
	body := setOf(p.t, keys...)
	p.set(func(p *provider) { p.body, p.status = []byte(body), http.StatusOK })
}

func setOf(t testing.TB, keys ...map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// fetched is how often somebody knocked, also when the provider was away.
func (p *provider) fetched() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]time.Time(nil), p.fetches...)
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	slow, status, body := p.slow, p.status, p.body
	p.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-r.Context().Done():
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// client reaches the provider and nobody else.
func (p *provider) client() *http.Client {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		p.mu.Lock()
		away := p.away
		p.fetches = append(p.fetches, time.Now())
		p.mu.Unlock()
		if away {
			return nil, errors.New("connection refused")
		}
		ours, theirs := net.Pipe()
		select {
		case p.conns <- theirs:
			return ours, nil
		case <-p.closed:
			return nil, errors.New("connection refused")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	return &http.Client{Transport: transport}
}

// The methods of a net.Listener.

func (p *provider) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *provider) Close() error {
	close(p.closed)
	return nil
}

func (p *provider) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// jwk is a key as providers publish it, with some members replaced or, when nil,
// left out.
func jwk(key *rsa.PrivateKey, kid string, changes ...any) map[string]any {
	b64 := base64.RawURLEncoding
	members := map[string]any{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid,
		"n": b64.EncodeToString(key.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == nil {
			delete(members, changes[i].(string))
		} else {
			members[changes[i].(string)] = changes[i+1]
		}
	}
	return members
}

// tokenOf is a token that never expires in a test, signed by key, with a kid
// unless it is empty.
func tokenOf(t testing.TB, key *rsa.PrivateKey, kid string) string {
	header := goodHeader
	if kid != "" {
		header = `{"alg":"RS256","kid":"` + kid + `"}`
	}
	return signed(t, key, header, `{"sub":"cust-1","exp":253402300799}`)
}

// bubble runs a test in a bubble of time with a provider and a verifier.
func bubble(t *testing.T, before func(*provider), test func(*testing.T, *provider, *token.Verifier)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		before(p)
		verifier, err := token.NewVerifier(t.Context(), token.Config{JWKSURL: "http://id.example/jwks", Client: p.client()}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		test(t, p, verifier)
	})
}

// pass lets time go by.
func pass(d time.Duration) { <-time.After(d) }

// goodWithin fails unless the token is good within so much time, asked once a second.
func goodWithin(t *testing.T, v *token.Verifier, raw string, limit time.Duration) {
	t.Helper()
	started := time.Now()
	for {
		_, err := v.Verify(raw)
		if took := time.Since(started); took > limit {
			t.Fatalf("not good within %s: %v", limit, err)
		}
		if err == nil {
			return
		}
		pass(time.Second)
	}
}

func wantGood(t *testing.T, v *token.Verifier, raw string) {
	t.Helper()
	started := time.Now()
	if _, err := v.Verify(raw); err != nil {
		t.Errorf("a token with a known key: %v", err)
	}
	if took := time.Since(started); took > 0 {
		t.Errorf("a token with a known key waited %s", took)
	}
}
