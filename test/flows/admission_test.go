package flows

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What a person may write in a manifest, refused before anything is stored.
var _ = DescribeTable("A bad order is refused at admission, and the message names the field",
	func(ctx context.Context, field string, spoil func(spec map[string]any)) {
		s := openShop()
		spec := map[string]any{
			"customerID": "cust-42", "currency": "EUR",
			"items":           []any{map[string]any{"productID": "prod-001", "quantity": int64(1), "unitPrice": "19.99"}},
			"shippingAddress": map[string]any{"street": "Main St 1", "city": "Berlin", "country": "DE", "zip": "10115"},
		}
		o := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "orderplane.dev/v1alpha1", "kind": "Order",
			"metadata": map[string]any{"namespace": s.namespace, "name": "bad"}, "spec": spec,
		}}
		Expect(k8s.Create(ctx, o.DeepCopy(), client.DryRunAll)).To(Succeed(), "the order is good before it is spoilt")

		spoil(spec)
		strict := client.WithFieldValidation(k8s, "Strict")
		err := strict.Create(ctx, o)
		Expect(err).To(HaveOccurred())
		Expect(err.Error()).To(ContainSubstring(field))
	},
	Entry("an unknown field", "spec.colour", func(s map[string]any) { s["colour"] = "red" }),
	Entry("quantity 0", "spec.items[0].quantity", item("quantity", int64(0))),
	Entry("quantity below zero", "spec.items[0].quantity", item("quantity", int64(-1))),
	Entry("quantity 2^63", "spec.items[0].quantity", item("quantity", float64(1<<63))),
	Entry("price -1", "spec.items[0].unitPrice", item("unitPrice", "-1")),
	Entry("price abc", "spec.items[0].unitPrice", item("unitPrice", "abc")),
	Entry("a price that is a number", "spec.items[0].unitPrice", item("unitPrice", 19.99)),
	Entry("a price with five decimals more than the currency", "spec.items", item("unitPrice", "1.0000005")),
	Entry("10,000 lines", "spec.items", func(s map[string]any) {
		line := s["items"].([]any)[0]
		lines := make([]any, 10_000)
		for i := range lines {
			lines[i] = line
		}
		s["items"] = lines
	}),
	Entry("no lines", "spec.items", func(s map[string]any) { s["items"] = []any{} }),
	Entry("no items at all", "spec.items", func(s map[string]any) { delete(s, "items") }),
	Entry("an unknown currency", "spec.currency", func(s map[string]any) { s["currency"] = "XXQ" }),
	Entry("an over-long customer", "spec.customerID", func(s map[string]any) { s["customerID"] = strings.Repeat("c", 256) }),
	Entry("an over-long street", "spec.shippingAddress.street", func(s map[string]any) {
		s["shippingAddress"].(map[string]any)["street"] = strings.Repeat("s", 201)
	}),
	Entry("an order that is born shipped", "spec.fulfillment", func(s map[string]any) {
		s["fulfillment"] = map[string]any{"carrier": "DHL"}
	}),
)

func item(field string, value any) func(map[string]any) {
	return func(spec map[string]any) { spec["items"].([]any)[0].(map[string]any)[field] = value }
}
