package token_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/orderplane/orderplane/internal/token"
)

// A token that was verified before is good no longer than the same token anew.
func TestATokenThatIsKnownEndsWhenItsTimeIsOver(t *testing.T) {
	key := newKey(t)
	now := clock()
	verifier, err := token.NewVerifier(t.Context(), token.Config{PublicKey: publicPEM(t, key)}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	raw := signed(t, key, goodHeader, claimsWith("exp", "1793534460", "nbf", "1793534390")) // in a minute, 10 s ago
	for _, step := range []struct {
		at   time.Duration
		good bool
	}{{0, true}, {59 * time.Second, true}, {60 * time.Second, false}, {0, true}, {-11 * time.Second, false}} {
		now = clock().Add(step.at)
		if _, err := verifier.Verify(raw); (err == nil) != step.good {
			t.Errorf("at %s: %v, want good: %v", step.at, err, step.good)
		}
	}
}

// What was found out of one token says nothing of another that has its signature.
func TestTheSignatureOfAKnownTokenIsNoneOfOthers(t *testing.T) {
	key := newKey(t)
	verifier := strictVerifier(t, key)
	good := signed(t, key, goodHeader, claimsWith())
	if _, err := verifier.Verify(good); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	for name, raw := range map[string]string{
		"other claims": strings.Join([]string{parts[0], strings.Split(signed(t, key, goodHeader, claimsWith("roles", `["ops"]`)), ".")[1], parts[2]}, "."),
		"other header": strings.Join([]string{strings.Split(signed(t, key, `{"alg":"RS256"}`, claimsWith()), ".")[0], parts[1], parts[2]}, "."),
	} {
		if id, err := verifier.Verify(raw); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%s: accepted as %+v, err = %v", name, id, err)
		}
	}
}

// Callers may do with an identity what they like.
func TestTheRolesOfAKnownTokenAreNobodyElses(t *testing.T) {
	key := newKey(t)
	verifier := strictVerifier(t, key)
	raw := signed(t, key, goodHeader, claimsWith("roles", `["x"]`))
	first, err := verifier.Verify(raw)
	if err != nil {
		t.Fatal(err)
	}
	first.Roles[0] = token.RoleOps
	if second, err := verifier.Verify(raw); err != nil || second.IsOps() {
		t.Errorf("%+v, %v", second, err)
	}
}

// A key that its provider takes back takes the tokens along that were verified by it.
func TestAKnownTokenGoesWithItsKey(t *testing.T) {
	first, second := newKey(t), newKey(t)
	old := tokenOf(t, first, "k1")
	bubble(t, func(p *provider) { p.set(func(*provider) {}) }, func(t *testing.T, p *provider, v *token.Verifier) {
		p.serves(jwk(first, "k1"))
		goodWithin(t, v, old, within)
		wantGood(t, v, old)
		p.serves(jwk(second, "k2"))
		pass(10 * time.Minute)
		if _, err := v.Verify(old); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("a token of a key that was taken back: %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	key := newKey(b)
	raw := signed(b, key, goodHeader, claimsWith())
	b.Run("known", func(b *testing.B) {
		verifier := strictVerifier(b, key)
		for b.Loop() {
			if _, err := verifier.Verify(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			verifier := strictVerifier(b, key)
			b.StartTimer()
			if _, err := verifier.Verify(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}
