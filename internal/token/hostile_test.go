package token_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/internal/token"
)

// The clock of these tests stands at 1793534400.
func clock() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }

const goodHeader = `{"alg":"RS256","typ":"JWT"}`

// claimsWith writes good claims with some of them replaced: name, literal, name,
// literal. The literal "-" leaves a claim out. Names that are not among the good
// ones are added, so that a name may stand there twice.
func claimsWith(changes ...string) string {
	names := []string{"sub", "iss", "aud", "exp"}
	literals := map[string]string{"sub": `"cust-1"`, "iss": `"https://id.example"`, "aud": `"orderplane"`, "exp": "1793538000"}
	var more []string
	for i := 0; i < len(changes); i += 2 {
		if _, known := literals[changes[i]]; known {
			literals[changes[i]] = changes[i+1]
			continue
		}
		more = append(more, `"`+changes[i]+`":`+changes[i+1])
	}
	var members []string
	for _, name := range names {
		if literals[name] != "-" {
			members = append(members, `"`+name+`":`+literals[name])
		}
	}
	return "{" + strings.Join(append(members, more...), ",") + "}"
}

// signed signs header and claims as they are, however broken.
func signed(t testing.TB, key *rsa.PrivateKey, header, claims string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func strictVerifier(t testing.TB, key *rsa.PrivateKey) *token.Verifier {
	t.Helper()
	verifier, err := token.NewVerifier(t.Context(), token.Config{
		PublicKey: publicPEM(t, key), Issuer: "https://id.example", Audience: "orderplane", Leeway: 30 * time.Second,
	}, clock)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// hostile is a token that is signed well and must be refused, and a word that the
// refusal says.
type hostile struct{ name, header, claims, want string }

func hostileHeaders() []hostile {
	return []hostile{
		{"crit of a known claim", `{"alg":"RS256","crit":["exp"],"exp":1}`, "", "crit"},
		{"crit of b64", `{"alg":"RS256","crit":["b64"],"b64":false}`, "", "crit"},
		{"crit of nothing", `{"alg":"RS256","crit":[]}`, "", "crit"},
		{"crit null", `{"alg":"RS256","crit":null}`, "", "crit"},
		{"crit in capitals", `{"alg":"RS256","CRIT":["x"]}`, "", "CRIT"},
		{"b64 false", `{"alg":"RS256","b64":false}`, "", "b64"},
		{"b64 true", `{"alg":"RS256","b64":true}`, "", "b64"},
		{"B64", `{"alg":"RS256","B64":false}`, "", "B64"},
		{"alg twice", `{"alg":"none","alg":"RS256"}`, "", "alg"},
		{"alg twice, escaped", `{"alg":"RS256","\u0061lg":"RS256"}`, "", "alg"},
		{"alg and ALG", `{"alg":"RS256","ALG":"none"}`, "", "ALG"},
		{"alg and Alg", `{"Alg":"none","alg":"RS256"}`, "", "Alg"},
		{"kid twice", `{"alg":"RS256","kid":"a","kid":"b"}`, "", "kid"},
		{"kid and KID", `{"alg":"RS256","kid":"a","KID":"b"}`, "", "KID"},
		{"typ twice", `{"alg":"RS256","typ":"JWT","typ":"JWT"}`, "", "typ"},
		{"a member of an object twice", `{"alg":"RS256","jwk":{"n":"a","n":"b"}}`, "", "n"},
		{"kid a number", `{"alg":"RS256","kid":1}`, "", "kid"},
		{"kid null", `{"alg":"RS256","kid":null}`, "", "kid"},
		{"kid a list", `{"alg":"RS256","kid":["a"]}`, "", "kid"},
		{"kid half a character", `{"alg":"RS256","kid":"\ud800"}`, "", "kid"},
		{"kid not UTF-8", "{\"alg\":\"RS256\",\"kid\":\"\xff\"}", "", "kid"},
		{"name not UTF-8", "{\"alg\":\"RS256\",\"\xff\":1}", "", "header"},
		{"a list", `["RS256"]`, "", "header"},
		{"a string", `"RS256"`, "", "header"},
		{"null", `null`, "", "header"},
		{"empty", ``, "", "header"},
		{"cut off", `{"alg":"RS256"`, "", "header"},
		{"two values", `{"alg":"RS256"}{"alg":"none"}`, "", "header"},
		{"something after it", `{"alg":"RS256"} x`, "", "header"},
		{"BOM", "\ufeff" + `{"alg":"RS256"}`, "", "header"},
		{"comma too many", `{"alg":"RS256",}`, "", "header"},
		{"comment", `{"alg":"RS256"/**/}`, "", "header"},
		{"deep", `{"alg":"RS256","x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, "", "header"},
		{"alg none", `{"alg":"none"}`, "", "RS256"},
		{"alg None", `{"alg":"None"}`, "", "RS256"},
		{"alg in small letters", `{"alg":"rs256"}`, "", "RS256"},
		{"alg with a blank", `{"alg":"RS256 "}`, "", "RS256"},
		{"alg RS384", `{"alg":"RS384"}`, "", "RS256"},
		{"alg PS256", `{"alg":"PS256"}`, "", "RS256"},
		{"alg ES256", `{"alg":"ES256"}`, "", "RS256"},
		{"alg HS256", `{"alg":"HS256"}`, "", "RS256"},
		{"alg a list", `{"alg":["RS256"]}`, "", "RS256"},
		{"alg a number", `{"alg":256}`, "", "RS256"},
		{"alg null", `{"alg":null}`, "", "RS256"},
		{"no alg", `{"typ":"JWT"}`, "", "RS256"},
	}
}

func hostileShapes() []hostile {
	return []hostile{
		{"claims a list", "", `[]`, "claims"},
		{"claims a string", "", `"cust-1"`, "claims"},
		{"claims null", "", `null`, "claims"},
		{"claims a number", "", `1`, "claims"},
		{"claims empty", "", ` `, "claims"},
		{"claims cut off", "", `{"sub":"cust-1"`, "claims"},
		{"claims twice", "", claimsWith() + claimsWith("sub", `"ops"`), "claims"},
		{"something after the claims", "", claimsWith() + "x", "claims"},
		{"claims with BOM", "", "\ufeff" + claimsWith(), "claims"},
		{"claims not UTF-8", "", claimsWith("name", "\"\xff\""), "name"},
		{"claims with half a character", "", claimsWith("name", `"\udc00"`), "name"},
		{"claims too deep", "", claimsWith("x", strings.Repeat("[", 1000)+strings.Repeat("]", 1000)), "claims"},
		{"sub twice", "", `{"sub":"ops-1",` + claimsWith()[1:], "sub"},
		{"sub twice, escaped", "", claimsWith(`s\u0075b`, `"ops-1"`), "sub"},
		{"exp twice", "", `{"exp":1,` + claimsWith()[1:], "exp"},
		{"aud twice", "", `{"aud":"shop",` + claimsWith()[1:], "aud"},
		{"iss twice", "", `{"iss":"x",` + claimsWith()[1:], "iss"},
		{"roles twice", "", claimsWith("roles", `[]`, "roles", `["ops"]`), "roles"},
		{"scope twice", "", claimsWith("scope", `"a"`, "scope", `"ops"`), "scope"},
		{"realm roles twice", "", claimsWith("realm_access", `{"roles":[],"roles":["ops"]}`), "roles"},
		{"a claim nobody needs, twice", "", claimsWith("name", `"a"`, "name", `"b"`), "name"},
		{"sub and SUB", "", claimsWith("SUB", `"ops-1"`), "SUB"},
		{"Exp alone", "", claimsWith("exp", "-", "Exp", "1793538000"), "Exp"},
		{"aud and Aud", "", claimsWith("Aud", `"orderplane"`), "Aud"},
	}
}

func hostileClaims() []hostile {
	var all []hostile
	for _, literal := range []string{`"1793538000"`, `""`, `null`, `true`, `[1793538000]`, `{"a":1}`, `1e400`, `1e300`, `99999999999999`, `-1e400`} {
		for _, name := range []string{"exp", "nbf", "iat"} {
			all = append(all, hostile{name + " " + literal, "", claimsWith(name, literal), name})
		}
	}
	for _, literal := range []string{`null`, `1`, `true`, `["cust-1"]`, `{"a":1}`} {
		all = append(all, hostile{"sub " + literal, "", claimsWith("sub", literal), "sub"},
			hostile{"iss " + literal, "", claimsWith("iss", literal), "iss"})
	}
	for _, sub := range []string{
		``, ` `, ` cust-1`, `cust-1 `, `cust 1`, `cust-1\u0000`, `\u0000`, `cust-1\n`, `cust\n1`, `cust\r\n1`, `cust\t1`, `cust\u007f`, `cust\u0085`,
		`\u00a0cust`, `m\u00fcller`, `cust\u200b`, `\u202ecust`, `\ufeffcust`, `\ud83d\ude00`, `cust\u2028`, strings.Repeat("a", 256), strings.Repeat("a", 5000),
	} {
		all = append(all, hostile{"sub " + sub[:min(len(sub), 30)], "", claimsWith("sub", `"`+sub+`"`), "sub"})
	}
	for _, literal := range []string{`null`, `1`, `{"orderplane":1}`, `["orderplane",1]`} {
		all = append(all, hostile{"aud " + literal, "", claimsWith("aud", literal), "aud"})
	}
	return append(all,
		hostile{"no sub", "", claimsWith("sub", "-"), "sub"},
		hostile{"sub half a character", "", claimsWith("sub", `"cust\ud800"`), "sub"},
		hostile{"no exp", "", claimsWith("exp", "-"), "exp"},
		hostile{"exp 0", "", claimsWith("exp", "0"), "expired"},
		hostile{"exp below zero", "", claimsWith("exp", "-1793538000"), "expired"},
		hostile{"expired by a fraction", "", claimsWith("exp", "1793534369.9"), "expired"},
		hostile{"not yet by a fraction", "", claimsWith("nbf", "1793534430.1"), "not valid yet"},
		hostile{"iat an hour ahead", "", claimsWith("iat", "1793537990"), "iat"},
		hostile{"iat beyond the leeway", "", claimsWith("iat", "1793534431"), "iat"},
		hostile{"no iss", "", claimsWith("iss", "-"), "iss"},
		hostile{"iss in capitals", "", claimsWith("iss", `"HTTPS://ID.EXAMPLE"`), "another issuer"},
		hostile{"no aud", "", claimsWith("aud", "-"), "aud"},
		hostile{"aud empty", "", claimsWith("aud", `[]`), "aud"},
		hostile{"aud others", "", claimsWith("aud", `["shop","orderplane2"]`), "another audience"},
	)
}

func TestSubjectsOfManyProviders(t *testing.T) {
	key := newKey(t)
	verifier := strictVerifier(t, key)
	for _, sub := range []string{
		"1", "cust-1", "auth0|5f7c8ec7c33c6c004bbafe82", "o'neill@example.com", "AItOawmwtWwcT0k51BayewNvutrJUqsvl6qs7A4/+=_-",
		"uid=jane,ou=people,dc=example,dc=com", "google-oauth2|1234", "https://id.example/users/1?a=b&c=d", "a<b>c", `back\slash"quote`,
		"~!@#$%^&*()_+{}[]:;", strings.Repeat("x", 255),
	} {
		literal := strings.ReplaceAll(strings.ReplaceAll(sub, `\`, `\\`), `"`, `\"`)
		got, err := verifier.Verify(signed(t, key, goodHeader, claimsWith("sub", `"`+literal+`"`)))
		if err != nil || got.Subject != sub {
			t.Errorf("%s: identity = %+v, err = %v", sub, got, err)
		}
	}
}

func TestIssuerAndAudienceDoNotMatterUnlessConfigured(t *testing.T) {
	key := newKey(t)
	verifier, err := token.NewVerifier(t.Context(), token.Config{PublicKey: publicPEM(t, key)}, clock)
	if err != nil {
		t.Fatal(err)
	}
	for _, literal := range []string{`1`, `null`, `{}`, `[1,"x"]`, `"x"`, "-"} {
		if _, err := verifier.Verify(signed(t, key, goodHeader, claimsWith("aud", literal, "iss", literal))); err != nil {
			t.Errorf("aud and iss %s: %v", literal, err)
		}
	}
}

func TestRolesFromAConfiguredClaim(t *testing.T) {
	key := newKey(t)
	for _, tc := range []struct {
		path, claims string
		want         []string
	}{
		{"groups", claimsWith("groups", `["ops"]`), []string{"ops"}},
		{"groups", claimsWith("groups", `"read ops"`), []string{"read", "ops"}},
		{"groups", claimsWith("roles", `["ops"]`, "scope", `"ops"`), nil},
		{"groups", claimsWith("groups", `{"ops":1}`), nil},
		{"resource_access.orderplane.roles", claimsWith("resource_access", `{"orderplane":{"roles":["ops"]}}`), []string{"ops"}},
		{"resource_access.orderplane.roles", claimsWith("resource_access", `{"shop":{"roles":["ops"]}}`), nil},
		{"resource_access.my.client.roles", claimsWith("resource_access", `{"my.client":{"roles":["ops"]}}`), []string{"ops"}},
		{"https://example.com/roles", claimsWith("https://example.com/roles", `["ops"]`), []string{"ops"}},
		{"https://example.com/app.roles", claimsWith("https://example.com/app", `{"roles":"ops"}`), []string{"ops"}},
		{"a.b", claimsWith("a.b", `["exact"]`, "a", `{"b":["nested"]}`), []string{"exact"}},
		{"a.b", claimsWith("a", `["x"]`), nil},
	} {
		t.Run(tc.path+" "+tc.claims, func(t *testing.T) {
			verifier, err := token.NewVerifier(t.Context(), token.Config{PublicKey: publicPEM(t, key), RolesClaim: tc.path}, clock)
			if err != nil {
				t.Fatal(err)
			}
			got, err := verifier.Verify(signed(t, key, goodHeader, tc.claims))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.Roles); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, bad := range []string{".roles", "roles.", "a..b", " roles", "roles\n"} {
		if err := (token.Config{PublicKey: "a", RolesClaim: bad}).Validate(); err == nil || !strings.Contains(err.Error(), "JWT_ROLES_CLAIM") {
			t.Errorf("roles claim %q: err = %v", bad, err)
		}
	}
}
