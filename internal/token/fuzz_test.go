package token_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/domain/ids"
)

// FuzzVerify signs whatever header and claims it is given. What is accepted names
// somebody, and names nobody else when it is spelt differently.
func FuzzVerify(f *testing.F) {
	key := newKey(f)
	verifier := strictVerifier(f, key)
	for _, tc := range hostileHeaders() {
		f.Add(tc.header, claimsWith())
	}
	for _, tc := range append(hostileShapes(), hostileClaims()...) {
		f.Add(goodHeader, tc.claims)
	}
	f.Add(goodHeader, claimsWith("roles", `["ops"]`, "realm_access", `{"roles":["x"]}`))
	f.Fuzz(func(t *testing.T, header, claims string) {
		raw := signed(t, key, header, claims)
		id, err := verifier.Verify(raw)
		if err != nil {
			return
		}
		if !ids.IsSubject(id.Subject) {
			t.Errorf("accepted the subject %q", id.Subject)
		}
		// The unsigned bits of the last character.
		last := raw[:len(raw)-1]
		for _, c := range base64.URLEncoding.EncodeToString([]byte{0, 16, 131}) {
			if other := last + string(c); other != raw {
				if _, err := verifier.Verify(other); err == nil {
					t.Errorf("two spellings of one token are good: %s", other)
				}
			}
		}
	})
}

// FuzzUnsigned gives text that nobody signed: it is never good, and never a panic.
func FuzzUnsigned(f *testing.F) {
	key := newKey(f)
	verifier := strictVerifier(f, key)
	good := signed(f, key, goodHeader, claimsWith())
	for _, raw := range []string{"", ".", "..", "...", good[:len(good)-4], "." + good, good + ".", strings.ToUpper(good)} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if id, err := verifier.Verify(raw); err == nil && raw != good {
			t.Errorf("%q is accepted as %+v", raw, id)
		}
	})
}
