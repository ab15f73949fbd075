package token_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderplane/orderplane/internal/token"
)

// within is what the contract promises of keys that appear.
const within = 60 * time.Second

func TestAProviderThatStartsAfterTheGateway(t *testing.T) {
	key := newKey(t)
	raw := tokenOf(t, key, "k1")
	for _, late := range []time.Duration{time.Second, time.Minute, time.Hour} {
		t.Run(late.String(), func(t *testing.T) {
			bubble(t, func(p *provider) { p.away = true }, func(t *testing.T, p *provider, v *token.Verifier) {
				pass(late)
				if _, err := v.Verify(raw); err == nil {
					t.Fatal("accepted without keys")
				}
				p.set(func(p *provider) { p.away = false })
				p.serves(jwk(key, "k1"))
				goodWithin(t, v, raw, within)
			})
		})
	}
}

func TestAProviderThatStartsLaterIsFoundWithoutARequest(t *testing.T) {
	key := newKey(t)
	raw := tokenOf(t, key, "k1")
	bubble(t, func(p *provider) { p.away = true }, func(t *testing.T, p *provider, v *token.Verifier) {
		pass(time.Hour)
		p.set(func(p *provider) { p.away = false })
		p.serves(jwk(key, "k1"))
		pass(within)
		if got := v.KeyState(); got.Keys != 1 || got.Failure != "" {
			t.Errorf("keys = %+v", got)
		}
		wantGood(t, v, raw)
	})
}

func TestRotatedKeys(t *testing.T) {
	first, second := newKey(t), newKey(t)
	old, fresh := tokenOf(t, first, "k1"), tokenOf(t, second, "k2")
	for _, slow := range []time.Duration{0, 300 * time.Millisecond, 4 * time.Second} {
		for _, after := range []time.Duration{10 * time.Second, time.Hour, 24 * time.Hour} {
			t.Run(fmt.Sprintf("%s slow, after %s", slow, after), func(t *testing.T) {
				bubble(t, func(p *provider) {
					p.slow = slow
					p.serves(jwk(first, "k1"))
				}, func(t *testing.T, p *provider, v *token.Verifier) {
					goodWithin(t, v, old, within)
					pass(after)
					wantGood(t, v, old)
					p.serves(jwk(first, "k1"), jwk(second, "k2"))
					goodWithin(t, v, fresh, within)
					wantGood(t, v, old)
					// A key that is taken back is good for some minutes at most.
					p.serves(jwk(second, "k2"))
					pass(10 * time.Minute)
					if _, err := v.Verify(old); err == nil {
						t.Error("a key that was taken back is still good")
					}
					wantGood(t, v, fresh)
				})
			})
		}
	}
}

func TestAKeyThatChangesUnderItsID(t *testing.T) {
	first, second := newKey(t), newKey(t)
	for _, kid := range []string{"", "same"} {
		bubble(t, func(p *provider) { p.serves(jwk(first, kid)) }, func(t *testing.T, p *provider, v *token.Verifier) {
			goodWithin(t, v, tokenOf(t, first, kid), within)
			pass(time.Hour)
			p.serves(jwk(second, kid))
			goodWithin(t, v, tokenOf(t, second, kid), within)
		})
	}
}

