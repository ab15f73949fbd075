package stock_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

var _ = Describe("a basket that becomes an order", func() {
	unit := func(n int64) v1alpha1.StockLine { return v1alpha1.StockLine{ProductID: "prod-001", Quantity: n} }
	// takes makes an order's reservation that takes the basket over.
	takes := func(s *shop, name, customer string, lines ...v1alpha1.StockLine) *v1alpha1.StockReservation {
		r := testenv.Reservation(s.namespace, name, lines...)
		r.Spec.OrderRef = &v1alpha1.OrderReference{Name: name, UID: "uid-of-" + name}
		r.Spec.CustomerID, r.Spec.TakeOver = customer, &v1alpha1.ReservationReference{Name: "basket"}
		return r
	}
	basket := func(s *shop, customer string, lines ...v1alpha1.StockLine) *v1alpha1.StockReservation {
		r := testenv.Reservation(s.namespace, "basket", lines...)
		r.Spec.CustomerID = customer
		return r
	}

	It("is never short because of its own basket, and ends the basket", func(ctx SpecContext) {
		s := openShop()
		s.item(ctx, "prod-001", 3)
		Expect(s.Create(ctx, basket(s, "c-1", unit(2)))).To(Succeed())
		Eventually(s.reservation(ctx, "basket")).Should(Equal(v1alpha1.ReservationReserved))
		Expect(s.Create(ctx, takes(s, "order", "c-1", unit(3)))).To(Succeed())
		Eventually(s.reservation(ctx, "order")).Should(Equal(v1alpha1.ReservationReserved))
		Eventually(s.reservation(ctx, "basket")).Should(Equal(v1alpha1.ReservationReleased))
		ended, granted := &v1alpha1.StockReservation{}, &v1alpha1.StockReservation{}
		Expect(s.read(ctx, "basket", ended)).To(Succeed())
		Expect(s.read(ctx, "order", granted)).To(Succeed())
		last := ended.Status.History[len(ended.Status.History)-1]
		Expect(last.Reason).To(Equal("TakenOver"))
		Expect(granted.Status.History[0].Seq).To(Equal(last.Seq+1), "one decision of two entries")
		Eventually(s.level(ctx, "prod-001")).Should(Equal("3/3/0"))
		s.quiet(ctx)
	})

	It("leaves the basket alone when it is short even so, or is somebody else's", func(ctx SpecContext) {
		s := openShop()
		s.item(ctx, "prod-001", 3)
		Expect(s.Create(ctx, basket(s, "c-1", unit(2)))).To(Succeed())
		Eventually(s.reservation(ctx, "basket")).Should(Equal(v1alpha1.ReservationReserved))
		Expect(s.Create(ctx, takes(s, "greedy", "c-1", unit(4)))).To(Succeed())
		Expect(s.Create(ctx, takes(s, "stranger", "c-2", unit(2)))).To(Succeed())
		Eventually(s.reservation(ctx, "greedy")).Should(Equal(v1alpha1.ReservationRejected))
		Eventually(s.reservation(ctx, "stranger")).Should(Equal(v1alpha1.ReservationRejected))
		Expect(s.reservation(ctx, "basket")()).To(Equal(v1alpha1.ReservationReserved))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("3/2/1"))
		s.quiet(ctx)
	})
})

var _ = Describe("what comes back", func() {
	It("is put back part by part, and what can't be is said", func(ctx SpecContext) {
		s := openShop()
		s.item(ctx, "prod-001", 5)
		s.item(ctx, "prod-002", 1)
		s.reserve(ctx, "r", v1alpha1.StockLine{ProductID: "prod-001", Quantity: 4}, v1alpha1.StockLine{ProductID: "prod-002", Quantity: 1})
		s.want(ctx, "r", v1alpha1.IntentCommit)
		Eventually(s.level(ctx, "prod-001")).Should(Equal("1/0/1"))
		Eventually(s.reservation(ctx, "r")).Should(Equal(v1alpha1.ReservationCommitted))
		back := func(lines ...v1alpha1.StockLine) {
			GinkgoHelper()
			Eventually(func() error {
				r := &v1alpha1.StockReservation{}
				if err := s.read(ctx, "r", r); err != nil {
					return err
				}
				r.Spec.Intent, r.Spec.Restock = v1alpha1.IntentRestock, &lines
				return s.Update(ctx, r)
			}).Should(Succeed())
		}
		restocked := func() ([]v1alpha1.RestockedLine, error) {
			r := &v1alpha1.StockReservation{}
			err := s.read(ctx, "r", r)
			return r.Status.Restocked, err
		}
		back(v1alpha1.StockLine{ProductID: "prod-001", Quantity: 1})
		Eventually(restocked).Should(Equal([]v1alpha1.RestockedLine{{ProductID: "prod-001", Quantity: 1}}))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("2/0/2"))

		s.remove(ctx, "prod-002", &v1alpha1.StockItem{ObjectMeta: metav1.ObjectMeta{}})
		Eventually(s.absent(ctx, "prod-002", &v1alpha1.StockItem{})).Should(BeTrue())
		back(v1alpha1.StockLine{ProductID: "prod-001", Quantity: 3}, v1alpha1.StockLine{ProductID: "prod-002", Quantity: 1})
		Eventually(restocked).Should(Equal([]v1alpha1.RestockedLine{
			{ProductID: "prod-001", Quantity: 3}, {ProductID: "prod-002", Quantity: 1, NotRestocked: 1},
		}))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("4/0/4"))
		s.quiet(ctx)
	})
})
