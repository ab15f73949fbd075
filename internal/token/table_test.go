package token_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/internal/token"
)

// forged is a token that nobody signed as it stands there.
type forged struct{ name, raw string }

// malformed are tokens that are not three parts of base64url, or are with something around them.
func malformed(good string) []forged {
	parts := strings.Split(good, ".")
	all := []forged{
		{"nothing", ""},
		{"two parts", parts[0] + "." + parts[1]},
		{"no signature", parts[0] + "." + parts[1] + "."},
		{"four parts", good + "."},
		{"five parts, as if encrypted", good + "." + parts[1] + "." + parts[2]},
		{"padding", good + "=="},
		{"padding of the claims", parts[0] + "." + parts[1] + "=." + parts[2]},
		{"a line break in it", good[:20] + "\n" + good[20:]},
		{"a carriage return in it", good[:20] + "\r\n" + good[20:]},
		{"a blank in it", good[:20] + " " + good[20:]},
		{"a NUL in it", good[:20] + "\x00" + good[20:]},
		{"no claims", parts[0] + ".." + parts[2]},
		{"no header", "." + parts[1] + "." + parts[2]},
		{"only dots", ".."},
		{"header and claims changed over", parts[1] + "." + parts[0] + "." + parts[2]},
		{"two tokens", good + "," + good},
		{"the scheme twice", "Bearer " + good},
		{"JSON serialization", `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`},
		{"in capitals", strings.ToUpper(good)},
		{"very long", good + strings.Repeat("A", 20_000)},
		{"a percent sign", strings.Replace(good, ".", "%2e", 1)},
		{"the alphabet of base64", parts[0] + "." + parts[1] + "." + strings.Repeat("+/", len(parts[2])/2)},
		{"another script", "é" + good},
	}
	for _, space := range []string{" ", "\t", "\n", "\r\n", "\u00a0", "\ufeff"} {
		all = append(all, forged{fmt.Sprintf("%q before", space), space + good}, forged{fmt.Sprintf("%q after", space), good + space})
	}
	return all
}

// signedByOthers have a signature that is not the key's over this header and these claims.
func signedByOthers(t testing.TB, key *rsa.PrivateKey, good string) []forged {
	t.Helper()
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	with := func(signature []byte) string { return parts[0] + "." + parts[1] + "." + encode(signature) }
	unsigned := encode([]byte(`{"alg":"HS256"}`)) + "." + parts[1]
	mac := hmac.New(sha256.New, []byte(publicPEM(t, key)))
	mac.Write([]byte(unsigned))
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	pss, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	all := []forged{
		{"another key", signed(t, newKey(t), goodHeader, claimsWith())},
		{"HS256 with the public key as the secret", unsigned + "." + encode(mac.Sum(nil))},
		{"none, and no signature", encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."},
		{"none, and a signature", encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + "." + parts[2]},
		{"PSS", with(pss)},
		{"other claims", parts[0] + "." + encode([]byte(claimsWith("sub", `"ops-1"`))) + "." + parts[2]},
		{"another header", encode([]byte(`{"alg":"RS256"}`)) + "." + parts[1] + "." + parts[2]},
		{"the same header, written otherwise", encode([]byte(`{"alg": "RS256","typ":"JWT"}`)) + "." + parts[1] + "." + parts[2]},
		{"zeros", with(make([]byte, len(signature)))},
		{"one", with(append(make([]byte, len(signature)-1), 1))},
		{"the modulus", with(key.N.Bytes())},
		{"a zero before it", with(append([]byte{0}, signature...))},
		{"a zero after it", with(append(slices.Clone(signature), 0))},
		{"twice", with(append(slices.Clone(signature), signature...))},
		{"a byte short", with(signature[:len(signature)-1])},
		{"without its first byte", with(signature[1:])},
		{"backwards", with(reversed(signature))},
		{"another spelling of the last bits", good[:len(good)-1] + nextSpelling(good[len(good)-1])},
	}
	for at := 0; at < len(signature); at += 16 {
		changed := slices.Clone(signature)
		changed[at] ^= 1
		all = append(all, forged{fmt.Sprintf("one bit of byte %d", at), with(changed)})
	}
	return all
}

func reversed(b []byte) []byte {
	b = slices.Clone(b)
	slices.Reverse(b)
	return b
}

// nextSpelling is the character after one in the alphabet: 256 bytes leave four bits of the last
// character unused.
func nextSpelling(last byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, last)+1])
}

// good is a token that must be accepted.
type good struct {
	name, header, claims string
	want                 token.Identity
}

