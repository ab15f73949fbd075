package fields_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/adapters/rest/internal/fields"
)

// document has a path whose GET says what is given, and whose POST is as it always was.
func document(t *testing.T, said string) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(`{"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {"/api/old": {
		"get": {` + said + ` "responses": {"200": {"description": "it"}}},
		"post": {"responses": {"200": {"description": "it"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDeprecations(t *testing.T) {
	for name, tc := range map[string]struct {
		said string
		want map[string]http.Header
		// err is in the error.
		err string
	}{
		"nothing is deprecated": {``, map[string]http.Header{}, ""},
		"it was not meant":      {`"deprecated": false, "x-deprecated-at": "2026-12-01T00:00:00Z",`, map[string]http.Header{}, ""},
		"since when": {
			`"deprecated": true, "x-deprecated-at": "2026-12-01T00:00:00Z",`,
			map[string]http.Header{"GET /api/old": {"Deprecation": {"@1796083200"}}}, "",
		},
		"until when, and where it is told": {
			`"deprecated": true, "x-deprecated-at": "2026-12-01T01:00:00+01:00", "x-sunset": "2027-06-01T12:00:00+02:00", "x-deprecation-link": "https://shop.example/old",`,
			map[string]http.Header{"GET /api/old": {
				"Deprecation": {"@1796083200"}, "Sunset": {"Tue, 01 Jun 2027 10:00:00 GMT"},
				"Link": {`<https://shop.example/old>; rel="deprecation"`},
			}}, "",
		},
		"not since when":        {`"deprecated": true,`, nil, `GET /api/old is deprecated: x-deprecated-at: "" is no time`},
		"since a day":           {`"deprecated": true, "x-deprecated-at": "2026-12-01",`, nil, `"2026-12-01" is no time`},
		"until some time":       {`"deprecated": true, "x-deprecated-at": "2026-12-01T00:00:00Z", "x-sunset": "soon",`, nil, `x-sunset: "soon" is no time`},
		"until before it began": {`"deprecated": true, "x-deprecated-at": "2026-12-01T00:00:00Z", "x-sunset": "2026-11-30T00:00:00Z",`, nil, "x-sunset is before"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := fields.Deprecations(document(t, tc.said))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("err = %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
