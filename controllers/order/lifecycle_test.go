package order_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

var _ = Describe("An order", func() {
	var s *shop
	BeforeEach(func(ctx SpecContext) { s = newShop(ctx, clock.RealClock{}) })

	It("reserves its stock and is confirmed with one status write", func(ctx SpecContext) {
		before := env.WriteCounts(GinkgoTB())
		s.place(ctx, s.order("a"))

		r := s.reservation(ctx, "a")
		Expect(r.Spec.Lines).To(Equal([]v1alpha1.StockLine{
			{ProductID: "prod-001", Quantity: 3}, {ProductID: "prod-002", Quantity: 1},
		}))
		Expect(r.Spec.Intent).To(Equal(v1alpha1.IntentHold))
		Expect(r.Spec.OrderRef.UID).To(Equal(string(s.get(ctx, "a").UID)))
		Expect(r.OwnerReferences).To(HaveLen(1))
		Expect(*r.OwnerReferences[0].Controller).To(BeTrue())
		Expect(*r.OwnerReferences[0].BlockOwnerDeletion).To(BeFalse())
		Expect(r.Annotations).To(HaveKeyWithValue(v1alpha1.TraceIDAnnotation, "trace-a"))

		s.decided(ctx, "a", v1alpha1.ReservationReserved)
		o := s.becomes(ctx, "a", v1alpha1.OrderConfirmed)
		Expect(o.Status.TotalAmount).To(Equal("54.97"))
		Expect(o.Status.Currency).To(Equal(v1alpha1.Currency("EUR")))
		Expect(o.Status.ObservedGeneration).To(Equal(o.Generation))
		Expect(o.Status.ConfirmedAt).NotTo(BeNil())
		Expect(meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.OrderConditionConfirmed)).To(BeTrue())
		Expect(historyOf(o)).To(Equal([]v1alpha1.OrderHistoryType{v1alpha1.HistoryCreated, v1alpha1.HistoryConfirmed}))

		Consistently(func() int64 {
			return env.WriteCounts(GinkgoTB()).Since(before).Of("orders", "stockreservations")
		}).Should(BeEquivalentTo(4), "order, reservation, its status by the test, the order's status")
	})

	It("is cancelled when stock is short, and says which products", func(ctx SpecContext) {
		s.place(ctx, s.order("short"))
		s.decided(ctx, "short", v1alpha1.ReservationRejected,
			v1alpha1.StockShortage{ProductID: "prod-001", Requested: 3, Available: 1, Reason: v1alpha1.ShortageInsufficientStock},
			v1alpha1.StockShortage{ProductID: "prod-002", Requested: 1, Reason: v1alpha1.ShortageUnknownProduct})
		o := s.becomes(ctx, "short", v1alpha1.OrderCancelled)
		Expect(o.Status.CancelledReason).To(Equal(v1alpha1.CancelInsufficientStock))
		Expect(o.Status.Shortages).To(HaveLen(2))
		Expect(historyOf(o)).To(Equal([]v1alpha1.OrderHistoryType{
			v1alpha1.HistoryCreated, v1alpha1.HistoryCancelRequested, v1alpha1.HistoryCancelled,
		}))
		Expect(o.Status.History[2].Message).To(Equal("prod-001 is short: 3 asked, 1 available; prod-002 does not exist"))
		Expect(meta.IsStatusConditionFalse(o.Status.Conditions, v1alpha1.OrderConditionConfirmed)).To(BeTrue())
	})

	It("gives its stock back when it is cancelled", func(ctx SpecContext) {
		s.confirmed(ctx, "c")
		s.change(ctx, "c", func(spec *v1alpha1.OrderSpec) {
			spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
		})
		o := s.becomes(ctx, "c", v1alpha1.OrderCancelled)
		Expect(o.Status.CancelledReason).To(Equal(v1alpha1.CancelCustomerRequest))
		Expect(o.Status.ConfirmedAt).NotTo(BeNil(), "it was confirmed, and stays so")
		s.intends(ctx, "c", v1alpha1.IntentRelease)
	})

	It("that is created cancelled never reserves", func(ctx SpecContext) {
		o := s.order("stillborn")
		o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelPaymentFailed}
		s.place(ctx, o)
		s.becomes(ctx, "stillborn", v1alpha1.OrderCancelled)
		Consistently(func() bool {
			err := s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: "stillborn"}, &v1alpha1.StockReservation{})
			return apierrors.IsNotFound(err)
		}).Should(BeTrue())
	})

	It("takes its stock off the shelf before it is fulfilled", func(ctx SpecContext) {
		o := s.fulfilled(ctx, "f")
		Expect(o.Status.FulfilledAt).NotTo(BeNil())
		Expect(o.Status.ObservedGeneration).To(Equal(o.Generation))
		Expect(o.Status.History[2].Message).To(Equal("shipped with DHL"))
	})
})
