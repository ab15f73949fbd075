package openapi_test

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"

	"github.com/orderplane/orderplane/api/openapi"
)

// severalLines are the texts that may have line breaks and tabs: code that people
// write as a block.
var severalLines = map[string]bool{
	"orders.spec.policy.autoApproveReturns": true,
	"orderclasses.spec.autoApproveReturns":  true,
}

// isParsed is whether a text is read by a rule of its own: a time span.
func isParsed(field string) bool {
	return field == "pendingTimeout" || field == "returnWindow" || field == "retention"
}

// controls are characters that no text of one line has: C0 with NUL and line
// breaks, DEL, C1, and Unicode's own line and paragraph separators.
func controls() []rune {
	all := []rune{0x7f, '\u2028', '\u2029'}
	for r := rune(0); r < 0x20; r++ {
		all = append(all, r, r+0x80)
	}
	return all
}

// letters are what names and addresses of the world are made of, and must stay.
const letters = "Ærøskøbing Łódź Ζωγράφου Хабаровск 東京都 서울 القاهرة 1/2 #3, c/o “O'Neill” & Sons – São\u00a0José 👩‍👧 \u200e(RTL)"

// No text that a client may send has a control character in it, in any kind and
// any request; letters of any script stay.
func TestTextsHaveNoControlCharacters(t *testing.T) {
	judges := map[string]func(string) error{}
	for _, plural := range []string{"orders", "stockitems", "stockadjustments", "stockreservations", "orderclasses"} {
		walkCRD(plural+".spec", specOf(t, plural), func(path, field string, s *apiextensions.JSONSchemaProps) {
			if s.Type == "string" && len(s.Enum) == 0 && s.Format == "" && !isParsed(field) {
				judges[path] = crdJudge(t, s)
			}
		})
	}
	doc, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range requests(doc) {
		walkREST(request.name, request.schema, func(path, _ string, s *openapi3.Schema) {
			if s.Type.Is("string") && len(s.Enum) == 0 && s.Format == "" {
				judges[path] = restJudge(s)
			}
		})
	}
	free := 0
	for path, judge := range judges {
		for _, r := range controls() {
			if severalLines[path] && (r == '\n' || r == '\t' || r == 0x2028 || r == 0x2029) {
				continue
			}
			for _, text := range []string{string(r) + "a1", "a" + string(r) + "1", "a1" + string(r)} {
				if judge(text) == nil {
					t.Errorf("%s takes %q", path, text)
				}
			}
		}
		if judge("a b") == nil { // any text, no identifier
			free++
			if err := judge(letters); err != nil && !strings.Contains(err.Error(), "long") && !strings.Contains(err.Error(), "length") {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if free < 15 {
		t.Errorf("only %d fields take texts", free)
	}
}

// An e-mail address is exactly one, and nothing else.
func TestEmailIsOneBareAddress(t *testing.T) {
	doc, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	crd := specOf(t, "orders").Properties["contact"].Properties["email"]
	judges := map[string]func(string) error{
		"CRD":  crdJudge(t, &crd),
		"REST": restJudge(doc.Components.Schemas["Contact"].Value.Properties["email"].Value),
	}
	good := []string{
		"x@y", "customer@example.com", "o'neill+shop@mail.example.co.uk", "a_b-c=d/e!f#g$h%i&j*k?l^m`n{o|p}q~r@example.com",
		"jürgen@müller.example", "用户@例子.example", "root@localhost", "a.b@xn--mller-kva.example",
	}
	bad := []string{
		"", "x", "@y", "x@", "x@y@z", "x@y,z@w", "x@y;z@w", "x@y z@w", "x@y, z@w", "Bob <x@y>", "<x@y>", "x@y\r\nBcc: z@w", "x@y\n", "\nx@y",
		"x@y\x00", " x@y", "x@y ", "x\t@y", "x(comment)@y", "mailto:x@y", "x@[127.0.0.1]", "x@y\u2028z", "x@y\u00a0", "x\u3000@y", `"x y"@z`, "x@y..z", "x@.y", "x@y.",
	}
	for name, judge := range judges {
		for _, address := range good {
			if err := judge(address); err != nil {
				t.Errorf("%s refuses %q: %v", name, address, err)
			}
		}
		for _, address := range bad {
			if judge(address) == nil {
				t.Errorf("%s takes %q", name, address)
			}
		}
	}
}
