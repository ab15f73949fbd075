package token

import (
	"crypto/rsa"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/orderplane/orderplane/internal/domain/ids"
)

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
	if !ids.IsSubject(id.Subject) {
		return "", fmt.Errorf("issue token: subject %q must be 1 to 255 visible ASCII characters without blanks", id.Subject)
	}
	if ttl <= 0 {
		return "", fmt.Errorf("issue token: a lifetime of %s is over before it begins", ttl)
	}
	c := jwt.MapClaims{"sub": id.Subject, "iat": now.Unix(), "exp": now.Add(ttl).Unix()}
	if len(id.Roles) > 0 {
		c["roles"] = id.Roles
	}
	if i.Issuer != "" {
		c["iss"] = i.Issuer
	}
	if i.Audience != "" {
		c["aud"] = i.Audience
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, c).SignedString(i.Key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}
