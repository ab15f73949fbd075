package body_test

import (
	"bytes"
	"encoding/json"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/adapters/rest/internal/body"
	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/openapi"
)

// FuzzOrder holds that two parsers which differ in much, in capitals for one,
// read the same order in whatever body gets through.
func FuzzOrder(f *testing.F) {
	doc, err := openapi.Load()
	if err != nil {
		f.Fatal(err)
	}
	schema := doc.Components.Schemas["CreateOrderRequest"].Value
	const order = `{"customerId":"c","items":[{"productId":"p","quantity":2,"unitPrice":19.99}],"shippingAddress":{"street":"s","city":"c","country":"US","zip":"1"}`
	for _, more := range []string{
		`}`, `,"currency":"EUR"}`, `,"currency":null,"contact":null}`, `,"contact":{"email":"a@example.com","phone":null}}`, `,"CUSTOMERID":"d"}`,
		`,"customerId":"d"}`, `}{}`, `,"items":[]}`, `,"cu\u0073tomerId":"d"}`, `,"contact":{"email":"\ud800"}}`, `,"x":{"y":[1e400]}}`,
	} {
		f.Add(order + more)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		text, err := body.Clean([]byte(sent), schema)
		if err != nil {
			return
		}
		var value any
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&value); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if schema.VisitJSON(value) != nil {
			return
		}
		var one, other wire.CreateOrderRequest
		if err := json.Unmarshal(text, &one); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if err := jsonv2.Unmarshal(text, &other); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(one, other); diff != "" {
			t.Errorf("%s is read in two ways:\n%s", text, diff)
		}
	})
}
