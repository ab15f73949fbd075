package openapi_test

import (
	"fmt"
	"math/big"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/orderplane/orderplane/api/openapi"
)

// TestTheDocumentSaysWhatTheCRDSays holds the limits of a create, which stand in
// the OpenAPI document for clients and validators, against those of the CRD,
// which are the rule.
func TestTheDocumentSaysWhatTheCRDSays(t *testing.T) {
	doc, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("../../config/crd/bases/orderplane.dev_orders.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd map[string]any
	if err := yaml.Unmarshal(raw, &crd); err != nil {
		t.Fatal(err)
	}
	version := at(t, crd, "spec", "versions").([]any)[0]
	spec := at(t, version, "schema", "openAPIV3Schema", "properties", "spec")
	schemas := doc.Components.Schemas
	for name, pair := range map[string]struct {
		rest *openapi3.SchemaRef
		crd  any
	}{
		"customerId":     {schemas["CreateOrderRequest"].Value.Properties["customerId"], at(t, spec, "properties", "customerID")},
		"currency":       {schemas["Currency"], at(t, spec, "properties", "currency")},
		"items":          {schemas["CreateOrderRequest"].Value.Properties["items"], at(t, spec, "properties", "items")},
		"productId":      {schemas["OrderItemRequest"].Value.Properties["productId"], at(t, spec, "properties", "items", "items", "properties", "productID")},
		"quantity":       {schemas["OrderItemRequest"].Value.Properties["quantity"], at(t, spec, "properties", "items", "items", "properties", "quantity")},
		"street":         {schemas["Address"].Value.Properties["street"], at(t, spec, "properties", "shippingAddress", "properties", "street")},
		"city":           {schemas["Address"].Value.Properties["city"], at(t, spec, "properties", "shippingAddress", "properties", "city")},
		"country":        {schemas["Address"].Value.Properties["country"], at(t, spec, "properties", "shippingAddress", "properties", "country")},
		"zip":            {schemas["Address"].Value.Properties["zip"], at(t, spec, "properties", "shippingAddress", "properties", "zip")},
		"name":           {schemas["Address"].Value.Properties["name"], at(t, spec, "properties", "shippingAddress", "properties", "name")},
		"company":        {schemas["Address"].Value.Properties["company"], at(t, spec, "properties", "shippingAddress", "properties", "company")},
		"street2":        {schemas["Address"].Value.Properties["street2"], at(t, spec, "properties", "shippingAddress", "properties", "street2")},
		"state":          {schemas["Address"].Value.Properties["state"], at(t, spec, "properties", "shippingAddress", "properties", "state")},
		"email":          {schemas["Contact"].Value.Properties["email"], at(t, spec, "properties", "contact", "properties", "email")},
		"phone":          {schemas["Contact"].Value.Properties["phone"], at(t, spec, "properties", "contact", "properties", "phone")},
		"carrier":        {schemas["FulfillRequest"].Value.Properties["carrier"], at(t, spec, "properties", "fulfillment", "properties", "carrier")},
		"trackingNumber": {schemas["FulfillRequest"].Value.Properties["trackingNumber"], at(t, spec, "properties", "fulfillment", "properties", "trackingNumber")},
		"reason":         {schemas["ReturnRequest"].Value.Properties["reason"], at(t, spec, "properties", "return", "properties", "reason")},
	} {
		want, ok := pair.crd.(map[string]any)
		if !ok {
			t.Fatalf("%s: the CRD has no such schema", name)
		}
		for limit, value := range limits(pair.rest.Value) {
			if got := number(want[limit]); got != value {
				t.Errorf("%s: %s is %s in the OpenAPI document and %s in the CRD", name, limit, value, got)
			}
		}
		if pattern, _ := want["pattern"].(string); pattern != goPattern(pair.rest.Value.Pattern) {
			t.Errorf("%s: pattern %q in the CRD, %q in the OpenAPI document", name, pattern, pair.rest.Value.Pattern)
		}
		if list, _ := want["enum"].([]any); len(list) != len(pair.rest.Value.Enum) {
			t.Errorf("%s: %d values in the CRD, %d in the OpenAPI document", name, len(list), len(pair.rest.Value.Enum))
		}
	}
}

// goPattern writes a pattern of the REST document, which is ECMAScript's, as the
// API server reads one, which is Go's.
func goPattern(pattern string) string {
	return regexp.MustCompile(`\\u([0-9A-F]{4})`).ReplaceAllString(pattern, `\x{$1}`)
}

func TestClientsSeeNoRemarksForTheGenerator(t *testing.T) {
	doc, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	written, err := openapi.JSON(doc)
	if err != nil {
		t.Fatal(err)
	}
	if remark := regexp.MustCompile(`"x-[a-z-]*"`).Find(written); remark != nil {
		t.Errorf("the document still has %s", remark)
	}
	if !strings.Contains(string(written), `"maximum":1000000000000`) {
		t.Error("a limit is not written as it was")
	}
}

// at follows a path of keys into decoded YAML.
func at(t *testing.T, tree any, path ...string) any {
	t.Helper()
	for _, key := range path {
		node, ok := tree.(map[string]any)
		if !ok {
			t.Fatalf("no %q on the path %v", key, path)
		}
		tree = node[key]
	}
	return tree
}

// limits are the numeric limits of a schema, as text.
func limits(s *openapi3.Schema) map[string]string {
	found := map[string]string{}
	if s.MinLength > 0 {
		found["minLength"] = number(s.MinLength)
	}
	if s.MaxLength != nil {
		found["maxLength"] = number(*s.MaxLength)
	}
	if s.MinItems > 0 {
		found["minItems"] = number(s.MinItems)
	}
	if s.MaxItems != nil {
		found["maxItems"] = number(*s.MaxItems)
	}
	if s.Min != nil {
		found["minimum"] = number(*s.Min)
	}
	if s.Max != nil {
		found["maximum"] = number(*s.Max)
	}
	return found
}

func number(value any) string {
	text := fmt.Sprintf("%v", value)
	if exact, ok := new(big.Rat).SetString(text); ok {
		return exact.RatString()
	}
	return text
}

// A member that need not be there may be null, and the document that clients get
// says so: for every object that is sent, and for nothing that is required.
func TestOptionalMembersOfRequestsMayBeNull(t *testing.T) {
	doc, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	written, err := openapi.JSON(doc)
	if err != nil {
		t.Fatal(err)
	}
	served, err := openapi3.NewLoader().LoadFromData(written)
	if err != nil {
		t.Fatal(err)
	}
	if err := served.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	optional := 0
	var walk func(path string, schema *openapi3.Schema)
	walk = func(path string, schema *openapi3.Schema) {
		for name, member := range schema.Properties {
			need := slices.Contains(schema.Required, name)
			if member.Value.Nullable == need {
				t.Errorf("%s.%s: required is %t and nullable %t", path, name, need, member.Value.Nullable)
			}
			if !need {
				optional++
				if member.Value.Enum != nil && !slices.Contains(member.Value.Enum, any(nil)) {
					t.Errorf("%s.%s: the values that it lists lack null", path, name)
				}
			}
			walk(path+"."+name, member.Value)
		}
		for _, part := range schema.AllOf {
			walk(path, part.Value)
		}
		if schema.Items != nil {
			walk(path+"[]", schema.Items.Value)
		}
	}
	for path, item := range served.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.RequestBody != nil {
				walk(method+" "+path, operation.RequestBody.Value.Content["application/json"].Schema.Value)
			}
		}
	}
	if optional < 8 {
		t.Errorf("only %d optional members", optional)
	}
}
