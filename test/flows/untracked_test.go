package flows

import (
	"bytes"
	"context"
	"errors"
	"io"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	manifests "github.com/orderplane/orderplane/config"
)

// installUntracked applies config/untracked, for one namespace, and waits until the
// API server goes by it.
func (s *shop) installUntracked(ctx context.Context) {
	data, err := manifests.Manifests.ReadFile("untracked/policy.yaml")
	Expect(err).NotTo(HaveOccurred())
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		o := &unstructured.Unstructured{}
		err := documents.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			break
		}
		Expect(err).NotTo(HaveOccurred())
		if o.GetKind() == "MutatingAdmissionPolicyBinding" {
			Expect(unstructured.SetNestedField(o.Object, s.namespace,
				"spec", "matchResources", "namespaceSelector", "matchLabels", "kubernetes.io/metadata.name")).To(Succeed())
		}
		Expect(k8s.Create(ctx, o)).To(Succeed())
		DeferCleanup(func(ctx context.Context) { Expect(k8s.Delete(ctx, o)).To(Succeed()) })
	}
	Eventually(func() ([]metav1.ManagedFieldsEntry, error) {
		o := s.newOrder("probe", line{"prod-001", 1})
		err := k8s.Create(ctx, o, client.DryRunAll)
		return o.ManagedFields, err
	}).Should(BeEmpty())
}

// trackers are who the API server says set fields of an order, in order of first doing so.
func (s *shop) trackers(ctx context.Context, name string) []string {
	o, err := s.order(ctx, name)
	Expect(err).NotTo(HaveOccurred())
	var managers []string
	for _, m := range o.ManagedFields {
		managers = append(managers, m.Manager+" "+string(m.Operation))
	}
	return managers
}

// apply has somebody apply parts of an order server-side, without force.
func (s *shop) apply(ctx context.Context, name, who string, spec map[string]any) error {
	return k8s.Apply(ctx, client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "orderplane.dev/v1alpha1", "kind": "Order",
		"metadata": map[string]any{"namespace": s.namespace, "name": name}, "spec": spec,
	}}), client.FieldOwner(who))
}

var _ = Describe("With config/untracked", func() {
	var s *shop
	BeforeEach(func(ctx context.Context) {
		s = openShop()
		s.installUntracked(ctx)
		startManager(s.namespace)
		s.item(ctx, "prod-001", 10)
	})

	It("nobody keeps who set what of an order that was created, nor of its reservation", func(ctx context.Context) {
		s.place(ctx, "ord-1", line{"prod-001", 1})
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderConfirmed))
		s.change(ctx, "ord-1", func(o *v1alpha1.Order) { o.Spec.Fulfillment = &v1alpha1.Fulfillment{} })
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderFulfilled))
		Expect(s.trackers(ctx, "ord-1")).To(BeEmpty())
		r := &v1alpha1.StockReservation{}
		Expect(k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: "ord-1"}, r)).To(Succeed())
		Expect(r.Status.Phase).To(Equal(v1alpha1.ReservationCommitted))
		Expect(r.ManagedFields).To(BeEmpty())
	})

	It("it is kept from the first time somebody applies", func(ctx context.Context) {
		s.place(ctx, "ord-1", line{"prod-001", 1})
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderConfirmed))
		Expect(s.apply(ctx, "ord-1", "clerk", map[string]any{"cancellation": map[string]any{"reason": "CUSTOMER_REQUEST"}})).To(Succeed())
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderCancelled))
		Expect(s.trackers(ctx, "ord-1")).To(ContainElements("clerk Apply", "before-first-apply Update"))
	})

	It("it is kept of an order that is applied from the start", func(ctx context.Context) {
		spec := map[string]any{
			"customerID": "cust-42", "currency": "EUR",
			"items":           []any{map[string]any{"productID": "prod-001", "quantity": int64(1), "unitPrice": "19.99"}},
			"shippingAddress": map[string]any{"street": "Main St 1", "city": "Berlin", "country": "DE", "zip": "10115"},
		}
		Expect(s.apply(ctx, "ord-1", "git", spec)).To(Succeed())
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderConfirmed))
		Expect(s.trackers(ctx, "ord-1")).To(ContainElement("git Apply"))
		spec["fulfillment"] = map[string]any{"carrier": "DHL"}
		Expect(s.apply(ctx, "ord-1", "git", spec)).To(Succeed())
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderFulfilled))
	})
})