func goodTokens() []good {
	customer := func(roles ...string) token.Identity { return token.Identity{Subject: "cust-1", Roles: roles} }
	return []good{
		{"roles, a list", "", claimsWith("roles", `["ops","x"]`), customer("ops", "x")},
		{"roles, one word", "", claimsWith("roles", `"ops"`), customer("ops")},
		{"role, one word", "", claimsWith("role", `"ops"`), customer("ops")},
		{"role, a list", "", claimsWith("role", `["ops"]`), customer("ops")},
		{"scope, words", "", claimsWith("scope", `"openid ops"`), customer("openid", "ops")},
		{"scope, a list", "", claimsWith("scope", `["openid","ops"]`), customer("openid", "ops")},
		{"scp, words", "", claimsWith("scp", `"read ops"`), customer("read", "ops")},
		{"scp, a list", "", claimsWith("scp", `["read","ops"]`), customer("read", "ops")},
		{"realm_access", "", claimsWith("realm_access", `{"roles":["ops"]}`), customer("ops")},
		{"several", "", claimsWith("scope", `"read"`, "roles", `["ops"]`), customer("ops", "read")},
		{"roles null", "", claimsWith("roles", `null`, "role", `"ops"`), customer("ops")},
		{"roles a number", "", claimsWith("roles", `7`), customer()},
		{"roles an object", "", claimsWith("roles", `{"ops":true}`), customer()},
		{"roles of many shapes", "", claimsWith("roles", `[1,{"name":"x"},null,"ops",["y"]]`), customer("ops")},
		{"roles empty", "", claimsWith("roles", `""`, "role", `[]`, "scope", `" "`), customer()},
		{"role an object", "", claimsWith("role", `{"name":"ops"}`), customer()},
		{"scope false", "", claimsWith("scope", `false`), customer()},
		{"realm_access a word", "", claimsWith("realm_access", `"ops"`), customer()},
		{"realm_access without roles", "", claimsWith("realm_access", `{"roles":3}`), customer()},
		{"Roles is another claim", "", claimsWith("Roles", `["ops"]`), customer()},
		{"a list's entry with a blank is one role", "", claimsWith("roles", `["no ops"]`), customer("no ops")},
		{"audience, a list", "", claimsWith("aud", `["shop","orderplane"]`), customer()},
		{"exp with a fraction", "", claimsWith("exp", `1793534370.5`), customer()},
		{"exp with an exponent", "", claimsWith("exp", `1.793538e9`), customer()},
		{"nbf with a fraction", "", claimsWith("nbf", `1793534429.75`), customer()},
		{"iat within the leeway", "", claimsWith("iat", `1793534430`), customer()},
		{"iat long ago", "", claimsWith("iat", `0`), customer()},
		{"nbf below zero", "", claimsWith("nbf", `-1`), customer()},
		{"claims nobody needs, of any shape", "", claimsWith("jti", `7`, "name", `{"first":1}`, "email", `false`, "nonce", `[[]]`, "azp", `null`, "auth_time", `"x"`, "groups", `1e400`), customer()},
		{"at+jwt", `{"alg":"RS256","typ":"at+jwt"}`, claimsWith(), customer()},
		{"where its key might be", `{"alg":"RS256","jku":"https://evil.example","x5t":"x","kid":"k"}`, claimsWith(), customer()},
	}
}

// Every bad token is refused, those that are signed well with the reason, and every good one is
// accepted. The verifier is the same for all of them, and remembers what was good.
func TestTokens(t *testing.T) {
	key := newKey(t)
	verifier := strictVerifier(t, key)
	refused := 0
	check := func(name, raw, reason string) {
		t.Helper()
		refused++
		id, err := verifier.Verify(raw)
		switch {
		case !errors.Is(err, token.ErrInvalid):
			t.Errorf("%s: %.300q is accepted as %+v, err = %v", name, raw, id, err)
		case !strings.Contains(err.Error(), reason):
			t.Errorf("%s: err = %v, want one that says %q", name, err, reason)
		}
	}
	first := signed(t, key, goodHeader, claimsWith())
	var good, bad []string // signing takes long under the race detector, so each is signed once
	for _, tc := range goodTokens() {
		header := tc.header
		if header == "" {
			header = goodHeader
		}
		good = append(good, signed(t, key, header, tc.claims))
	}
	unsigned := append(malformed(first), signedByOthers(t, key, first)...)
	hostile := slices.Concat(hostileHeaders(), hostileShapes(), hostileClaims())
	for _, tc := range hostile {
		header, claims := tc.header, tc.claims
		if claims == "" {
			claims = claimsWith()
		} else {
			header = goodHeader
		}
		bad = append(bad, signed(t, key, header, claims))
	}
	for range 2 { // the second time the good ones are remembered
		for n, tc := range goodTokens() {
			got, err := verifier.Verify(good[n])
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
			} else if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: %s", tc.name, diff)
			}
		}
		if _, err := verifier.Verify(first); err != nil {
			t.Error(err)
		}
		refused = 0
		for _, tc := range unsigned {
			check(tc.name, tc.raw, "")
		}
		for n, tc := range hostile {
			check(tc.name, bad[n], tc.want)
		}
	}
	t.Logf("%d bad tokens and %d good ones", refused, len(goodTokens())+1)
	if refused < 200 {
		t.Errorf("only %d bad tokens", refused)
	}
}
