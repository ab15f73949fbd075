package webhooks_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
	"github.com/orderplane/orderplane/webhooks"
)

// inPhase writes a phase into status, as the order controller would.
func inPhase(ctx context.Context, o *v1alpha1.Order, phase v1alpha1.OrderPhase) {
	GinkgoHelper()
	o.Status.Phase = phase
	Expect(env.Client.Status().Update(ctx, o)).To(Succeed())
}

// returnRequested makes an order whose return waits for a decision.
func returnRequested(ctx context.Context, namespace string) *v1alpha1.Order {
	GinkgoHelper()
	o := anOrder(namespace, "o")
	Expect(env.Client.Create(ctx, o)).To(Succeed())
	inPhase(ctx, o, v1alpha1.OrderFulfilled)
	o.Spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken"}
	Expect(env.Client.Update(ctx, o)).To(Succeed())
	inPhase(ctx, o, v1alpha1.OrderReturnRequested)
	return o
}

// webhooksMay sets what the API server does when it can't reach the webhooks of orders.
func webhooksMay(ctx context.Context, fail admissionregistrationv1.FailurePolicyType) {
	GinkgoHelper()
	c := &admissionregistrationv1.MutatingWebhookConfiguration{}
	Expect(env.Client.Get(ctx, client.ObjectKey{Name: webhooks.ConfigurationName}, c)).To(Succeed())
	for i := range c.Webhooks {
		if c.Webhooks[i].Name == "orders.orderplane.dev" {
			c.Webhooks[i].FailurePolicy = &fail
		}
	}
	Expect(env.Client.Update(ctx, c)).To(Succeed())
}

func approvalOf(o *v1alpha1.Order) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"return": map[string]any{
		"requestID": "r1", "reason": "broken", "decision": map[string]any{"verdict": "Approve"},
	}}}}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Order"))
	u.SetNamespace(o.Namespace)
	u.SetName(o.Name)
	return u
}

