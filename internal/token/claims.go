package token

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"github.com/orderplane/orderplane/internal/domain/ids"
)

// maxSeconds is the last second of the year 9999, the last that a date has.
const maxSeconds = 253402300799

// claims are the claims that matter. Every other one is passed over, whatever its
// shape is.
type claims struct {
	subject, issuer            string
	audience                   jwt.ClaimStrings
	expires, notBefore, issued *jwt.NumericDate
	roles                      []string
}

// readClaims reads the claims that are needed under this configuration, and
// refuses those of the wrong shape.
func (c Config) readClaims(text []byte) (*claims, error) {
	members, err := readObject("claims", text, "sub", "exp", "nbf", "iat", "iss", "aud")
	if err != nil {
		return nil, err
	}
	read := &claims{roles: c.rolesIn(members)}
	if read.expires, err = dateIn(members, "exp"); err != nil {
		return nil, err
	}
	if read.notBefore, err = dateIn(members, "nbf"); err != nil {
		return nil, err
	}
	if read.issued, err = dateIn(members, "iat"); err != nil {
		return nil, err
	}
	if read.subject, err = subjectIn(members); err != nil {
		return nil, err
	}
	if c.Issuer != "" {
		if read.issuer, err = issuerIn(members); err != nil {
			return nil, err
		}
	}
	if c.Audience != "" {
		if read.audience, err = audienceIn(members); err != nil {
			return nil, err
		}
	}
	if err := c.checkScopes(members); err != nil {
		return nil, err
	}
	return read, nil
}

func subjectIn(members map[string]jsontext.Value) (string, error) {
	value, there := members["sub"]
	if !there {
		return "", errors.New("it has no subject (claim sub)")
	}
	subject, _ := asText(value)
	if !ids.IsSubject(subject) {
		return "", errors.New("its claim sub must be 1 to 255 visible ASCII characters without blanks")
	}
	return subject, nil
}

func issuerIn(members map[string]jsontext.Value) (string, error) {
	issuer, ok := asText(members["iss"])
	if _, there := members["iss"]; there && !ok {
		return "", errors.New("its claim iss must be a string")
	}
	return issuer, nil
}

func audienceIn(members map[string]jsontext.Value) (jwt.ClaimStrings, error) {
	value, there := members["aud"]
	if !there {
		return nil, nil
	}
	if one, ok := asText(value); ok {
		return jwt.ClaimStrings{one}, nil
	}
	entries, ok := asList(value)
	audience := make(jwt.ClaimStrings, 0, len(entries))
	for _, entry := range entries {
		one, isText := asText(entry)
		audience, ok = append(audience, one), ok && isText
	}
	if !ok {
		return nil, errors.New("its claim aud must be a string or a list of strings")
	}
	return audience, nil
}

// dateIn reads seconds since 1970, which may have a fraction (RFC 7519, 2).
func dateIn(members map[string]jsontext.Value, name string) (*jwt.NumericDate, error) {
	literal, there := members[name]
	if !there {
		return nil, nil
	}
	seconds, err := strconv.ParseFloat(string(literal), 64)
	if err != nil || math.Abs(seconds) > maxSeconds {
		return nil, fmt.Errorf("its claim %s must be a number of seconds since 1970", name)
	}
	whole, fraction := math.Modf(seconds)
	return &jwt.NumericDate{Time: time.Unix(int64(whole), int64(fraction*1e9))}, nil
}

// usualRoles are the claims that providers keep roles in.
func usualRoles() []string { return []string{"roles", "role", "scope", "scp", "realm_access.roles"} }

// rolesIn collects the roles of a token. A claim has them as a list, or as words
// between blanks as scope does (RFC 8693); entries of other shapes are no roles.
func (c Config) rolesIn(members map[string]jsontext.Value) []string {
	paths := usualRoles()
	if c.RolesClaim != "" {
		paths = []string{c.RolesClaim}
	}
	var roles []string
	for _, path := range paths {
		for _, role := range rolesOf(find(members, path)) {
			if !slices.Contains(roles, role) {
				roles = append(roles, role)
			}
		}
	}
	return roles
}

func rolesOf(value jsontext.Value) []string {
	if words, ok := asText(value); ok {
		return strings.Fields(words)
	}
	var roles []string
	entries, _ := asList(value)
	for _, entry := range entries {
		if role, ok := asText(entry); ok {
			roles = append(roles, role)
		}
	}
	return roles
}

// find follows a dotted path. A name may have dots itself, as URLs do: the
// longest name that is there goes first.
func find(members map[string]jsontext.Value, path string) jsontext.Value {
	if value, there := members[path]; there {
		return value
	}
	for end := strings.LastIndexByte(path, '.'); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		if below, ok := asObject(members[path[:end]]); ok {
			if value := find(below, path[end+1:]); value != nil {
				return value
			}
		}
	}
	return nil
}

// spelt returns the one of names that name is another spelling of, else name.
func spelt(name string, names []string) string {
	for _, known := range names {
		if strings.EqualFold(name, known) {
			return known
		}
	}
	return name
}

// The methods that the library validates claims by.

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expires, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.notBefore, nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.issued, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.audience, nil }
func (c *claims) GetIssuer() (string, error)                   { return c.issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.subject, nil }
