package token

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// scopeToken is what one scope may be (RFC 6749, 3.3).
var scopeToken = regexp.MustCompile(`^[!#-\[\]-~]+$`)

// mediaType is what a type may be: a name as media types have, without parameters.
var mediaType = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9!#$&^_.+/-]*$`)

func (c Config) validateProfile() error {
	if c.RequiredType != "" && !mediaType.MatchString(c.RequiredType) {
		return fmt.Errorf("JWT_REQUIRED_TYPE: %q is no type of a token such as at+jwt", c.RequiredType)
	}
	for _, scope := range c.RequiredScopes {
		if !scopeToken.MatchString(scope) {
			return fmt.Errorf("JWT_REQUIRED_SCOPES: %q is no scope; write them with commas between, such as orders,inventory", scope)
		}
	}
	return nil
}

// checkType compares types as media types: capitals and a prefix application/ don't matter
// (RFC 7515, 4.1.9; RFC 9068, 4).
func (c Config) checkType(h header) error {
	if c.RequiredType == "" || shortType(h.typ) == shortType(c.RequiredType) {
		return nil
	}
	return fmt.Errorf("it is no token of the type %s (header typ)", c.RequiredType)
}

func shortType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}

// checkScopes looks for the scopes where RFC 9068 and other providers have them.
func (c Config) checkScopes(members map[string]jsontext.Value) error {
	if len(c.RequiredScopes) == 0 {
		return nil
	}
	has := append(rolesOf(members["scope"]), rolesOf(members["scp"])...)
	for _, scope := range c.RequiredScopes {
		if !slices.Contains(has, scope) {
			return fmt.Errorf("it lacks the scope %s (claim scope or scp)", scope)
		}
	}
	return nil
}