func TestKnownKeysGoOnWhateverTheProviderDoes(t *testing.T) {
	first, second := newKey(t), newKey(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no small keys:", err)
	}
	fresh := setOf(t, jwk(second, "k2"))
	answers := func(body string) func(*provider) { return func(p *provider) { p.body = []byte(body) } }
	for name, ill := range map[string]func(*provider){
		"away":           func(p *provider) { p.away = true },
		"hangs":          func(p *provider) { p.slow = 24 * time.Hour },
		"500":            func(p *provider) { p.status = http.StatusInternalServerError },
		"404":            func(p *provider) { p.status = http.StatusNotFound },
		"204":            func(p *provider) { p.status, p.body = http.StatusNoContent, nil },
		"no body":        answers(""),
		"an empty set":   answers(`{"keys":[]}`),
		"no keys":        answers(`{}`),
		"null":           answers(`null`),
		"keys null":      answers(`{"keys":null}`),
		"keys no list":   answers(`{"keys":{"k1":{}}}`),
		"a list":         answers(`[]`),
		"a page":         answers(`<html>login</html>`),
		"cut off":        answers(`{"keys":[{"kty":"RSA","kid":"k1"`),
		"two sets":       answers(fresh + fresh),
		"modulus twice":  answers(setOf(t, jwk(second, "k2", "N", "AQAB"))),
		"keys twice":     answers(`{"keys":[],` + fresh[1:]),
		"without end":    answers(`{"x":"` + strings.Repeat("x", 2<<20) + `",` + fresh[1:]),
		"broken entries": answers(`{"keys":[1,null,"x",{},{"kty":"RSA"},{"kty":"RSA","n":"!","e":"AQAB"},{"kid":7}]}`),
		"only others": func(p *provider) {
			p.mu.Unlock()
			p.serves(jwk(first, "k1", "use", "enc"), jwk(small, "k3"))
			p.mu.Lock()
		},
	} {
		t.Run(name, func(t *testing.T) {
			old, fresh := tokenOf(t, first, "k1"), tokenOf(t, second, "k2")
			bubble(t, func(p *provider) { p.serves(jwk(first, "k1")) }, func(t *testing.T, p *provider, v *token.Verifier) {
				goodWithin(t, v, old, within)
				p.set(ill)
				for range 100 {
					pass(time.Minute)
					if _, err := v.Verify(fresh); err == nil {
						t.Fatal("accepted without its key")
					}
					wantGood(t, v, old)
				}
				p.set(func(p *provider) { p.away, p.slow = false, 0 })
				p.serves(jwk(first, "k1"), jwk(second, "k2"))
				goodWithin(t, v, fresh, within)
				wantGood(t, v, old)
			})
		})
	}
}

func TestUnknownKeyIDsDoNotHammerTheProvider(t *testing.T) {
	key, other := newKey(t), newKey(t)
	old := tokenOf(t, key, "k1")
	unknown := strings.Split(tokenOf(t, other, "nobody"), ".")
	for name, ill := range map[string]func(*provider){
		"well":  func(*provider) {},
		"slow":  func(p *provider) { p.slow = 300 * time.Millisecond },
		"hangs": func(p *provider) { p.slow = 24 * time.Hour },
		"away":  func(p *provider) { p.away = true },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(p *provider) { p.serves(jwk(key, "k1")) }, func(t *testing.T, p *provider, v *token.Verifier) {
				goodWithin(t, v, old, within)
				p.set(ill)
				before := len(p.fetched())
				for range 60 {
					var wave sync.WaitGroup
					started := time.Now()
					for range 1000 / 60 {
						wave.Go(func() {
							if _, err := v.Verify(strings.Join(unknown, ".")); !errors.Is(err, token.ErrInvalid) {
								t.Errorf("unknown key: err = %v", err)
							}
						})
						wantGood(t, v, old)
					}
					wave.Wait()
					if took := time.Since(started); took > 2*time.Second {
						t.Errorf("tokens with an unknown key hung for %s", took)
					}
					pass(time.Second)
				}
				all := p.fetched()
				if got := len(all) - before; got > 25 {
					t.Errorf("%d fetches in a minute or two", got)
				}
				for i := 1; i < len(all); i++ {
					if gap := all[i].Sub(all[i-1]); gap < 5*time.Second {
						t.Errorf("two fetches within %s", gap)
					}
				}
			})
		})
	}
}

func TestAThousandUnknownKeyIDsAtOnce(t *testing.T) {
	key, other := newKey(t), newKey(t)
	old, unknown := tokenOf(t, key, "k1"), tokenOf(t, other, "nobody")
	bubble(t, func(p *provider) { p.serves(jwk(key, "k1")) }, func(t *testing.T, p *provider, v *token.Verifier) {
		goodWithin(t, v, old, within)
		pass(time.Hour + time.Minute) // between two fetches that nobody asks for
		p.set(func(p *provider) { p.slow = 24 * time.Hour })
		before, started := len(p.fetched()), time.Now()
		var crowd sync.WaitGroup
		for range 1000 {
			crowd.Go(func() { _, _ = v.Verify(unknown) })
		}
		synctest.Wait()
		wantGood(t, v, old)
		crowd.Wait()
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("they hung for %s", took)
		}
		if got := len(p.fetched()) - before; got != 1 {
			t.Errorf("%d fetches", got)
		}
	})
}

