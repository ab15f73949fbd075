package token

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// fetchTimeout is how long fetching a key set may take.
const fetchTimeout = 5 * time.Second

// keySource has the keys that tokens are signed with.
type keySource interface {
	// verify returns an error unless one of the keys made the signature.
	verify(h header, p parts) error
}

var errSignature = errors.New("its signature is not an RS256 signature by a known key")

func (c Config) keySource(ctx context.Context) (keySource, error) {
	if c.JWKSURL != "" {
		set, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{c.JWKSURL}, keyfunc.Override{
			Client:      c.Client,
			HTTPTimeout: fetchTimeout,
			// A token with an unknown key id makes the set be fetched again, now and
			// then; all others like it are refused at once instead of queueing.
			RateLimitWaitMax: time.Millisecond,
		})
		if err != nil {
			return nil, fmt.Errorf("fetch keys from %s: %w", c.JWKSURL, err)
		}
		return fetchedKeys{set.Keyfunc}, nil
	}
	key, err := LoadPublicKey(c.PublicKey)
	if err != nil {
		return nil, err
	}
	return oneKey{key}, nil
}

// oneKey is the key of the configuration, whatever key a token names.
type oneKey struct{ key *rsa.PublicKey }

func (k oneKey) verify(_ header, p parts) error { return checkSignature(p, k.key) }

type fetchedKeys struct{ find jwt.Keyfunc }

func (k fetchedKeys) verify(h header, p parts) error {
	described := &jwt.Token{Header: map[string]any{"alg": "RS256"}}
	if h.hasKid {
		described.Header["kid"] = h.kid
	}
	found, err := k.find(described)
	if err != nil {
		return errSignature
	}
	if set, ok := found.(jwt.VerificationKeySet); ok {
		for _, key := range set.Keys {
			if checkSignature(p, key) == nil {
				return nil
			}
		}
		return errSignature
	}
	return checkSignature(p, found)
}

func checkSignature(p parts, key any) error {
	if jwt.SigningMethodRS256.Verify(p.signed, p.signature, key) != nil {
		return errSignature
	}
	return nil
}
