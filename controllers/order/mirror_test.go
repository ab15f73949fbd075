package order_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// mirroredOrder is an order that a mirror keeps.
func (s *shop) mirroredOrder(name string) *v1alpha1.Order {
	o := s.order(name)
	o.Finalizers = append(o.Finalizers, v1alpha1.MirrorFinalizer)
	return o
}

// mirroredConfirmed brings such an order to Confirmed.
func (s *shop) mirroredConfirmed(ctx context.Context, name string, edit ...func(*v1alpha1.Order)) *v1alpha1.Order {
	GinkgoHelper()
	o := s.mirroredOrder(name)
	for _, e := range edit {
		e(o)
	}
	s.place(ctx, o)
	s.decided(ctx, name, v1alpha1.ReservationReserved)
	return s.becomes(ctx, name, v1alpha1.OrderConfirmed)
}

// ships asks for the shipment of an order.
func (s *shop) ships(ctx context.Context, name string) {
	GinkgoHelper()
	s.change(ctx, name, func(spec *v1alpha1.OrderSpec) { spec.Fulfillment = &v1alpha1.Fulfillment{Carrier: "DHL"} })
}

// mirroredFulfilled brings such an order to Fulfilled.
func (s *shop) mirroredFulfilled(ctx context.Context, name string) *v1alpha1.Order {
	GinkgoHelper()
	s.mirroredConfirmed(ctx, name)
	s.ships(ctx, name)
	s.intends(ctx, name, v1alpha1.IntentCommit)
	s.decided(ctx, name, v1alpha1.ReservationCommitted)
	return s.becomes(ctx, name, v1alpha1.OrderFulfilled)
}

// leaves plays the mirror's first step to archive an order.
func (s *shop) leaves(ctx context.Context, name string) *v1alpha1.Order {
	GinkgoHelper()
	o := s.get(ctx, name)
	o.Finalizers = nil
	metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.LeavingAnnotation, "true")
	Expect(s.Update(ctx, o)).To(Succeed())
	return o
}

// letGo plays the mirror: it takes its finalizer off the reservation.
func (s *shop) letGo(ctx context.Context, name string) {
	GinkgoHelper()
	r := s.reservation(ctx, name)
	Expect(controllerutil.RemoveFinalizer(r, v1alpha1.MirrorFinalizer)).To(BeTrue())
	Expect(s.Update(ctx, r)).To(Succeed())
}

var _ = Describe("An order that a mirror keeps", func() {
	var s *shop
	BeforeEach(func(ctx SpecContext) { s = newMirroredShop(ctx, clock.RealClock{}) })

	It("has a reservation that the mirror keeps, at no further write", func(ctx SpecContext) {
		before := env.WriteCounts(GinkgoTB())
		s.mirroredConfirmed(ctx, "kept")
		Expect(s.reservation(ctx, "kept").Finalizers).To(ContainElement(v1alpha1.MirrorFinalizer))
		Consistently(func() int64 {
			return env.WriteCounts(GinkgoTB()).Since(before).Of("orders", "stockreservations")
		}).Should(BeEquivalentTo(4), "order, reservation, its status by the test, the order's status")
	})

	It("is cancelled before it goes, and before its reservation does", func(ctx SpecContext) {
		o := s.mirroredConfirmed(ctx, "gone")
		Expect(s.Delete(ctx, o)).To(Succeed())
		o = s.becomes(ctx, "gone", v1alpha1.OrderCancelled)
		last := o.Status.History[len(o.Status.History)-1]
		Expect(last.Type).To(Equal(v1alpha1.HistoryCancelled))
		Expect(last.Reason).To(Equal(string(v1alpha1.CancelCustomerRequest)))
		Expect(last.Message).To(Equal("deleted"))

		Eventually(func(g Gomega) { g.Expect(s.reservation(ctx, "gone").DeletionTimestamp).NotTo(BeNil()) }).Should(Succeed())
		Consistently(func() []string { return s.get(ctx, "gone").Finalizers }).Should(ContainElement(v1alpha1.OrderFinalizer))
		s.decided(ctx, "gone", v1alpha1.ReservationReleased)
		s.letGo(ctx, "gone")
		Eventually(func() []string { return s.get(ctx, "gone").Finalizers }).Should(Equal([]string{v1alpha1.MirrorFinalizer}))
	})

	It("is fulfilled before it goes where its shipment won", func(ctx SpecContext) {
		o := s.mirroredConfirmed(ctx, "won")
		s.ships(ctx, "won")
		s.intends(ctx, "won", v1alpha1.IntentCommit)
		Expect(s.Delete(ctx, o)).To(Succeed())
		Consistently(func(g Gomega) {
			g.Expect(s.get(ctx, "won").Status.Phase).To(Equal(v1alpha1.OrderConfirmed))
			g.Expect(s.reservation(ctx, "won").DeletionTimestamp).To(BeNil())
		}).Should(Succeed())
		s.decided(ctx, "won", v1alpha1.ReservationCommitted)
		s.becomes(ctx, "won", v1alpha1.OrderFulfilled)
		Eventually(func(g Gomega) { g.Expect(s.reservation(ctx, "won").DeletionTimestamp).NotTo(BeNil()) }).Should(Succeed())
	})

	It("is the mirror's to archive", func(ctx SpecContext) {
		o := s.mirroredOrder("over")
		o.Spec.Policy = &v1alpha1.OrderPolicy{Retention: &metav1.Duration{}}
		o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
		s.place(ctx, o)
		s.becomes(ctx, "over", v1alpha1.OrderCancelled)
		Consistently(func(g Gomega) {
			g.Expect(s.get(ctx, "over").DeletionTimestamp).To(BeNil())
		}).WithTimeout(2500 * time.Millisecond).Should(Succeed())
	})
})

