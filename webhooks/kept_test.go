package webhooks_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// manifestOf is an object as somebody keeps it in Git.
func manifestOf(o client.Object, kind string) *unstructured.Unstructured {
	GinkgoHelper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	Expect(err).NotTo(HaveOccurred())
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	unstructured.RemoveNestedField(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	return u
}

var _ = Describe("A stock document", func() {
	var namespace string
	BeforeEach(func() { namespace = env.Namespace(GinkgoTB()) })

	It("carries who made it, whatever they wrote", func(ctx SpecContext) {
		kim := bind("kim", "orderplane-stock-keeper")
		d := testenv.Document(namespace, "delivery-1", "prod-001", v1alpha1.AdjustmentReceived, 5)
		d.Spec.Requester = v1alpha1.Requester{RequestedBy: "the king", OnBehalfOf: "shop-7"}
		Expect(kim.Create(ctx, d)).To(Succeed())
		Expect(d.Spec.Requester).To(Equal(v1alpha1.Requester{RequestedBy: "kim", OnBehalfOf: "shop-7"}))

		By("and nobody rewrites it, or takes it away")
		for _, forged := range []string{`{"requestedBy":"the king"}`, `{"onBehalfOf":"shop-8"}`, `{"requestedBy":null,"onBehalfOf":null}`} {
			Expect(env.Client.Patch(ctx, d, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":%s}`, forged)))).To(Succeed(), forged)
			Expect(d.Spec.Requester).To(Equal(v1alpha1.Requester{RequestedBy: "kim", OnBehalfOf: "shop-7"}), forged)
		}
		err := env.Client.Patch(ctx, d, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"quantity":6}}`)))
		Expect(err).To(MatchError(ContainSubstring("a stock document never changes")))
	})

	It("may be applied again for ever from the manifest that made it", func(ctx SpecContext) {
		manifest := manifestOf(testenv.Document(namespace, "git", "prod-001", v1alpha1.AdjustmentReceived, 5), "StockAdjustment")
		apply(ctx, env.Client, manifest.DeepCopy())
		first := &v1alpha1.StockAdjustment{}
		Expect(env.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "git"}, first)).To(Succeed())
		Expect(first.Spec.RequestedBy).To(Equal("orderplane-admin"))
		apply(ctx, env.Client, manifest.DeepCopy())
		again := &v1alpha1.StockAdjustment{}
		Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(first), again)).To(Succeed())
		Expect(again.Spec).To(Equal(first.Spec))
		Expect(again.Generation).To(Equal(first.Generation))
	})

	It("is not made while nobody can say who makes it", func(ctx SpecContext) {
		served.stop()
		defer served.start(ctx)
		d := testenv.Document(namespace, "forged", "prod-001", v1alpha1.AdjustmentReceived, 5)
		d.Spec.RequestedBy = "the king"
		Expect(env.Client.Create(ctx, d)).To(MatchError(ContainSubstring("stockadjustments.orderplane.dev")))
	})
})

var _ = Describe("What an object says of the request that made it", func() {
	var namespace string
	BeforeEach(func() { namespace = env.Namespace(GinkgoTB()) })

	said := func() map[string]string {
		all := map[string]string{"other": "x"}
		for _, key := range v1alpha1.RequestAnnotations() {
			all[key] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		}
		return all
	}
	objects := func() map[string]client.Object {
		order := anOrder(namespace, "o")
		reservation := testenv.Reservation(namespace, "r", testenv.Line("prod-001", 1))
		document := testenv.Document(namespace, "d", "prod-001", v1alpha1.AdjustmentReceived, 5)
		return map[string]client.Object{"Order": order, "StockReservation": reservation, "StockAdjustment": document}
	}
	annotate := func(ctx SpecContext, o client.Object, key, value string) error {
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%s}}}`, key, value)
		return env.Client.Patch(ctx, o.DeepCopyObject().(client.Object), client.RawPatch(types.MergePatchType, patch))
	}

	It("never changes", func(ctx SpecContext) {
		for kind, o := range objects() {
			o.SetAnnotations(said())
			Expect(env.Client.Create(ctx, o)).To(Succeed())
			Expect(annotate(ctx, o, "other", `"y"`)).To(Succeed())
			for _, key := range v1alpha1.RequestAnnotations() {
				err := annotate(ctx, o, key, `"another"`)
				Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%s %s: %v", kind, key, err)
				Expect(err).To(MatchError(ContainSubstring("metadata.annotations: what an object says of the request that made it never changes")))
			}
		}
	})

	It("is not added later", func(ctx SpecContext) {
		for kind, o := range objects() {
			Expect(env.Client.Create(ctx, o)).To(Succeed())
			err := annotate(ctx, o, v1alpha1.TraceIDAnnotation, `"late"`)
			Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%s: %v", kind, err)
		}
	})

	It("is one short word", func(ctx SpecContext) {
		for _, o := range objects() {
			o.SetAnnotations(map[string]string{v1alpha1.TraceIDAnnotation: "two\nlines"})
			Expect(env.Client.Create(ctx, o)).To(MatchError(ContainSubstring("metadata.annotations: ")))
		}
	})

	It("is put back when a write leaves it out", func(ctx SpecContext) {
		for kind, o := range objects() {
			if kind == "StockReservation" {
				continue // no webhook sees it: it is refused, as below
			}
			manifest := manifestOf(o, kind)
			manifest.SetAnnotations(said())
			apply(ctx, env.Client, manifest.DeepCopy())
			first := manifestOf(o, kind)
			Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(o), first)).To(Succeed())
			unstructured.RemoveNestedField(manifest.Object, "metadata", "annotations")
			apply(ctx, env.Client, manifest.DeepCopy())
			for _, key := range v1alpha1.RequestAnnotations() {
				Expect(annotate(ctx, o, key, "null")).To(Succeed())
			}
			Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
			for _, key := range v1alpha1.RequestAnnotations() {
				Expect(o.GetAnnotations()).To(HaveKeyWithValue(key, first.GetAnnotations()[key]), kind)
			}
			Expect(o.GetAnnotations()).NotTo(HaveKey("other"))
		}
	})

	It("stays also while the webhooks are away", func(ctx SpecContext) {
		kinds := objects()
		for _, o := range kinds {
			o.SetAnnotations(said())
			Expect(env.Client.Create(ctx, o)).To(Succeed())
		}
		served.stop()
		defer served.start(ctx)
		for kind, o := range kinds {
			Expect(annotate(ctx, o, "other", `"y"`)).To(Succeed(), kind)
			for _, value := range []string{`"another"`, "null"} {
				Expect(annotate(ctx, o, v1alpha1.TraceIDAnnotation, value)).NotTo(Succeed(), kind)
			}
		}
	})
})

