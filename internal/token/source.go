package token

import (
	"context"
	"crypto/rsa"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// keySource has the keys that tokens are signed with.
type keySource interface {
	// verify returns an error unless one of the keys made the signature.
	verify(h header, p parts) error
	// current is another value once the keys have changed.
	current() any
	keyState() KeyState
}

var errSignature = errors.New("its signature is not an RS256 signature by a known key")

func (c Config) keySource(ctx context.Context, now func() time.Time) (keySource, error) {
	if c.JWKSURL != "" {
		return newKeySet(ctx, c, now), nil
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

func (k oneKey) current() any { return k.key }

func (oneKey) keyState() KeyState { return KeyState{Keys: 1} }

func checkSignature(p parts, key *rsa.PublicKey) error {
	if jwt.SigningMethodRS256.Verify(p.signed, p.signature, key) != nil {
		return errSignature
	}
	return nil
}
