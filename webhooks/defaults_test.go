package webhooks_test

import (
	"context"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// warnings collects what the API server warns of.
type warnings struct {
	mu  sync.Mutex
	all []string
}

func (w *warnings) HandleWarningHeader(_ int, _ string, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, text)
}

func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all
	w.all = nil
	return all
}

func aClass(name string, isDefault bool, pending time.Duration) *v1alpha1.OrderClass {
	c := &v1alpha1.OrderClass{ObjectMeta: metav1.ObjectMeta{Name: name}}
	c.Spec.PendingTimeout = &metav1.Duration{Duration: pending}
	if isDefault {
		c.Annotations = map[string]string{v1alpha1.OrderClassDefaultAnnotation: "true"}
	}
	return c
}

var _ = Describe("A new order", func() {
	var namespace string
	BeforeEach(func() { namespace = env.Namespace(GinkgoTB()) })

	// create creates an order once the webhook's cache knows the classes made before.
	create := func(ctx context.Context, edit func(*v1alpha1.Order), ready func(*v1alpha1.Order) bool) *v1alpha1.Order {
		GinkgoHelper()
		var o *v1alpha1.Order
		Eventually(func(g Gomega) {
			o = anOrder(namespace, "")
			o.GenerateName = "o-"
			edit(o)
			g.Expect(env.Client.Create(ctx, o)).To(Succeed())
			g.Expect(ready(o)).To(BeTrue())
		}).Should(Succeed())
		return o
	}
	always := func(*v1alpha1.Order) bool { return true }

	It("without any class carries the defaults and the finalizer", func(ctx SpecContext) {
		o := create(ctx, func(*v1alpha1.Order) {}, always)
		Expect(o.Spec.Currency).To(Equal(v1alpha1.Currency("USD")))
		Expect(o.Spec.ClassName).To(BeEmpty())
		Expect(o.Spec.Policy.PendingTimeout.Duration).To(Equal(15 * time.Minute))
		Expect(o.Spec.Policy.ReturnWindow.Duration).To(Equal(720 * time.Hour))
		Expect(o.Finalizers).To(ConsistOf(v1alpha1.OrderFinalizer))
	})

	It("takes class, currency and policy from the default class, and from no one else", func(ctx SpecContext) {
		class := aClass("standard", true, time.Minute)
		class.Spec.Currency = "CHF"
		Expect(env.Client.Create(ctx, class)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(env.Client.Delete(ctx, class)).To(Succeed()) })
		o := create(ctx, func(o *v1alpha1.Order) {
			o.Spec.Policy = &v1alpha1.OrderPolicy{AutoApproveReturns: "true", ReturnWindow: &metav1.Duration{Duration: 99999 * time.Hour}}
		}, func(o *v1alpha1.Order) bool { return o.Spec.ClassName == "standard" })
		Expect(o.Spec.Currency).To(Equal(v1alpha1.Currency("CHF")))
		Expect(o.Spec.Policy.PendingTimeout.Duration).To(Equal(time.Minute))
		Expect(o.Spec.Policy.ReturnWindow.Duration).To(Equal(720 * time.Hour))
		Expect(o.Spec.Policy.AutoApproveReturns).To(BeEmpty())
	})

	It("keeps its policy when the class changes", func(ctx SpecContext) {
		class := aClass("changing", false, time.Minute)
		Expect(env.Client.Create(ctx, class)).To(Succeed())
		var o *v1alpha1.Order
		Eventually(func() error {
			o = anOrder(namespace, "o")
			o.Spec.ClassName = "changing"
			return env.Client.Create(ctx, o)
		}).Should(Succeed())
		class.Spec.PendingTimeout = &metav1.Duration{Duration: time.Hour}
		Expect(env.Client.Update(ctx, class)).To(Succeed())
		o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
		Expect(env.Client.Update(ctx, o)).To(Succeed())
		Expect(o.Spec.Policy.PendingTimeout.Duration).To(Equal(time.Minute))
	})

	It("keeps what was filled in also when an update leaves it out", func(ctx SpecContext) {
		o := create(ctx, func(*v1alpha1.Order) {}, always)
		sent := anOrder(namespace, o.Name)
		sent.ResourceVersion, sent.Labels = o.ResourceVersion, map[string]string{"shelf": "7"}
		Expect(env.Client.Update(ctx, sent)).To(Succeed())
		Expect(sent.Spec).To(Equal(o.Spec))
		Expect(sent.Finalizers).To(ConsistOf(v1alpha1.OrderFinalizer))
		Expect(sent.Labels).To(HaveKey("shelf"))
	})

	It("says when in its second it was created, whoever writes it later", func(ctx SpecContext) {
		before := time.Now()
		o := create(ctx, func(*v1alpha1.Order) {}, func(*v1alpha1.Order) bool { return true })
		created := v1alpha1.CreatedAt(o)
		Expect(created).To(BeTemporally(">=", before.Truncate(0)))
		Expect(created).To(BeTemporally("<=", time.Now()))
		delete(o.Annotations, v1alpha1.CreatedAnnotation)
		o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
		Expect(env.Client.Update(ctx, o)).To(Succeed())
		Expect(v1alpha1.CreatedAt(o)).To(BeTemporally("==", created))
	})

	It("is refused when its class does not exist", func(ctx SpecContext) {
		o := anOrder(namespace, "o")
		o.Spec.ClassName = "nowhere"
		err := env.Client.Create(ctx, o)
		Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(ContainSubstring(`spec.className: Invalid value: "nowhere": there is no OrderClass of this name`)))
	})

	It("is warned about products that do not exist", func(ctx SpecContext) {
		seen := &warnings{}
		cfg := rest.CopyConfig(env.Config)
		cfg.WarningHandler = seen
		c, err := client.New(cfg, client.Options{Scheme: env.Scheme})
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Create(ctx, anOrder(namespace, "o"))).To(Succeed())
		Expect(seen.take()).To(ConsistOf(ContainSubstring(`spec.items[0].productID: there is no StockItem "prod-001"`)))

		Expect(c.Create(ctx, &v1alpha1.StockItem{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "prod-001"}})).To(Succeed())
		seen.take()
		Eventually(func(g Gomega) {
			o := anOrder(namespace, "")
			o.GenerateName = "o-"
			g.Expect(c.Create(ctx, o)).To(Succeed())
			g.Expect(seen.take()).To(BeEmpty())
		}).Should(Succeed())
	})

	It("of somebody who may bring a policy along is let through as it is", func(ctx SpecContext) {
		full := func(name string) *v1alpha1.Order {
			o := anOrder(namespace, name)
			o.Spec.Currency, o.Finalizers = "EUR", []string{v1alpha1.OrderFinalizer}
			o.Spec.Policy = &v1alpha1.OrderPolicy{PendingTimeout: &metav1.Duration{Duration: time.Second}}
			return o
		}
		gateway := bind("gateway", "orderplane-gateway", "orderplane-gateway-admission")
		o := full("of-the-gateway")
		Expect(gateway.Create(ctx, o)).To(Succeed())
		Expect(o.Spec.Policy.PendingTimeout.Duration).To(Equal(time.Second))

		o = full("of-a-clerk")
		Expect(bind("carl", viewer, editor).Create(ctx, o)).To(Succeed())
		Expect(o.Spec.Policy.PendingTimeout.Duration).To(Equal(15*time.Minute), "nobody else invents a policy")
	})

	It("may be applied again for ever from the manifest that made it", func(ctx SpecContext) {
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(anOrder(namespace, "git"))
		Expect(err).NotTo(HaveOccurred())
		manifest := &unstructured.Unstructured{Object: fields}
		manifest.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Order"))
		unstructured.RemoveNestedField(manifest.Object, "status")
		unstructured.RemoveNestedField(manifest.Object, "metadata", "creationTimestamp")
		apply(ctx, env.Client, manifest.DeepCopy())
		apply(ctx, env.Client, manifest.DeepCopy())

		o := &v1alpha1.Order{}
		Expect(env.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "git"}, o)).To(Succeed())
		Expect(o.Spec.Policy).NotTo(BeNil())
		Expect(o.Finalizers).To(ConsistOf(v1alpha1.OrderFinalizer))
		generation := o.Generation

		Expect(unstructured.SetNestedField(manifest.Object, "CUSTOMER_REQUEST", "spec", "cancellation", "reason")).To(Succeed())
		apply(ctx, env.Client, manifest.DeepCopy())
		apply(ctx, env.Client, manifest.DeepCopy())
		Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
		Expect(o.Spec.Cancellation.RequestedBy).To(Equal("orderplane-admin"))
		Expect(o.Generation).To(Equal(generation + 1))
	})
})

var _ = Describe("An OrderClass", func() {
	It("with a rule that is no CEL is refused, and says where", func(ctx SpecContext) {
		class := aClass("broken", false, time.Minute)
		class.Spec.AutoApproveReturns = "refundMinor <"
		err := env.Client.Create(ctx, class)
		Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(ContainSubstring("spec.autoApproveReturns")))
		class.Spec.AutoApproveReturns = "refundMinor < 2000 && order.status.currency == 'EUR'"
		Expect(env.Client.Create(ctx, class)).To(Succeed())
	})
})
