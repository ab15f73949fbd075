package webhooks_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// both are the finalizers of an order that a mirror keeps.
func both() []string { return []string{v1alpha1.OrderFinalizer, v1alpha1.MirrorFinalizer} }

// complete is an order as the gateway sends it: it has asked the archive, and filled everything in.
func complete(name string) *v1alpha1.Order {
	o := anOrder(mirroredNamespace, name)
	o.Spec.Currency, o.Spec.Policy, o.Finalizers = "EUR", &v1alpha1.OrderPolicy{}, both()
	return o
}

func stored(ctx context.Context, o *v1alpha1.Order) *v1alpha1.Order {
	GinkgoHelper()
	now := &v1alpha1.Order{}
	Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(o), now)).To(Succeed())
	return now
}

// leaves is the mirror's first step to archive an order.
func leaves(ctx context.Context, c client.Client, o *v1alpha1.Order) error {
	tried := stored(ctx, o)
	tried.Finalizers = nil
	metav1.SetMetaDataAnnotation(&tried.ObjectMeta, v1alpha1.LeavingAnnotation, "true")
	return c.Update(ctx, tried)
}

func merge(patch string) client.Patch { return client.RawPatch(types.MergePatchType, []byte(patch)) }

var _ = Describe("A new order", func() {
	It("is kept for the mirror, and marked, where there is one", func(ctx SpecContext) {
		o := anOrder(mirroredNamespace, "by-hand")
		Expect(env.Client.Create(ctx, o)).To(Succeed())
		Expect(o.Finalizers).To(ConsistOf(both()))
		Expect(o.Annotations).To(HaveKey(v1alpha1.UnaskedAnnotation))
	})

	It("of a gateway that asked the archive is not marked", func(ctx SpecContext) {
		o := complete("by-gateway")
		Expect(bind("gateway", "orderplane-gateway", "orderplane-gateway-admission").Create(ctx, o)).To(Succeed())
		Expect(o.Finalizers).To(ConsistOf(both()))
		Expect(o.Annotations).NotTo(HaveKey(v1alpha1.UnaskedAnnotation))
	})

	It("brings nothing along that only a mirror takes off, where there is none", func(ctx SpecContext) {
		o := anOrder(env.Namespace(GinkgoTB()), "copied")
		o.Finalizers = append(both(), "example.com/mine")
		o.Annotations = map[string]string{v1alpha1.LeavingAnnotation: "true", v1alpha1.UnaskedAnnotation: "true", "mine": "x"}
		Expect(env.Client.Create(ctx, o)).To(Succeed())
		Expect(o.Finalizers).To(ConsistOf(v1alpha1.OrderFinalizer, "example.com/mine"))
		Expect(o.Annotations).To(HaveKey("mine"))
		Expect(o.Annotations).NotTo(Or(HaveKey(v1alpha1.LeavingAnnotation), HaveKey(v1alpha1.UnaskedAnnotation)))
	})

	It("is never leaving, also where no webhook sees it", func(ctx SpecContext) {
		o := complete("born-leaving")
		o.Annotations = map[string]string{v1alpha1.LeavingAnnotation: "true"}
		err := bind("gateway", "orderplane-gateway", "orderplane-gateway-admission").Create(ctx, o)
		Expect(err).To(MatchError(ContainSubstring("metadata.annotations: orderplane.dev/leaving marks an order that the mirror archives")))
	})
})

