package openapi_test

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/orderplane/orderplane/api/openapi"
)

// Every answer of a deprecated operation names the headers that say so, and no other answer does.
func TestADeprecatedOperationNamesItsHeaders(t *testing.T) {
	doc, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	const path = "/api/orders/{orderId}/return"
	old := doc.Paths.Value(path).Post
	old.Deprecated = true
	old.Extensions = map[string]any{openapi.DeprecatedAt: "2026-12-01T00:00:00Z"}
	for _, tc := range []struct {
		extension string
		want      map[string]bool
	}{
		{"", map[string]bool{"Deprecation": true}},
		{openapi.SunsetAt, map[string]bool{"Deprecation": true, "Sunset": true}},
		{openapi.DeprecationLink, map[string]bool{"Deprecation": true, "Sunset": true, "Link": true}},
	} {
		if tc.extension != "" {
			old.Extensions[tc.extension] = "2027-12-01T00:00:00Z"
		}
		text, err := openapi.JSON(doc)
		if err != nil {
			t.Fatal(err)
		}
		served, err := openapi3.NewLoader().LoadFromData(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := served.Validate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for there, item := range served.Paths.Map() {
			for method, operation := range item.Operations() {
				for status, response := range operation.Responses.Map() {
					for _, name := range []string{"Deprecation", "Sunset", "Link"} {
						want := there == path && method == "POST" && tc.want[name]
						if got := response.Value.Headers[name] != nil; got != want {
							t.Errorf("%s %s, %s: names %s: %t, want %t", method, there, status, name, got, want)
						}
					}
					if response.Value.Headers["X-Trace-Id"] == nil {
						t.Errorf("%s %s, %s: lost the header of its trace", method, there, status)
					}
				}
			}
		}
	}
}