var _ = Describe("A decision about a return", func() {
	var (
		o     *v1alpha1.Order
		clerk client.Client
	)
	BeforeEach(func(ctx SpecContext) {
		o = returnRequested(ctx, env.Namespace(GinkgoTB()))
		clerk = bind("carl", viewer, editor)
	})

	const merge = `{"spec":{"return":{"decision":{"verdict":"Approve"}}}}`

	refusesAll := func(ctx context.Context, writes map[string]func() error) {
		GinkgoHelper()
		for how, write := range writes {
			err := write()
			Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%s: %v", how, err)
		}
		kept := &v1alpha1.Order{}
		Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(o), kept)).To(Succeed())
		Expect(kept.Spec.Return.Decision).To(BeNil())
		Expect(kept.Status).To(Equal(o.Status))
	}

	It("is refused to a user without the verb approve, whatever way they try", func(ctx SpecContext) {
		refusesAll(ctx, map[string]func() error{
			"update": func() error {
				tried := o.DeepCopy()
				tried.Spec.Return.Decision = &v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove}
				return clerk.Update(ctx, tried)
			},
			"merge patch": func() error {
				return clerk.Patch(ctx, o.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(merge)))
			},
			"server-side apply": func() error {
				return clerk.Apply(ctx, client.ApplyConfigurationFromUnstructured(approvalOf(o)), client.FieldOwner("carl"), client.ForceOwnership)
			},
			"status write": func() error {
				tried := o.DeepCopy()
				tried.Status.Phase = v1alpha1.OrderReturned
				return clerk.Status().Update(ctx, tried)
			},
			"status patch": func() error {
				return clerk.Status().Patch(ctx, o.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"status":{"phase":"Returned"}}`)))
			},
		})
		err := clerk.Patch(ctx, o.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(merge)))
		Expect(err).To(MatchError(ContainSubstring(`carl may not decide about returns; that needs the verb "approve" on orders/return`)))
	})

	It("is refused also while the webhooks are away", func(ctx SpecContext) {
		served.stop()
		defer served.start(ctx)
		decide := func() error {
			return clerk.Patch(ctx, o.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(merge)))
		}
		undecided := func() {
			GinkgoHelper()
			kept := &v1alpha1.Order{}
			Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(o), kept)).To(Succeed())
			Expect(kept.Spec.Return.Decision).To(BeNil())
		}
		Expect(decide()).NotTo(Succeed())
		undecided()

		By("the policy alone, where nobody insists on the webhooks")
		webhooksMay(ctx, admissionregistrationv1.Ignore)
		DeferCleanup(webhooksMay, admissionregistrationv1.Fail)
		Eventually(decide).Should(MatchError(ContainSubstring("carl may not decide about returns")))
		undecided()
		webhooksMay(ctx, admissionregistrationv1.Fail)
		Eventually(decide).Should(MatchError(ContainSubstring("failed calling webhook")))
	})

	It("by an approver carries their name, whatever they wrote", func(ctx SpecContext) {
		olga := bind("olga", "orderplane-returns-approver")
		patch := `{"spec":{"return":{"decision":{"verdict":"Approve","requestedBy":"the king","onBehalfOf":"shop-7"}}}}`
		Expect(olga.Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(patch)))).To(Succeed())
		Expect(o.Spec.Return.Decision.Requester).To(Equal(v1alpha1.Requester{RequestedBy: "olga", OnBehalfOf: "shop-7"}))
		Expect(o.Spec.Return.Decision.Restock).To(BeNil(), "nobody said so; absent is true")

		By("and nobody rewrites it")
		forge := `{"spec":{"return":{"decision":{"requestedBy":"the king"}}}}`
		Expect(env.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(forge)))).To(Succeed())
		Expect(o.Spec.Return.Decision.RequestedBy).To(Equal("olga"))

		By("and when the return was asked for is what admission saw")
		asked := o.Spec.Return.RequestedAt
		Expect(asked).NotTo(BeNil())
		Expect(asked.Time).To(BeTemporally("~", time.Now(), time.Hour))
		earlier := `{"spec":{"return":{"requestedAt":"2020-01-01T00:00:00Z"}}}`
		Expect(env.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(earlier)))).To(Succeed())
		Expect(o.Spec.Return.RequestedAt.Equal(asked)).To(BeTrue(), "it was %s and is %s", asked, o.Spec.Return.RequestedAt)
		reverse := `{"spec":{"return":{"decision":{"verdict":"Reject","reason":"worn"}}}}`
		err := olga.Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(reverse)))
		Expect(err).To(MatchError(ContainSubstring("a decision is set once and never changed")))
	})
})

var _ = Describe("A stock document", func() {
	document := func(namespace, product string) *v1alpha1.StockAdjustment {
		d := testenv.Document(namespace, "", product, v1alpha1.AdjustmentReceived, 5)
		d.GenerateName = "doc-"
		return d
	}

	It("needs the verb adjust on the product", func(ctx SpecContext) {
		namespace := env.Namespace(GinkgoTB())
		err := bind("carla", admin).Create(ctx, document(namespace, "prod-001"))
		Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(ContainSubstring(`carla may not move the stock of prod-001; that needs the verb "adjust" on stockitems`)))

		keeper := bind("kim", "orderplane-stock-keeper")
		Expect(keeper.Create(ctx, document(namespace, "prod-001"))).To(Succeed())

		one := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "keeper-of-one"}, Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"stockitems"},
			ResourceNames: []string{"prod-001"}, Verbs: []string{"adjust"},
		}}}
		Expect(env.Client.Create(ctx, one)).To(Succeed())
		single := bind("sam", admin, "keeper-of-one")
		Expect(single.Create(ctx, document(namespace, "prod-001"))).To(Succeed())
		Expect(apierrors.IsForbidden(single.Create(ctx, document(namespace, "prod-002")))).To(BeTrue())
	})
})

var _ = Describe("A reservation", func() {
	It("is the gateway's only when it is no order's", func(ctx SpecContext) {
		namespace := env.Namespace(GinkgoTB())
		gateway := bind("gateway", "orderplane-gateway", "orderplane-gateway-admission")
		basket := testenv.Reservation(namespace, "basket", testenv.Line("prod-001", 1))
		Expect(gateway.Create(ctx, basket)).To(Succeed())
		release := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"intent":"Release"}}`))
		Expect(gateway.Patch(ctx, basket, release)).To(Succeed())
		Expect(gateway.Delete(ctx, basket)).To(Succeed())

		ofAnOrder := testenv.Reservation(namespace, "o", testenv.Line("prod-001", 1))
		ofAnOrder.Spec.OrderRef = &v1alpha1.OrderReference{Name: "o", UID: "1"}
		refuses := func(err error) {
			GinkgoHelper()
			Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
			Expect(err).To(MatchError(ContainSubstring("spec.orderRef: gateway may only keep baskets")))
		}
		refuses(gateway.Create(ctx, ofAnOrder.DeepCopy()))
		Expect(bind("mary", "orderplane-manager").Create(ctx, ofAnOrder)).To(Succeed())
		refuses(gateway.Patch(ctx, ofAnOrder.DeepCopy(), release))
		refuses(gateway.Delete(ctx, ofAnOrder.DeepCopy()))
		Expect(bind("mary", "orderplane-manager").Delete(ctx, ofAnOrder)).To(Succeed())
	})
})

var _ = Describe("While the webhooks are away", func() {
	It("only what needs them waits: it fails at once and says why", func(ctx SpecContext) {
		namespace := env.Namespace(GinkgoTB())
		o := anOrder(namespace, "there")
		Expect(env.Client.Create(ctx, o)).To(Succeed())
		gateway := bind("gateway", "orderplane-gateway", "orderplane-gateway-admission")
		served.stop()
		defer served.start(ctx)

		By("creating an order fails")
		began := time.Now()
		err := env.Client.Create(ctx, anOrder(namespace, "new"))
		Expect(err).To(MatchError(ContainSubstring("orders.orderplane.dev")))
		Expect(time.Since(began)).To(BeNumerically("<", 5*time.Second))

		By("the controllers' status writes go on")
		inPhase(ctx, o, v1alpha1.OrderConfirmed)

		By("setting an intent fails")
		asked := o.DeepCopy()
		asked.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
		Expect(env.Client.Update(ctx, asked)).To(MatchError(ContainSubstring("orders.orderplane.dev")))

		By("what sets no intent goes on")
		o.Labels = map[string]string{"shelf": "7"}
		Expect(env.Client.Update(ctx, o)).To(Succeed())

		By("leases go on")
		holder := "one"
		Expect(env.Client.Create(ctx, &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "lease"},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder},
		})).To(Succeed())

		By("the gateway goes on")
		full := anOrder(namespace, "full")
		full.Spec.Currency, full.Finalizers = "EUR", []string{v1alpha1.OrderFinalizer}
		full.Spec.Policy = &v1alpha1.OrderPolicy{}
		Expect(gateway.Create(ctx, full)).To(Succeed())

		By("a deleted order can be let go")
		Expect(env.Client.Delete(ctx, o)).To(Succeed())
		Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
		o.Finalizers = nil
		Expect(env.Client.Update(ctx, o)).To(Succeed())
	})
})