var _ = Describe("An order whose policy Go would write in other words", func() {
	It("takes an intent, and keeps its policy letter for letter", func(ctx SpecContext) {
		namespace := env.Namespace(GinkgoTB())
		o := anOrder(namespace, "o")
		o.Spec.Currency, o.Finalizers = "EUR", []string{v1alpha1.OrderFinalizer}
		manifest := manifestOf(o, "Order")
		Expect(unstructured.SetNestedField(manifest.Object, "15m", "spec", "policy", "pendingTimeout")).To(Succeed())
		Expect(bind("gateway", "orderplane-gateway", "orderplane-gateway-admission").Create(ctx, manifest)).To(Succeed())

		cancel := []byte(`{"spec":{"cancellation":{"reason":"CUSTOMER_REQUEST"}}}`)
		Expect(env.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, cancel))).To(Succeed())
		Expect(o.Spec.Cancellation.RequestedBy).To(Equal("orderplane-admin"))
		Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(o), manifest)).To(Succeed())
		kept, _, err := unstructured.NestedString(manifest.Object, "spec", "policy", "pendingTimeout")
		Expect(err).NotTo(HaveOccurred())
		Expect(kept).To(Equal("15m"))
	})
})

var _ = Describe("A decision in Git", func() {
	It("whose restock is taken out later is no change", func(ctx SpecContext) {
		o := returnRequested(ctx, env.Namespace(GinkgoTB()))
		manifest := approvalOf(o)
		Expect(unstructured.SetNestedField(manifest.Object, false, "spec", "return", "decision", "restock")).To(Succeed())
		git := func() error {
			return env.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(manifest.DeepCopy()), client.FieldOwner("git"), client.ForceOwnership)
		}
		Expect(git()).To(Succeed())
		unstructured.RemoveNestedField(manifest.Object, "spec", "return", "decision", "restock")
		Expect(git()).To(Succeed())
		Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
		Expect(o.Spec.Return.Decision.Restock).To(HaveValue(BeFalse()))
	})
})