func TestWhichKeysOfASetCount(t *testing.T) {
	key, other := newKey(t), newKey(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no small keys:", err)
	}
	for _, tc := range []struct {
		name string
		set  []map[string]any
		raw  string
		good bool
	}{
		{"use left out", []map[string]any{jwk(key, "k", "use", nil)}, tokenOf(t, key, "k"), true},
		{"alg left out", []map[string]any{jwk(key, "k", "alg", nil)}, tokenOf(t, key, "k"), true},
		{"use enc", []map[string]any{jwk(key, "k", "use", "enc")}, tokenOf(t, key, "k"), false},
		{"use enc and no kid in the token", []map[string]any{jwk(key, "k", "use", "enc")}, tokenOf(t, key, ""), false},
		{"use enc beside use sig of the same id", []map[string]any{jwk(other, "k", "use", "enc"), jwk(key, "k")}, tokenOf(t, key, "k"), true},
		{"key_ops verify", []map[string]any{jwk(key, "k", "key_ops", []string{"verify"})}, tokenOf(t, key, "k"), true},
		{"key_ops others", []map[string]any{jwk(key, "k", "key_ops", []string{"wrapKey"})}, tokenOf(t, key, "k"), false},
		{"alg RS512", []map[string]any{jwk(key, "k", "alg", "RS512")}, tokenOf(t, key, "k"), false},
		{"alg RSA-OAEP", []map[string]any{jwk(key, "k", "alg", "RSA-OAEP")}, tokenOf(t, key, ""), false},
		{"too small", []map[string]any{jwk(small, "k")}, tokenOf(t, small, "k"), false},
		{"too small, no ids", []map[string]any{jwk(small, "", "kid", nil)}, tokenOf(t, small, ""), false},
		{"no id in set and token", []map[string]any{jwk(other, "x"), jwk(key, "", "kid", nil)}, tokenOf(t, key, ""), true},
		{"no id in the set", []map[string]any{jwk(key, "", "kid", nil)}, tokenOf(t, key, "k"), true},
		{"no id in the token", []map[string]any{jwk(other, "x"), jwk(key, "k")}, tokenOf(t, key, ""), true},
		{"the id of another", []map[string]any{jwk(other, "x"), jwk(key, "k")}, tokenOf(t, key, "x"), false},
		{"two of one id", []map[string]any{jwk(other, "k"), jwk(key, "k")}, tokenOf(t, key, "k"), true},
		{"beside a broken one", []map[string]any{{"kty": "RSA", "kid": "a", "n": "!"}, jwk(key, "k")}, tokenOf(t, key, "k"), true},
		{"beside one of another type", []map[string]any{{"kty": "EC", "crv": "P-999", "kid": "a"}, {"kty": "oct", "k": "AAAA", "kid": "b"}, jwk(key, "k")}, tokenOf(t, key, "k"), true},
		{"beside one with a number for an id", []map[string]any{jwk(other, "", "kid", 7), jwk(key, "k")}, tokenOf(t, key, "k"), true},
		{"a certificate that is none", []map[string]any{jwk(key, "k", "x5c", []string{"x"}, "x5t", "y")}, tokenOf(t, key, "k"), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(p *provider) { p.serves(tc.set...) }, func(t *testing.T, _ *provider, v *token.Verifier) {
				if _, err := v.Verify(tc.raw); (err == nil) != tc.good {
					t.Errorf("err = %v, want good: %v", err, tc.good)
				}
			})
		})
	}
}

func TestKeysThatNobodyShouldTrustDoNotCount(t *testing.T) {
	key := newKey(t)
	for name, ill := range map[string]map[string]any{
		"exponent 1":           jwk(key, "k", "e", "AQ"),
		"exponent 0":           jwk(key, "k", "e", "AA"),
		"exponent even":        jwk(key, "k", "e", "AQAA"),
		"exponent without end": jwk(key, "k", "e", strings.Repeat("AQAB", 50)),
		"no modulus":           jwk(key, "k", "n", nil),
		"modulus without end":  jwk(key, "k", "n", strings.Repeat("w", 100_000)),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(p *provider) { p.serves(ill) }, func(t *testing.T, _ *provider, v *token.Verifier) {
				pass(within)
				if got := v.KeyState(); got.Keys != 0 || got.Failure == "" || !got.FetchedAt.IsZero() {
					t.Errorf("keys = %+v", got)
				}
				if _, err := v.Verify(tokenOf(t, key, "k")); !errors.Is(err, token.ErrNoKeys) {
					t.Errorf("err = %v", err)
				}
			})
		})
	}
}