var _ = Describe("An order that is leaving", func() {
	var s *shop
	BeforeEach(func(ctx SpecContext) { s = newMirroredShop(ctx, clock.RealClock{}) })

	It("is left alone", func(ctx SpecContext) {
		s.mirroredFulfilled(ctx, "quiet")
		left := s.leaves(ctx, "quiet")
		Consistently(func() string { return s.get(ctx, "quiet").ResourceVersion }).Should(Equal(left.ResourceVersion))

		By("and its reservation follows it")
		Expect(s.Delete(ctx, left)).To(Succeed())
		Eventually(func(g Gomega) { g.Expect(s.reservation(ctx, "quiet").DeletionTimestamp).NotTo(BeNil()) }).Should(Succeed())
		s.letGo(ctx, "quiet")
		err := s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: "quiet"}, &v1alpha1.StockReservation{})
		Expect(apierrors.IsNotFound(err)).To(BeTrue())
	})

	It("stays once somebody wants something of it", func(ctx SpecContext) {
		s.mirroredFulfilled(ctx, "wanted")
		left := s.leaves(ctx, "wanted")
		before := env.WriteCounts(GinkgoTB())
		s.change(ctx, "wanted", func(spec *v1alpha1.OrderSpec) { spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken"} })
		o := s.becomes(ctx, "wanted", v1alpha1.OrderReturnRequested)
		Expect(o.Finalizers).To(ConsistOf(v1alpha1.OrderFinalizer, v1alpha1.MirrorFinalizer))
		Expect(o.Annotations).NotTo(HaveKey(v1alpha1.LeavingAnnotation))
		Expect(o.Annotations).To(HaveKeyWithValue(v1alpha1.TraceIDAnnotation, "trace-wanted"))
		Expect(env.WriteCounts(GinkgoTB()).Since(before).Of("orders")).To(BeEquivalentTo(3), "the request, the finalizers, the answer")

		By("so that the mirror can't delete what it judged")
		stale := client.Preconditions{UID: &left.UID, ResourceVersion: &left.ResourceVersion}
		Expect(apierrors.IsConflict(s.Delete(ctx, left, stale))).To(BeTrue())
	})
})

var _ = Describe("An order whose archive nobody asked", func() {
	It("is confirmed, and shipped once the mirror has asked", func(ctx SpecContext) {
		s := newMirroredShop(ctx, clock.RealClock{})
		s.mirroredConfirmed(ctx, "unasked", func(o *v1alpha1.Order) {
			o.Annotations[v1alpha1.UnaskedAnnotation] = "true"
		})
		s.ships(ctx, "unasked")
		Eventually(func(g Gomega) {
			waits := meta.FindStatusCondition(s.get(ctx, "unasked").Status.Conditions, v1alpha1.OrderConditionReconciling)
			g.Expect(waits).NotTo(BeNil())
			g.Expect(waits.Message).To(ContainSubstring("waits to be shipped until the mirror has asked the archive"))
		}).Should(Succeed())
		Consistently(func() v1alpha1.ReservationIntent { return s.reservation(ctx, "unasked").Spec.Intent }).Should(Equal(v1alpha1.IntentHold))

		o := s.get(ctx, "unasked")
		delete(o.Annotations, v1alpha1.UnaskedAnnotation)
		Expect(s.Update(ctx, o)).To(Succeed())
		s.intends(ctx, "unasked", v1alpha1.IntentCommit)
		s.decided(ctx, "unasked", v1alpha1.ReservationCommitted)
		o = s.becomes(ctx, "unasked", v1alpha1.OrderFulfilled)
		Expect(meta.FindStatusCondition(o.Status.Conditions, v1alpha1.OrderConditionReconciling)).To(BeNil())
	})
})
