package order_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

var _ = Describe("Time", func() {
	It("ends a wait for stock after 15 minutes to the second, over a restart of the manager", func(ctx SpecContext) {
		now := clocktesting.NewFakePassiveClock(time.Now())
		s := newShop(ctx, now)
		o := s.place(ctx, s.order("late"))
		s.reservation(ctx, "late")
		deadline := o.CreationTimestamp.Add(15 * time.Minute)

		s.stop()
		now.SetTime(deadline.Add(time.Second - 1))
		s.start(ctx, now)
		s.nudge(ctx, "late")
		s.works(ctx, "witness")
		Consistently(func() v1alpha1.OrderPhase { return s.get(ctx, "late").Status.Phase }).Should(Equal(v1alpha1.OrderPending))

		s.stop()
		now.SetTime(deadline.Add(time.Second))
		s.start(ctx, now)
		o = s.becomes(ctx, "late", v1alpha1.OrderCancelled)
		Expect(o.Status.CancelledReason).To(Equal(v1alpha1.CancelSLATimeout))
		Expect(o.Status.CancelledAt.Time).To(BeTemporally("==", deadline.Add(time.Second)))
		s.intends(ctx, "late", v1alpha1.IntentRelease)
	})

	It("wakes the controller at the deadline without any event", func(ctx SpecContext) {
		s := newShop(ctx, clock.RealClock{})
		o := s.order("soon")
		o.Spec.Policy = &v1alpha1.OrderPolicy{PendingTimeout: &metav1.Duration{Duration: 2 * time.Second}}
		s.place(ctx, o)
		s.becomes(ctx, "soon", v1alpha1.OrderCancelled)
	})

	It("ends the return window after 30 days to the second", func(ctx SpecContext) {
		now := clocktesting.NewFakePassiveClock(time.Now())
		s := newShop(ctx, now)
		ask := func(name string) {
			s.change(ctx, name, func(spec *v1alpha1.OrderSpec) { spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken"} })
		}
		intime := s.fulfilled(ctx, "in-time")
		late := s.fulfilled(ctx, "late")
		s.stop()
		now.SetTime(intime.Status.FulfilledAt.Add(30 * 24 * time.Hour))
		s.start(ctx, now)
		ask("in-time")
		s.becomes(ctx, "in-time", v1alpha1.OrderReturnRequested)
		now.SetTime(late.Status.FulfilledAt.Add(30*24*time.Hour + time.Second))
		ask("late")
		Eventually(func(g Gomega) {
			o := s.get(ctx, "late")
			g.Expect(o.Status.Return).NotTo(BeNil())
			g.Expect(o.Status.Return.State).To(Equal(v1alpha1.ReturnRefused))
		}).Should(Succeed())
	})

	It("deletes a finished order after its class's retention", func(ctx SpecContext) {
		s := newShop(ctx, clock.RealClock{})
		o := s.order("kept-a-second")
		o.Spec.Policy = &v1alpha1.OrderPolicy{Retention: &metav1.Duration{Duration: time.Second}}
		o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
		s.place(ctx, o)
		s.isGone(ctx, &v1alpha1.Order{}, "kept-a-second")
	})
})

// nudge makes the controller look at an order, as any event would.
func (s *shop) nudge(ctx context.Context, name string) {
	GinkgoHelper()
	o := s.get(ctx, name)
	metav1.SetMetaDataAnnotation(&o.ObjectMeta, "nudged", time.Now().String())
	Expect(s.Update(ctx, o)).To(Succeed())
}

// works waits until the controller has reserved for a new order. By then it has
// looked at every order that was changed before.
func (s *shop) works(ctx context.Context, witness string) {
	GinkgoHelper()
	s.place(ctx, s.order(witness))
	s.reservation(ctx, witness)
}

func (s *shop) isGone(ctx context.Context, o client.Object, name string) {
	GinkgoHelper()
	Eventually(func() bool {
		return apierrors.IsNotFound(s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, o))
	}).Should(BeTrue())
}

var _ = Describe("The order controller", func() {
	var s *shop
	BeforeEach(func(ctx SpecContext) { s = newShop(ctx, clock.RealClock{}) })

	It("deletes the reservation before it lets a deleted order go", func(ctx SpecContext) {
		o := s.confirmed(ctx, "d")
		held := s.reservation(ctx, "d")
		held.Finalizers = []string{"test/hold"}
		Expect(s.Update(ctx, held)).To(Succeed())
		Expect(s.Delete(ctx, o)).To(Succeed())
		Eventually(func() bool { return s.reservation(ctx, "d").DeletionTimestamp != nil }).Should(BeTrue())
		Consistently(func() error {
			return s.Get(ctx, client.ObjectKeyFromObject(o), &v1alpha1.Order{})
		}).Should(Succeed(), "the order waits for it")
		held = s.reservation(ctx, "d")
		held.Finalizers = nil
		Expect(s.Update(ctx, held)).To(Succeed())
		s.isGone(ctx, &v1alpha1.Order{}, "d")
	})

	It("deletes the reservation of an order that was forced away", func(ctx SpecContext) {
		o := s.confirmed(ctx, "forced")
		o.Finalizers = nil
		Expect(s.Update(ctx, o)).To(Succeed())
		Expect(s.Delete(ctx, o)).To(Succeed())
		s.isGone(ctx, &v1alpha1.StockReservation{}, "forced")
	})

	It("clears away what an earlier order of the name left, and reserves for the new one", func(ctx SpecContext) {
		s.confirmed(ctx, "again")
		s.stop()
		o := s.get(ctx, "again")
		o.Finalizers = nil
		Expect(s.Update(ctx, o)).To(Succeed())
		Expect(s.Delete(ctx, o)).To(Succeed())
		s.place(ctx, s.order("again"))
		s.start(ctx, clock.RealClock{})
		Eventually(func() string { return s.reservation(ctx, "again").Spec.OrderRef.UID }).
			Should(Equal(string(s.get(ctx, "again").UID)))
		s.decided(ctx, "again", v1alpha1.ReservationReserved)
		s.becomes(ctx, "again", v1alpha1.OrderConfirmed)
	})

	It("leaves a basket of the same name alone and says what stands in the way", func(ctx SpecContext) {
		basket := testenv.Reservation(s.namespace, "taken", testenv.Line("prod-001", 1))
		Expect(s.Create(ctx, basket)).To(Succeed())
		s.place(ctx, s.order("taken"))
		s.stalls(ctx, "taken", "NameTaken")
		Expect(s.Delete(ctx, basket)).To(Succeed())
		Eventually(func() *v1alpha1.OrderReference { return s.reservation(ctx, "taken").Spec.OrderRef }).ShouldNot(BeNil())
	})

	It("reserves again when the reservation of a confirmed order was deleted, and says so meanwhile", func(ctx SpecContext) {
		s.confirmed(ctx, "lost")
		first := s.reservation(ctx, "lost")
		Expect(s.Delete(ctx, first)).To(Succeed())
		s.stalls(ctx, "lost", "ReservationLost")
		Eventually(func() bool { return s.reservation(ctx, "lost").UID != first.UID }).Should(BeTrue())
		s.decided(ctx, "lost", v1alpha1.ReservationReserved)
		Eventually(func() bool {
			return meta.IsStatusConditionTrue(s.get(ctx, "lost").Status.Conditions, v1alpha1.OrderConditionStalled)
		}).Should(BeFalse())
	})

	It("stalls a confirmed order whose reservation was released by hand", func(ctx SpecContext) {
		s.confirmed(ctx, "released")
		r := s.reservation(ctx, "released")
		r.Spec.Intent = v1alpha1.IntentRelease
		Expect(s.Update(ctx, r)).To(Succeed())
		s.decided(ctx, "released", v1alpha1.ReservationReleased)
		s.stalls(ctx, "released", "ReservationLost")
		Expect(s.get(ctx, "released").Status.Phase).To(Equal(v1alpha1.OrderConfirmed))
	})

	It("writes nothing when nothing is to be done, after restarts and nudges", func(ctx SpecContext) {
		names := []string{"pending", "confirmed", "fulfilled", "cancelled", "returned", "waiting"}
		s.place(ctx, s.order("pending"))
		s.reservation(ctx, "pending")
		s.confirmed(ctx, "confirmed")
		s.fulfilled(ctx, "fulfilled")
		s.confirmed(ctx, "cancelled")
		s.change(ctx, "cancelled", func(spec *v1alpha1.OrderSpec) {
			spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
		})
		s.intends(ctx, "cancelled", v1alpha1.IntentRelease)
		s.decided(ctx, "cancelled", v1alpha1.ReservationReleased)
		for _, name := range []string{"returned", "waiting"} {
			s.fulfilled(ctx, name)
			s.change(ctx, name, func(spec *v1alpha1.OrderSpec) { spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken"} })
			s.becomes(ctx, name, v1alpha1.OrderReturnRequested)
		}
		s.change(ctx, "returned", func(spec *v1alpha1.OrderSpec) {
			spec.Return.Decision = &v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove}
		})
		s.intends(ctx, "returned", v1alpha1.IntentRestock)
		s.decided(ctx, "returned", v1alpha1.ReservationRestocked)
		s.becomes(ctx, "returned", v1alpha1.OrderReturned)

		s.stop()
		before := s.calls.Count()
		writes := env.WriteCounts(GinkgoTB())
		s.start(ctx, clock.RealClock{})
		for _, name := range names {
			s.nudge(ctx, name)
		}
		s.works(ctx, "witness")
		wanted := int64(len(names)) + 2
		Consistently(func() int64 { return env.WriteCounts(GinkgoTB()).Since(writes).Of() }).
			WithTimeout(time.Second).Should(Equal(wanted), "only the nudges, the witness and its reservation")
		Expect(s.calls.Count()-before).To(BeEquivalentTo(1), "the witness's reservation; beyond it only lists and watches")
	})
})

// stalls waits until an order says that it can't go on, and why.
func (s *shop) stalls(ctx context.Context, name, reason string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		c := meta.FindStatusCondition(s.get(ctx, name).Status.Conditions, v1alpha1.OrderConditionStalled)
		g.Expect(c).NotTo(BeNil())
		g.Expect(c.Reason).To(Equal(reason))
	}).Should(Succeed())
}

var _ = Describe("Deletion", func() {
	It("does not depend on what else is in the order", func(ctx SpecContext) {
		s := newShop(ctx, clock.RealClock{})
		text, err := runtime.DefaultUnstructuredConverter.ToUnstructured(s.order("other-words"))
		Expect(err).NotTo(HaveOccurred())
		o := &unstructured.Unstructured{Object: text}
		o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Order"))
		// Go writes this as 15m0s, and an order keeps its policy to the letter.
		Expect(unstructured.SetNestedField(o.Object, "900s", "spec", "policy", "pendingTimeout")).To(Succeed())
		Expect(s.Create(ctx, o)).To(Succeed())
		s.reservation(ctx, "other-words")

		Expect(s.Delete(ctx, o)).To(Succeed())
		Eventually(func() bool {
			return apierrors.IsNotFound(s.Get(ctx, client.ObjectKeyFromObject(o), &v1alpha1.Order{}))
		}).Should(BeTrue(), "its finalizer stays")
	})
})
