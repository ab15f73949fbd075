package stock_test

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

var _ = Describe("A basket", func() {
	It("expires by itself", func(ctx SpecContext) {
		s := openShop()
		s.item(ctx, "mug", 1)
		Expect(s.Create(ctx, testenv.Basket(s.namespace, "basket", time.Now().Add(2*time.Second), testenv.Line("mug", 1)))).To(Succeed())
		Eventually(s.reservation(ctx, "basket")).Should(Equal(v1alpha1.ReservationReserved))
		Eventually(s.reservation(ctx, "basket")).WithTimeout(10 * time.Second).Should(Equal(v1alpha1.ReservationReleased))
		s.quiet(ctx)
		Expect(s.level(ctx, "mug")()).To(Equal("1/0/1"))
	})
})

var _ = Describe("Reservations that trickle in, each written before the next one comes", func() {
	It("share writes of the journal: a batch takes what came in a tenth of a second, or twelve", func(ctx SpecContext) {
		const trickle = 40
		s := openShop()
		s.item(ctx, "tea", trickle)
		s.reserve(ctx, "first", testenv.Line("tea", 1))
		Eventually(s.reservation(ctx, "first")).Should(Equal(v1alpha1.ReservationReserved))
		before, start := s.swaps.Count(), time.Now()
		for i := range trickle - 1 {
			s.reserve(ctx, fmt.Sprint("r-", i), testenv.Line("tea", 1))
		}
		Eventually(s.level(ctx, "tea")).Should(Equal(fmt.Sprintf("%d/%d/0", trickle, trickle)))
		most := int(time.Since(start)/(100*time.Millisecond)) + trickle/12 + 1
		Expect(s.swaps.Count()-before).To(And(BeNumerically(">", 0), BeNumerically("<=", most)), "writes of the journal in %s", time.Since(start))
		s.quiet(ctx)
	})
})
