package token

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Verifier verifies tokens. It is safe for concurrent use.
//
// It reads the parts of a token itself, once and strictly, so that nothing is
// decided about bytes that a second parser would read otherwise. Signature and
// times are the library's business.
type Verifier struct {
	cfg       Config
	keys      keySource
	validator *jwt.Validator
	cache     cache
}

// NewVerifier returns a Verifier. With a JWKS URL the key set is fetched now and
// again until ctx ends; that it can't be fetched now is no error, tokens are
// refused with ErrNoKeys until it can.
func NewVerifier(ctx context.Context, cfg Config, now func() time.Time) (*Verifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	keys, err := cfg.keySource(ctx, now)
	if err != nil {
		return nil, err
	}
	opts := []jwt.ParserOption{
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(cfg.Leeway),
		jwt.WithTimeFunc(now),
	}
	if cfg.Issuer != "" {
		opts = append(opts, jwt.WithIssuer(cfg.Issuer))
	}
	if cfg.Audience != "" {
		opts = append(opts, jwt.WithAudience(cfg.Audience))
	}
	return &Verifier{cfg: cfg, keys: keys, validator: jwt.NewValidator(opts...), cache: newCache()}, nil
}

// Verify returns who a token speaks for, or an error that wraps ErrInvalid, or
// ErrNoKeys. A token with an unknown key may wait a second for the provider.
func (v *Verifier) Verify(raw string) (Identity, error) {
	id, _, err := v.VerifyUntil(raw)
	return id, err
}

// VerifyUntil is Verify, and says from when on the token is refused: what lasts longer than a
// request has to end then. That is exp and the leeway.
func (v *Verifier) VerifyUntil(raw string) (Identity, time.Time, error) {
	id, until, err := v.verify(raw)
	switch {
	case errors.Is(err, ErrNoKeys):
		return Identity{}, time.Time{}, err
	case err != nil:
		return Identity{}, time.Time{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	default:
		return id, until, nil
	}
}

// KeyState says how the keys are that verify tokens.
func (v *Verifier) KeyState() KeyState { return v.keys.keyState() }

func (v *Verifier) verify(raw string) (Identity, time.Time, error) {
	// The keys are looked up first: if they change meanwhile, what is kept is out of date at once.
	of, keys := digestOf(raw), v.keys.current()
	claims := v.cache.get(of, keys)
	if claims == nil {
		var err error
		if claims, err = v.signed(raw); err != nil {
			return Identity{}, time.Time{}, err
		}
		v.cache.put(of, keys, claims)
	}
	if err := v.validator.Validate(claims); err != nil {
		return Identity{}, time.Time{}, errors.New(refusal(err))
	}
	return Identity{Subject: claims.subject, Roles: slices.Clone(claims.roles)}, claims.expires.Add(v.cfg.Leeway), nil
}

// signed returns the claims of a token whose signature and scopes are good, whatever the time is.
func (v *Verifier) signed(raw string) (*claims, error) {
	p, err := split(raw)
	if err != nil {
		return nil, err
	}
	header, err := readHeader(p.header)
	if err != nil {
		return nil, err
	}
	if err := v.cfg.checkType(header); err != nil {
		return nil, err
	}
	if err := v.keys.verify(header, p); err != nil {
		return nil, err
	}
	return v.cfg.readClaims(p.claims)
}

// parts are a token taken apart.
type parts struct {
	header, claims, signature []byte
	// signed is the text that the signature is of.
	signed string
}

var errNotAToken = errors.New("it is not a JSON Web Token")

func split(raw string) (parts, error) {
	segments := strings.Split(raw, ".")
	if len(segments) != 3 {
		return parts{}, errNotAToken
	}
	var decoded [3][]byte
	for i, segment := range segments {
		// The decoder passes over line breaks: one token would have many spellings.
		if strings.ContainsAny(segment, "\r\n") {
			return parts{}, errNotAToken
		}
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(segment); err != nil {
			return parts{}, errNotAToken
		}
	}
	return parts{
		header: decoded[0], claims: decoded[1], signature: decoded[2],
		signed: raw[:len(segments[0])+1+len(segments[1])],
	}, nil
}

// refusal says what is wrong in words that help an honest client.
func refusal(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "it has expired"
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return "it lacks a required claim (exp, and iss or aud where configured)"
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return "it is not valid yet"
	case errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return "its claim iat is in the future"
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return "it is from another issuer (claim iss)"
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return "it is for another audience (claim aud)"
	default:
		return "its claims are not valid"
	}
}
