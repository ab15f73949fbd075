package webhooks_test

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// heldKind is a kind that admission holds for the mirror.
type heldKind struct {
	kind string
	made func(namespace, name string) client.Object
}

var _ = Describe("In a mirrored namespace", func() {
	for _, k := range []heldKind{
		{"StockReservation", func(namespace, name string) client.Object {
			return testenv.Reservation(namespace, name, testenv.Line("prod-001", 1))
		}},
		{"StockAdjustment", func(namespace, name string) client.Object {
			return testenv.Document(namespace, name, "prod-001", v1alpha1.AdjustmentReceived, 5)
		}},
	} {
		Describe("a "+k.kind, func() {
			It("stays until the mirror lets it go, however it is written", func(ctx SpecContext) {
				o := k.made(mirroredNamespace, "created")
				Expect(env.Client.Create(ctx, o)).To(Succeed())
				Expect(o.GetFinalizers()).To(ConsistOf(v1alpha1.MirrorFinalizer))

				By("an update and a patch that leave the finalizer out")
				o.SetFinalizers(nil)
				Expect(env.Client.Update(ctx, o)).To(Succeed())
				Expect(o.GetFinalizers()).To(ConsistOf(v1alpha1.MirrorFinalizer))
				o.SetFinalizers([]string{"example.com/other"})
				Expect(env.Client.Update(ctx, o)).To(Succeed())
				Expect(o.GetFinalizers()).To(ConsistOf("example.com/other", v1alpha1.MirrorFinalizer))
				Expect(env.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
				Expect(o.GetFinalizers()).To(ConsistOf(v1alpha1.MirrorFinalizer))

				By("deleted, it is the mirror's to let go")
				Expect(env.Client.Delete(ctx, o)).To(Succeed())
				Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
				Expect(o.GetDeletionTimestamp()).NotTo(BeNil())
				o.SetFinalizers(nil)
				Expect(env.Client.Update(ctx, o)).To(Succeed())
				Expect(apierrors.IsNotFound(env.Client.Get(ctx, client.ObjectKeyFromObject(o), o))).To(BeTrue())
			})

			It("keeps the finalizer through server-side apply, with it in the manifest or without", func(ctx SpecContext) {
				manifest := manifestOf(k.made(mirroredNamespace, "applied"), k.kind)
				finalizers := func() []string {
					o := k.made(mirroredNamespace, "applied")
					Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
					return o.GetFinalizers()
				}
				with := manifest.DeepCopy()
				with.SetFinalizers([]string{v1alpha1.MirrorFinalizer})
				for _, u := range []*unstructured.Unstructured{manifest, manifest, with, manifest} {
					apply(ctx, env.Client, u.DeepCopy())
					Expect(finalizers()).To(ConsistOf(v1alpha1.MirrorFinalizer))
				}
			})
		})
	}

	It("the reservation of an order is the order controller's alone, and calls nobody", func(ctx SpecContext) {
		r := testenv.Reservation(mirroredNamespace, "of-an-order", testenv.Line("prod-001", 1))
		r.Spec.OrderRef = &v1alpha1.OrderReference{Name: "o", UID: "1"}
		Expect(env.Client.Create(ctx, r)).To(Succeed())
		Expect(r.Finalizers).To(BeEmpty())
	})

	It("the gateway's baskets are let through as they are", func(ctx SpecContext) {
		gateway := bind("gateway", "orderplane-gateway", "orderplane-gateway-admission")
		r := testenv.Reservation(mirroredNamespace, "basket-1", testenv.Line("prod-001", 1))
		r.Labels = map[string]string{"orderplane.dev/basket": "basket"}
		Expect(gateway.Create(ctx, r)).To(Succeed())
		Expect(r.Finalizers).To(BeEmpty(), "it fills in what the webhook would, by its own setting")

		By("and nobody else's, whatever they call them")
		r = testenv.Reservation(mirroredNamespace, "basket-2", testenv.Line("prod-001", 1))
		r.Labels = map[string]string{"orderplane.dev/basket": "basket"}
		Expect(bind("ed", editor, admin).Create(ctx, r)).To(Succeed())
		Expect(r.Finalizers).To(ConsistOf(v1alpha1.MirrorFinalizer))
	})

	It("baskets are made while the webhooks are away; the mirror gives them the finalizer later", func(ctx SpecContext) {
		served.stop()
		defer served.start(ctx)
		r := testenv.Reservation(mirroredNamespace, "meanwhile", testenv.Line("prod-001", 1))
		Expect(env.Client.Create(ctx, r)).To(Succeed())
		Expect(r.Finalizers).To(BeEmpty())
	})
})

var _ = Describe("In a namespace that no mirror serves", func() {
	It("nothing gets the mirror's finalizer, and what has it may lose it", func(ctx SpecContext) {
		namespace := env.Namespace(GinkgoTB())
		for n, o := range []client.Object{
			testenv.Reservation(namespace, "r", testenv.Line("prod-001", 1)), testenv.Document(namespace, "d", "prod-001", v1alpha1.AdjustmentReceived, 5),
		} {
			Expect(env.Client.Create(ctx, o)).To(Succeed())
			Expect(o.GetFinalizers()).To(BeEmpty())
			setFinalizers(ctx, o, fmt.Sprintf(`[%q]`, v1alpha1.MirrorFinalizer))
			Expect(o.GetFinalizers()).To(ConsistOf(v1alpha1.MirrorFinalizer), "object %d", n)
			setFinalizers(ctx, o, "null")
			Expect(o.GetFinalizers()).To(BeEmpty())
		}
	})
})

func setFinalizers(ctx context.Context, o client.Object, finalizers string) {
	GinkgoHelper()
	patch := fmt.Appendf(nil, `{"metadata":{"finalizers":%s}}`, finalizers)
	Expect(env.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, patch))).To(Succeed())
}
