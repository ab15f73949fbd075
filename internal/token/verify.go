package token

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// RoleOps is the role that sees every order and runs the warehouse.
const RoleOps = "ops"

// MaxLeeway is how far clocks may differ at most.
const MaxLeeway = time.Minute

// fetchTimeout is how long fetching a key set may take.
const fetchTimeout = 5 * time.Second

// ErrInvalid is the cause of every refused token. What is wrong with the token
// stands in the error that wraps it, and may be told to the client.
var ErrInvalid = errors.New("invalid token")

// Identity is who a token speaks for.
type Identity struct {
	// Subject is the customer id, or the name of an operator.
	Subject string
	// Roles are the roles the token carries.
	Roles []string
}

// IsOps says whether the identity has the role ops.
func (i Identity) IsOps() bool { return slices.Contains(i.Roles, RoleOps) }

// Config says which tokens are good. Exactly one of PublicKey and JWKSURL is set.
type Config struct {
	// PublicKey is an RSA public key as PEM, as base64 DER, or the path of a file.
	PublicKey string
	// JWKSURL is where a JSON Web Key Set with the public keys is fetched.
	JWKSURL string
	// Issuer that tokens must name, when not empty.
	Issuer string
	// Audience that tokens must name, when not empty.
	Audience string
	// RolesClaim is the dotted path of the claim that has the roles; the usual
	// claims when empty.
	RolesClaim string
	// Leeway is how far clocks may differ, at most MaxLeeway.
	Leeway time.Duration
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if (c.PublicKey == "") == (c.JWKSURL == "") {
		return errors.New("give either a public key or a JWKS URL to verify tokens with")
	}
	if c.Leeway < 0 || c.Leeway > MaxLeeway {
		return fmt.Errorf("leeway %s is not between 0s and %s", c.Leeway, MaxLeeway)
	}
	return nil
}

// Verifier verifies tokens. It is safe for concurrent use.
type Verifier struct {
	parser *jwt.Parser
	key    jwt.Keyfunc
}

// NewVerifier returns a Verifier. With a JWKS URL the key set is fetched now and
// again until ctx ends; that it can't be fetched now is no error, tokens are
// refused until it can.
func NewVerifier(ctx context.Context, cfg Config, now func() time.Time) (*Verifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	key, err := cfg.keyfunc(ctx)
	if err != nil {
		return nil, err
	}
	opts := []jwt.ParserOption{
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(cfg.Leeway),
		jwt.WithTimeFunc(now),
		jwt.WithStrictDecoding(),
	}
	if cfg.Issuer != "" {
		opts = append(opts, jwt.WithIssuer(cfg.Issuer))
	}
	if cfg.Audience != "" {
		opts = append(opts, jwt.WithAudience(cfg.Audience))
	}
	return &Verifier{parser: jwt.NewParser(opts...), key: key}, nil
}

func (c Config) keyfunc(ctx context.Context) (jwt.Keyfunc, error) {
	if c.JWKSURL != "" {
		set, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{c.JWKSURL}, keyfunc.Override{
			HTTPTimeout: fetchTimeout,
			// A token with an unknown key id makes the set be fetched again, now and
			// then; all others like it are refused at once instead of queueing.
			RateLimitWaitMax: time.Millisecond,
		})
		if err != nil {
			return nil, fmt.Errorf("fetch keys from %s: %w", c.JWKSURL, err)
		}
		return set.Keyfunc, nil
	}
	key, err := LoadPublicKey(c.PublicKey)
	if err != nil {
		return nil, err
	}
	return func(*jwt.Token) (any, error) { return key, nil }, nil
}

// Verify returns who a token speaks for, or an error that wraps ErrInvalid.
func (v *Verifier) Verify(raw string) (Identity, error) {
	var claims claims
	if _, err := v.parser.ParseWithClaims(raw, &claims, v.key); err != nil {
		return Identity{}, fmt.Errorf("%w: %s", ErrInvalid, refusal(err))
	}
	if claims.Subject == "" {
		return Identity{}, fmt.Errorf("%w: it has no subject (claim sub)", ErrInvalid)
	}
	return Identity{Subject: claims.Subject, Roles: claims.roles()}, nil
}

// refusal says what is wrong in words that help an honest client and tell
// nothing about keys.
func refusal(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "it has expired"
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return "it lacks a required claim (exp, and iss or aud where configured)"
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return "it is not valid yet"
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return "it is from another issuer"
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return "it is for another audience"
	case errors.Is(err, jwt.ErrTokenMalformed):
		return "it is not a JSON Web Token"
	default:
		return "its signature is not an RS256 signature by a known key"
	}
}

// claims are the registered claims and the spellings of roles in use: a list
// roles, a word role, and scope, a list separated by blanks (RFC 8693).
type claims struct {
	jwt.RegisteredClaims
	Roles []string `json:"roles,omitempty"`
	Role  string   `json:"role,omitempty"`
	Scope string   `json:"scope,omitempty"`
}

func (c claims) roles() []string {
	roles := slices.Clone(c.Roles)
	if c.Role != "" {
		roles = append(roles, c.Role)
	}
	return append(roles, strings.Fields(c.Scope)...)
}

// Issuer signs tokens, for the local stack, tests and people without an identity
// provider.
type Issuer struct {
	// Key signs.
	Key *rsa.PrivateKey
	// Issuer and Audience are the claims iss and aud; left out when empty.
	Issuer, Audience string
}

// Issue returns a signed token for an identity that is good from now for ttl.
func (i Issuer) Issue(id Identity, now time.Time, ttl time.Duration) (string, error) {
	if id.Subject == "" {
		return "", errors.New("issue token: subject is empty")
	}
	if ttl <= 0 {
		return "", fmt.Errorf("issue token: a lifetime of %s is over before it begins", ttl)
	}
	c := claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   id.Subject,
			Issuer:    i.Issuer,
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
		},
		Roles: id.Roles,
	}
	if i.Audience != "" {
		c.Audience = jwt.ClaimStrings{i.Audience}
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, c).SignedString(i.Key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}
