package order_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

var _ = Describe("A decision in the stock journal", func() {
	var s *shop
	BeforeEach(func(ctx SpecContext) { s = newShop(ctx, clock.RealClock{}) })

	It("moves its order before the reservation shows it", func(ctx SpecContext) {
		for _, name := range []string{"granted", "short"} {
			s.place(ctx, s.order(name))
		}
		granted, short := s.reservation(ctx, "granted"), s.reservation(ctx, "short")
		s.journals(ctx,
			entry(v1alpha1.EntryGrant, granted),
			entry(v1alpha1.EntryReject, short, v1alpha1.JournalLine{
				ProductID: "prod-001", Quantity: 3, Remaining: 1, Shortage: v1alpha1.ShortageInsufficientStock,
			}))
		Expect(s.becomes(ctx, "granted", v1alpha1.OrderConfirmed).Status.Reservation.Phase).To(Equal(v1alpha1.ReservationReserved))
		Expect(s.becomes(ctx, "short", v1alpha1.OrderCancelled).Status.Shortages).To(HaveLen(1))
		for _, name := range []string{"granted", "short"} {
			Expect(s.reservation(ctx, name).Status.Phase).To(Equal(v1alpha1.ReservationPending))
		}
	})

	It("that the controller no longer sees, and its reservation does not show yet, is looked up", func(ctx SpecContext) {
		s.place(ctx, s.order("o"))
		held := s.reservation(ctx, "o")
		Eventually(func() error {
			return s.cached.Get(ctx, client.ObjectKeyFromObject(held), &v1alpha1.StockReservation{})
		}).Should(Succeed())
		release := s.reservations.Hold()
		defer release()
		s.journals(ctx, entry(v1alpha1.EntryGrant, held))
		s.becomes(ctx, "o", v1alpha1.OrderConfirmed)
		s.decided(ctx, "o", v1alpha1.ReservationReserved)
		s.journals(ctx)

		before := s.calls.Count()
		Eventually(func() int64 {
			s.nudge(ctx, "o") // until its watch has brought that the journal is empty
			return s.calls.Count()
		}).Should(BeNumerically(">=", before+2), "it asks for journal and reservation")
		Consistently(func() bool {
			return meta.IsStatusConditionTrue(s.get(ctx, "o").Status.Conditions, v1alpha1.OrderConditionStalled)
		}).Should(BeFalse())
	})
})
