package token

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-logr/logr"
)

// RoleOps is the role that sees every order and runs the warehouse.
const RoleOps = "ops"

// RoleViewer is the role that sees whatever ops sees, and changes nothing.
const RoleViewer = "viewer"

// MaxLeeway is how far clocks may differ at most.
const MaxLeeway = time.Minute

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

// SeesAll says whether the identity sees what belongs to others.
func (i Identity) SeesAll() bool { return i.IsOps() || slices.Contains(i.Roles, RoleViewer) }

// MayChange says whether the identity may change anything, be it its own: a viewer who is not
// ops as well may not.
func (i Identity) MayChange() bool { return i.IsOps() || !slices.Contains(i.Roles, RoleViewer) }

// Config says which tokens are good. Exactly one of PublicKey and JWKSURL is set.
type Config struct {
	// PublicKey is an RSA public key as PEM, as base64 DER, or the path of a file.
	PublicKey string
	// JWKSURL is where a JSON Web Key Set with the public keys is fetched.
	JWKSURL string
	// Client fetches the key set; http.DefaultClient when nil.
	Client *http.Client
	// Log gets a line when fetching the key set begins to fail, and when it is well again.
	Log logr.Logger
	// Issuer that tokens must name, when not empty.
	Issuer string
	// Audience that tokens must name, when not empty.
	Audience string
	// RolesClaim is the dotted path of the claim that has the roles; the usual
	// claims when empty.
	RolesClaim string
	// RequiredType is the type that the header typ must name, when not empty: at+jwt keeps
	// out what is no access token, such as an ID token (RFC 9068, 4).
	RequiredType string
	// RequiredScopes are those that a token must have, all of them.
	RequiredScopes []string
	// Leeway is how far clocks may differ, at most MaxLeeway.
	Leeway time.Duration
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if (c.PublicKey == "") == (c.JWKSURL == "") {
		return errors.New("give either a public key or a JWKS URL to verify tokens with")
	}
	if err := c.validateJWKSURL(); err != nil {
		return err
	}
	if c.Leeway < 0 || c.Leeway > MaxLeeway {
		return fmt.Errorf("leeway %s is not between 0s and %s", c.Leeway, MaxLeeway)
	}
	if err := c.validateProfile(); err != nil {
		return err
	}
	return c.validateRolesClaim()
}

func (c Config) validateJWKSURL() error {
	if c.JWKSURL == "" {
		return nil
	}
	address, err := url.Parse(c.JWKSURL)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		return errors.New("JWT_JWKS_URL: give an address such as https://id.example.com/jwks.json")
	}
	return nil
}

// validateRolesClaim takes any name, as claims have, that could lead somewhere.
func (c Config) validateRolesClaim() error {
	path := c.RolesClaim
	if path == "" {
		return nil
	}
	blank := strings.ContainsFunc(path, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	if blank || strings.HasPrefix(path, ".") || strings.HasSuffix(path, ".") || strings.Contains(path, "..") {
		return fmt.Errorf("JWT_ROLES_CLAIM: %q is no path of claims such as roles or resource_access.shop.roles", path)
	}
	return nil
}
