package token_test

import (
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/token"
)

func TestARequiredTypeAndRequiredScopes(t *testing.T) {
	key := newKey(t)
	verifier, err := token.NewVerifier(t.Context(), token.Config{
		PublicKey: publicPEM(t, key), RequiredType: "at+jwt", RequiredScopes: []string{"orders", "stock:read"},
	}, clock)
	if err != nil {
		t.Fatal(err)
	}
	const at = `{"alg":"RS256","typ":"at+jwt"}`
	scopes := claimsWith("scope", `"orders stock:read more"`)
	for _, tc := range []struct{ name, header, claims, want string }{
		{"both", at, scopes, ""},
		{"in capitals", `{"alg":"RS256","typ":"AT+JWT"}`, scopes, ""},
		{"in full", `{"alg":"RS256","typ":"application/at+jwt"}`, scopes, ""},
		{"scp, a list", at, claimsWith("scp", `["orders","stock:read"]`), ""},
		{"in two claims", at, claimsWith("scope", `"orders"`, "scp", `["stock:read"]`), ""},
		{"another type", goodHeader, scopes, "at+jwt"},
		{"no type", `{"alg":"RS256"}`, scopes, "at+jwt"},
		{"type a number", `{"alg":"RS256","typ":1}`, scopes, "at+jwt"},
		{"another spelling of typ", `{"alg":"RS256","Typ":"at+jwt"}`, scopes, "Typ"},
		{"no scope", at, claimsWith(), "scope orders"},
		{"one of two", at, claimsWith("scope", `"orders"`), "scope stock:read"},
		{"a longer scope", at, claimsWith("scope", `"orders2 stock:read"`), "scope orders"},
		{"roles are no scopes", at, claimsWith("roles", `["orders","stock:read"]`), "scope orders"},
	} {
		_, err := verifier.Verify(signed(t, key, tc.header, tc.claims))
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: err = %v, want one that says %q", tc.name, err, tc.want)
		}
	}
}

func TestABadTypeOrScopeIsRefusedAtTheStart(t *testing.T) {
	public := publicPEM(t, newKey(t))
	for want, cfg := range map[string]token.Config{
		"JWT_REQUIRED_TYPE":   {PublicKey: public, RequiredType: "at jwt"},
		"JWT_REQUIRED_SCOPES": {PublicKey: public, RequiredScopes: []string{"orders inventory"}},
	} {
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want one of %s", err, want)
		}
	}
}

func TestWhoSeesAndWhoChanges(t *testing.T) {
	for _, tc := range []struct {
		roles            []string
		sees, may, isOps bool
	}{
		{nil, false, true, false},
		{[]string{"ops"}, true, true, true},
		{[]string{"viewer"}, true, false, false},
		{[]string{"viewer", "ops"}, true, true, true},
		{[]string{"Viewer"}, false, true, false},
	} {
		id := token.Identity{Subject: "x", Roles: tc.roles}
		if id.SeesAll() != tc.sees || id.MayChange() != tc.may || id.IsOps() != tc.isOps {
			t.Errorf("%v: sees all %v, may change %v, ops %v", tc.roles, id.SeesAll(), id.MayChange(), id.IsOps())
		}
	}
}
