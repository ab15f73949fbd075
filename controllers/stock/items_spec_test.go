package stock_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

var _ = Describe("A stock item", func() {
	var s *shop
	BeforeEach(func() { s = openShop() })

	It("that is deleted stays while something is reserved of it, and nothing more is reserved meanwhile", func(ctx SpecContext) {
		s.item(ctx, "mug", 10)
		s.reserve(ctx, "held", testenv.Line("mug", 4))
		Eventually(s.level(ctx, "mug")).Should(Equal("10/4/6"))
		s.remove(ctx, "mug", &v1alpha1.StockItem{})
		s.reserve(ctx, "late", testenv.Line("mug", 1))
		Eventually(s.reservation(ctx, "late")).Should(Equal(v1alpha1.ReservationRejected))
		late := &v1alpha1.StockReservation{}
		Expect(s.read(ctx, "late", late)).To(Succeed())
		Expect(late.Status.Shortages).To(ConsistOf(v1alpha1.StockShortage{ProductID: "mug", Requested: 1, Reason: v1alpha1.ShortageUnknownProduct}))
		s.document(ctx, "delivery", "mug", v1alpha1.AdjustmentReceived, 5)
		Eventually(s.verdict(ctx, "delivery")).Should(Equal("Pending UnknownProduct"))
		Expect(s.absent(ctx, "mug", &v1alpha1.StockItem{})()).To(BeFalse())

		s.want(ctx, "held", v1alpha1.IntentRelease)
		Eventually(s.absent(ctx, "mug", &v1alpha1.StockItem{})).Should(BeTrue())
		s.quiet(ctx)

		By("documents wait for the next of its name")
		s.item(ctx, "mug", 7)
		Eventually(s.verdict(ctx, "delivery")).Should(Equal("Applied Applied"))
		Eventually(s.level(ctx, "mug")).Should(Equal("12/0/12"))
		s.quiet(ctx)
	})

	It("has its finalizer also when the first thing that happens to it is a movement, and loses it when the last is one", func(ctx SpecContext) {
		s.document(ctx, "early", "mug", v1alpha1.AdjustmentReceived, 5)
		Eventually(s.verdict(ctx, "early")).Should(Equal("Pending UnknownProduct"))
		s.item(ctx, "mug", 10)
		Eventually(s.level(ctx, "mug")).Should(Equal("15/0/15"))
		Eventually(func() ([]string, error) {
			i := &v1alpha1.StockItem{}
			err := s.read(ctx, "mug", i)
			return i.Finalizers, err
		}).Should(ConsistOf(v1alpha1.StockItemFinalizer))

		s.reserve(ctx, "held", testenv.Line("mug", 2))
		Eventually(s.reservation(ctx, "held")).Should(Equal(v1alpha1.ReservationReserved))
		s.remove(ctx, "mug", &v1alpha1.StockItem{})
		s.quiet(ctx)
		Expect(s.level(ctx, "mug")()).To(Equal("15/2/13"), "an item stays while something is reserved of it")
		s.want(ctx, "held", v1alpha1.IntentCommit)
		Eventually(s.absent(ctx, "mug", &v1alpha1.StockItem{})).Should(BeTrue())
		s.quiet(ctx)
	})

	It("shows again what is so when a person writes something else into its status", func(ctx SpecContext) {
		s.item(ctx, "mug", 10)
		s.reserve(ctx, "basket", testenv.Line("mug", 4))
		Eventually(s.level(ctx, "mug")).Should(Equal("10/4/6"))
		s.quiet(ctx)
		i := &v1alpha1.StockItem{}
		Expect(s.read(ctx, "mug", i)).To(Succeed())
		i.Status.Reserved, i.Status.AsOf = 7, &metav1.Time{Time: time.Now()}
		Expect(s.Status().Update(ctx, i)).To(Succeed())
		Eventually(s.level(ctx, "mug")).WithTimeout(10 * time.Second).Should(Equal("10/4/6"))
		s.quiet(ctx)
	})

	It("of which a count finds less than is reserved says so, and nothing more is granted until that is covered", func(ctx SpecContext) {
		oversold := func(ctx context.Context) func() (string, error) {
			return func() (string, error) {
				i := &v1alpha1.StockItem{}
				err := s.read(ctx, "mug", i)
				for _, c := range i.Status.Conditions {
					if c.Type == v1alpha1.StockItemConditionOversold {
						return string(c.Status) + " " + c.Message, err
					}
				}
				return "", err
			}
		}
		s.item(ctx, "mug", 10)
		s.reserve(ctx, "a", testenv.Line("mug", 5))
		s.reserve(ctx, "b", testenv.Line("mug", 4))
		Eventually(s.level(ctx, "mug")).Should(Equal("10/9/1"))
		s.quiet(ctx)
		s.document(ctx, "count", "mug", v1alpha1.AdjustmentCounted, 6)
		Eventually(s.verdict(ctx, "count")).Should(Equal("Applied Applied"))
		Eventually(oversold(ctx)).Should(And(HavePrefix("True"), ContainSubstring("Received")))
		Eventually(s.level(ctx, "mug")).Should(Equal("6/9/-3"))
		s.reserve(ctx, "c", testenv.Line("mug", 1))
		Eventually(s.reservation(ctx, "c")).Should(Equal(v1alpha1.ReservationRejected))
		c := &v1alpha1.StockReservation{}
		Expect(s.read(ctx, "c", c)).To(Succeed())
		Expect(c.Status.Shortages).To(ConsistOf(v1alpha1.StockShortage{ProductID: "mug", Requested: 1, Available: -3, Reason: v1alpha1.ShortageOversold}))

		By("another leader does not forget it")
		s.start("successor")
		s.want(ctx, "b", v1alpha1.IntentCommit) // what was promised still goes out
		Eventually(s.level(ctx, "mug")).Should(Equal("2/5/-3"))
		s.document(ctx, "delivery", "mug", v1alpha1.AdjustmentReceived, 4)
		Eventually(s.level(ctx, "mug")).Should(Equal("6/5/1"))
		Eventually(oversold(ctx)).Should(HavePrefix("False"))
		s.reserve(ctx, "d", testenv.Line("mug", 1))
		Eventually(s.reservation(ctx, "d")).Should(Equal(v1alpha1.ReservationReserved))
		s.quiet(ctx)
	})
})
