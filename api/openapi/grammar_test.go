package openapi_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/api/openapi"
	"github.com/orderplane/orderplane/config"
	"github.com/orderplane/orderplane/internal/domain/ids"
)

// grammar is what one sort of identifier may look like, wherever it stands.
type grammar struct {
	// crd and rest are the names of the fields that hold it, in every spec of a
	// CRD and in every request of the REST document.
	crd, rest []string
	// good and bad are values that people really have.
	good, bad []string
	// alphabet makes more values, and is says what they should be. It is written
	// by hand, apart from any pattern.
	alphabet string
	is       func(string) bool
}

func grammars() map[string]grammar {
	return map[string]grammar{
		"subject": {
			crd: []string{"customerID", "onBehalfOf"}, rest: []string{"customerId"},
			good: []string{
				"c", "cust-001", "auth0|5f7c8ec7c33c6c004bbafe82", "o'neill@example.com", "uid=x,ou=people,dc=example,dc=com",
				"CgNib2ISBWxvY2Fs/+==", "_-", "https://idp.example/users/7#me", `DOMAIN\user`, "{\"a\":1}", strings.Repeat("s", 255),
			},
			bad:      []string{"", " c", "c ", "a b", "a\x00b", "a\nb", "a\x7f", "jürgen", strings.Repeat("s", 256)},
			alphabet: "aZ09 !~\x00\x1f\x7f\n=,/\\'\"|@é\u2028😀",
			is: func(s string) bool {
				for i := range len(s) {
					if s[i] <= ' ' || s[i] > '~' {
						return false
					}
				}
				return s != "" && len(s) <= 255
			},
		},
		"product": {
			crd: []string{"productID"}, rest: []string{"productId"},
			good: []string{"p", "prod-001", "x.v2", "0", "a.b.c", strings.Repeat("p", 63), strings.Repeat("a.", 31) + "a"},
			bad: []string{
				"", "P", "a_b", "-a", "a-", ".a", "a.", "a..b", "a.-b", "a-.b", "a b", "a/b", "a\n", "ä", strings.Repeat("p", 64),
			},
			alphabet: "az09.-..--A_ \n",
			is: func(s string) bool {
				if s == "" || len(s) > 63 {
					return false
				}
				for _, label := range strings.Split(s, ".") {
					if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" ||
						strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
						return false
					}
				}
				return true
			},
		},
	}
}

// isSubject is what the domain says of a subject.
func isSubject(value string) error {
	if !ids.IsSubject(value) {
		return errors.New("is no subject")
	}
	return nil
}

// values are the examples of a grammar, and more made from its alphabet.
func (g grammar) values(seed uint64) []string {
	all := append(slices.Clone(g.good), g.bad...)
	random := rand.New(rand.NewPCG(seed, 0))
	alphabet := []rune(g.alphabet)
	for n := range 2000 {
		length := 1 + n%8
		if n%50 == 0 {
			length = 60 + random.IntN(200)
		}
		value := make([]rune, length)
		for i := range value {
			value[i] = alphabet[random.IntN(len(alphabet))]
		}
		all = append(all, string(value))
	}
	return all
}

// An identifier has one grammar: every field of a CRD that holds it and every
// field of a REST request take the same values.
func TestOneGrammarEverywhere(t *testing.T) {
	const seed = 17
	doc, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, g := range grammars() {
		t.Run(name, func(t *testing.T) {
			judges := map[string]func(string) error{}
			if name == "subject" {
				judges["ids.IsSubject"] = isSubject
			}
			for _, plural := range []string{"orders", "stockitems", "stockadjustments", "stockreservations", "orderclasses"} {
				walkCRD(plural+".spec", specOf(t, plural), func(path, field string, s *apiextensions.JSONSchemaProps) {
					if slices.Contains(g.crd, field) {
						judges[path] = crdJudge(t, s)
					}
				})
			}
			for _, request := range requests(doc) {
				walkREST(request.name, request.schema, func(path, field string, s *openapi3.Schema) {
					if slices.Contains(g.rest, field) {
						judges[path] = restJudge(s)
					}
				})
			}
			if len(judges) < len(g.crd)+len(g.rest) {
				t.Fatalf("only %d fields hold it: %v", len(judges), judges)
			}
			for _, good := range g.good {
				if !g.is(good) {
					t.Errorf("%q should be good", good)
				}
			}
			for field, judge := range judges {
				wrong := 0
				for _, value := range g.values(seed) {
					if err := judge(value); (err == nil) != g.is(value) && wrong < 5 {
						wrong++
						t.Errorf("%s (seed %d): %.80q: good is %t, but the field says %v", field, seed, value, g.is(value), err)
					}
				}
			}
		})
	}
}

// specOf is the schema of a kind's spec.
func specOf(t *testing.T, plural string) *apiextensions.JSONSchemaProps {
	t.Helper()
	data, err := config.CRDs.ReadFile("crd/bases/orderplane.dev_" + plural + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(data, crd); err != nil {
		t.Fatal(err)
	}
	spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	internal := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&spec, internal, nil); err != nil {
		t.Fatal(err)
	}
	return internal
}

// crdJudge is what the API server says of a field's value by its schema.
func crdJudge(t *testing.T, s *apiextensions.JSONSchemaProps) func(string) error {
	t.Helper()
	validator, _, err := validation.NewSchemaValidator(s)
	if err != nil {
		t.Fatal(err)
	}
	return func(value string) error {
		return validation.ValidateCustomResource(nil, value, validator).ToAggregate()
	}
}

// restJudge is what the gateway's validator says of a field's value.
func restJudge(s *openapi3.Schema) func(string) error {
	return func(value string) error {
		if err := s.VisitJSON(value); err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			return errors.New(first)
		}
		return nil
	}
}

// walkCRD visits every property below a schema.
func walkCRD(path string, s *apiextensions.JSONSchemaProps, visit func(path, field string, s *apiextensions.JSONSchemaProps)) {
	for field := range s.Properties {
		property := s.Properties[field]
		visit(path+"."+field, field, &property)
		walkCRD(path+"."+field, &property, visit)
	}
	if s.Items != nil && s.Items.Schema != nil {
		walkCRD(path+"[]", s.Items.Schema, visit)
	}
}

type request struct {
	name   string
	schema *openapi3.Schema
}

// requests are the bodies and query parameters that clients send. What a path
// names is looked up and not stored, and HTTP has its own rules for headers.
func requests(doc *openapi3.T) []request {
	var all []request
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			name := fmt.Sprintf("%s %s", method, path)
			if operation.RequestBody != nil {
				for _, media := range operation.RequestBody.Value.Content {
					all = append(all, request{name, media.Schema.Value})
				}
			}
			for _, parameter := range operation.Parameters {
				if p := parameter.Value; p.In == openapi3.ParameterInQuery {
					all = append(all, request{name, &openapi3.Schema{Properties: openapi3.Schemas{p.Name: p.Schema}}})
				}
			}
		}
	}
	return all
}

// walkREST visits every property below a schema.
func walkREST(path string, s *openapi3.Schema, visit func(path, field string, s *openapi3.Schema)) {
	for field, property := range s.Properties {
		visit(path+" "+field, field, property.Value)
		walkREST(path+" "+field, property.Value, visit)
	}
	if s.Items != nil {
		walkREST(path+"[]", s.Items.Value, visit)
	}
}
