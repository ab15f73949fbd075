package openapi_test

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/orderplane/orderplane/api/openapi"
)

// served is the document as clients get it.
func served(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	text, err := openapi.JSON(doc)
	if err != nil {
		t.Fatal(err)
	}
	got, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A client has to know which errors there are: "default" tells of none.
func TestTheServedDocumentNamesEveryStatus(t *testing.T) {
	for path, item := range served(t).Paths.Map() {
		for method, operation := range item.Operations() {
			responses := operation.Responses
			if responses.Default() != nil {
				t.Errorf("%s %s answers default", method, path)
			}
			for _, status := range []int{400, 401, 403, 429, 503} {
				if responses.Status(status) == nil {
					t.Errorf("%s %s does not name %d", method, path, status)
				}
			}
			if responses.Status(500) != nil {
				t.Errorf("%s %s names 500, which no request should get", method, path)
			}
		}
	}
}

func TestStatusesGoByWhatAnOperationTakes(t *testing.T) {
	doc := served(t)
	for _, tc := range []struct {
		path, method string
		status       int
		want         bool
	}{
		{"/api/orders", "GET", 404, false},
		{"/api/orders", "GET", 413, false},
		{"/api/orders", "POST", 413, true},
		{"/api/orders", "POST", 415, true},
		{"/api/orders", "POST", 412, false},
		{"/api/orders/{orderId}", "GET", 404, true},
		{"/api/orders/{orderId}", "GET", 412, false},
		{"/api/orders/{orderId}", "DELETE", 412, true},
		{"/api/orders/{orderId}", "DELETE", 422, false},
		{"/api/inventory/{productId}/stock", "PUT", 422, true},
		{"/api/baskets/{basketId}", "PUT", 422, true},
	} {
		got := doc.Paths.Find(tc.path).GetOperation(tc.method).Responses.Status(tc.status) != nil
		if got != tc.want {
			t.Errorf("%s %s names %d: %v", tc.method, tc.path, tc.status, got)
		}
	}
}

// A member that is null is not there, also where at least one has to be.
func TestAChangeOfNothingButNullsIsInvalid(t *testing.T) {
	schema := served(t).Components.Schemas["ChangeBasketRequest"].Value
	for _, tc := range []struct {
		body map[string]any
		want bool
	}{
		{map[string]any{}, false},
		{map[string]any{"items": nil, "ttlSeconds": nil}, false},
		{map[string]any{"items": nil, "ttlSeconds": 600.0}, true},
		{map[string]any{"ttlSeconds": 600.0}, true},
		{map[string]any{"items": []any{map[string]any{"productId": "prod-001", "quantity": 1.0}}, "ttlSeconds": nil}, true},
	} {
		if err := schema.VisitJSON(tc.body); (err == nil) != tc.want {
			t.Errorf("%v: %v", tc.body, err)
		}
	}
}