var _ = Describe("An order that a mirror keeps", func() {
	var carl, mirror client.Client
	BeforeEach(func() {
		carl = bind("carl", viewer, editor)
		mirror = bind("mirror", "orderplane-mirror")
	})

	It("may be applied for ever from the manifest that made it", func(ctx SpecContext) {
		for user, c := range map[string]client.Client{"carl": carl, "admin": env.Client} {
			o := anOrder(mirroredNamespace, "from-git-"+user)
			manifest := manifestOf(o, "Order")
			apply(ctx, c, manifest.DeepCopy())
			Expect(stored(ctx, o).Annotations).To(HaveKey(v1alpha1.UnaskedAnnotation))
			apply(ctx, c, manifest.DeepCopy())
			o = stored(ctx, o)
			Expect(o.Finalizers).To(ConsistOf(both()), user)
			Expect(o.Annotations).To(HaveKey(v1alpha1.UnaskedAnnotation), user)

			By("also by who takes over all fields, or replaces it")
			force := client.ApplyConfigurationFromUnstructured(manifest.DeepCopy())
			Expect(c.Apply(ctx, force, client.FieldOwner("test"), client.ForceOwnership)).To(Succeed())
			replaced := manifest.DeepCopy()
			replaced.SetResourceVersion(stored(ctx, o).ResourceVersion)
			Expect(c.Update(ctx, replaced)).To(Succeed())
			o = stored(ctx, o)
			Expect(o.Finalizers).To(ConsistOf(both()), user)
			Expect(o.Annotations).To(HaveKey(v1alpha1.UnaskedAnnotation), user)

			By("and the mark that the mirror took off does not come back")
			delete(o.Annotations, v1alpha1.UnaskedAnnotation)
			Expect(mirror.Update(ctx, o)).To(Succeed())
			apply(ctx, c, manifest.DeepCopy())
			Expect(stored(ctx, o).Annotations).NotTo(HaveKey(v1alpha1.UnaskedAnnotation), user)

			By("and it goes on leaving")
			Expect(leaves(ctx, mirror, o)).To(Succeed())
			apply(ctx, c, manifest.DeepCopy())
			o = stored(ctx, o)
			Expect(o.Finalizers).To(BeEmpty(), user)
			Expect(o.Annotations).To(HaveKey(v1alpha1.LeavingAnnotation), user)
		}
	})

	It("keeps its finalizers, and may be edited", func(ctx SpecContext) {
		o := anOrder(mirroredNamespace, "edited")
		Expect(carl.Create(ctx, o)).To(Succeed())
		o.Finalizers = nil
		Expect(carl.Update(ctx, o)).To(Succeed())
		Expect(o.Finalizers).To(ConsistOf(both()))
		for _, only := range both() {
			o.Finalizers = []string{only}
			Expect(carl.Update(ctx, o)).To(Succeed(), only)
			Expect(o.Finalizers).To(ConsistOf(both()), only)
		}
		Expect(carl.Patch(ctx, o, merge(`{"metadata":{"labels":{"shelf":"7"}}}`))).To(Succeed())

		By("also from who may archive, unless the order leaves")
		o.Finalizers = nil
		Expect(mirror.Update(ctx, o)).To(Succeed())
		Expect(o.Finalizers).To(ConsistOf(both()))
	})

	It("is archived by nobody else", func(ctx SpecContext) {
		o := anOrder(mirroredNamespace, "not-yours")
		Expect(carl.Create(ctx, o)).To(Succeed())
		for _, user := range []client.Client{carl, bind("manager", "orderplane-manager"), bind("gateway", "orderplane-gateway", "orderplane-gateway-admission")} {
			leaving := merge(`{"metadata":{"annotations":{"orderplane.dev/leaving":"true"},"finalizers":null}}`)
			err := user.Patch(ctx, o.DeepCopy(), leaving)
			Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
			Expect(err).To(MatchError(ContainSubstring(`may not mark an order with orderplane.dev/leaving; that needs the verb "archive" on orders/archive`)))
		}
		Expect(leaves(ctx, mirror, o)).To(Succeed())
		Expect(stored(ctx, o).Finalizers).To(BeEmpty())
	})

	It("keeps its mark until the mirror takes it off", func(ctx SpecContext) {
		o := anOrder(mirroredNamespace, "marked")
		Expect(carl.Create(ctx, o)).To(Succeed())
		err := carl.Patch(ctx, o.DeepCopy(), merge(`{"metadata":{"annotations":{"orderplane.dev/unasked":null}}}`))
		Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(ContainSubstring("carl may not add or take off orderplane.dev/unasked")))

		Expect(mirror.Patch(ctx, o, merge(`{"metadata":{"annotations":{"orderplane.dev/unasked":null}}}`))).To(Succeed())
		Expect(o.Annotations).NotTo(HaveKey(v1alpha1.UnaskedAnnotation))
		err = carl.Patch(ctx, o, merge(`{"metadata":{"annotations":{"orderplane.dev/unasked":"true"}}}`))
		Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
	})

	It("that is leaving stays marked until it has its finalizer again", func(ctx SpecContext) {
		o := anOrder(mirroredNamespace, "leaving")
		Expect(carl.Create(ctx, o)).To(Succeed())
		Expect(leaves(ctx, mirror, o)).To(Succeed())

		By("whatever is written on it")
		o = stored(ctx, o)
		o.Annotations = nil
		o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.UnaskedAnnotation, "true")
		Expect(carl.Update(ctx, o)).To(Succeed())
		Expect(o.Annotations).To(HaveKey(v1alpha1.LeavingAnnotation))
		Expect(o.Finalizers).To(BeEmpty())
		Expect(carl.Patch(ctx, o, merge(`{"metadata":{"annotations":{"orderplane.dev/leaving":null}}}`))).To(Succeed())
		Expect(o.Annotations).To(HaveKey(v1alpha1.LeavingAnnotation))

		By("then the order controller takes the mark off")
		o.Finalizers = both()
		Expect(cachedclient.SetFinalizers(ctx, bind("manager", "orderplane-manager"), o, v1alpha1.LeavingAnnotation)).To(Succeed())
		o = stored(ctx, o)
		Expect(o.Annotations).NotTo(HaveKey(v1alpha1.LeavingAnnotation))
		Expect(o.Finalizers).To(ConsistOf(both()))
	})

	It("is archived, and let go on, while the webhooks are away", func(ctx SpecContext) {
		marked, finished := anOrder(mirroredNamespace, "away-marked"), anOrder(mirroredNamespace, "away-finished")
		Expect(carl.Create(ctx, marked)).To(Succeed())
		Expect(carl.Create(ctx, finished)).To(Succeed())
		served.stop()
		defer served.start(ctx)
		delete(marked.Annotations, v1alpha1.UnaskedAnnotation)
		Expect(mirror.Update(ctx, marked)).To(Succeed())
		Expect(leaves(ctx, mirror, finished)).To(Succeed())

		By("and nobody else takes finalizers or marks off, where nobody insists on the webhooks")
		webhooksMay(ctx, admissionregistrationv1.Ignore)
		DeferCleanup(webhooksMay, admissionregistrationv1.Fail)
		Eventually(func() error {
			return carl.Patch(ctx, marked.DeepCopy(), merge(`{"metadata":{"finalizers":null}}`))
		}).Should(MatchError(ContainSubstring("carl may not take orderplane.dev/order or orderplane.dev/mirror off an order")))
		for _, finalizer := range both() {
			Expect(carl.Patch(ctx, marked.DeepCopy(), merge(`{"metadata":{"finalizers":["`+finalizer+`"]}}`))).NotTo(Succeed())
		}
		err := carl.Patch(ctx, finished.DeepCopy(), merge(`{"metadata":{"annotations":{"orderplane.dev/leaving":null}}}`))
		Expect(err).To(MatchError(ContainSubstring("carl may not take orderplane.dev/leaving off")))
	})
})
