package flows

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

var _ = Describe("What was shipped", func() {
	var s *shop
	BeforeEach(func() {
		s = openShop()
		startManager(s.namespace)
	})

	It("comes back in parts, line by line, until all is back", func(ctx context.Context) {
		s.item(ctx, "tea", 10)
		s.item(ctx, "mug", 10)
		o := s.newOrder("ord-1", line{"tea", 3}, line{"mug", 1}, line{"tea", 2})
		o.Spec.Items[0].UnitPrice, o.Spec.Items[2].UnitPrice = "0.335", "0.125"
		Expect(k8s.Create(ctx, o)).To(Succeed())
		s.ship(ctx, "ord-1")
		Eventually(s.level(ctx, "tea")).Should(Equal("5/0/5"))

		s.returns(ctx, "ord-1", "r1", true, of(1, "tea", 1))
		Eventually(s.level(ctx, "tea")).Should(Equal("6/0/6"))
		s.returns(ctx, "ord-1", "r2", false, of(1, "tea", 1), of(3, "tea", 1))
		s.returns(ctx, "ord-1", "r3", true)
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderReturned))
		Eventually(s.level(ctx, "tea")).Should(Equal("8/0/8"), "two were worn")
		Eventually(s.level(ctx, "mug")).Should(Equal("10/0/10"))
		back, err := s.order(ctx, "ord-1")
		Expect(err).NotTo(HaveOccurred())
		Expect(back.Status.RefundAmount).To(Equal(back.Status.TotalAmount))
		Expect(back.Status.NotRestocked).To(BeEmpty())
	})

	It("is named when its item was made again and it can't go back", func(ctx context.Context) {
		s.item(ctx, "tea", 5)
		s.item(ctx, "mug", 5)
		s.place(ctx, "ord-1", line{"tea", 2}, line{"mug", 1})
		s.ship(ctx, "ord-1")
		Eventually(s.level(ctx, "tea")).Should(Equal("3/0/3"))
		gone := testenv.Item(s.namespace, "tea", 0)
		Expect(k8s.Delete(ctx, gone)).To(Succeed())
		Eventually(func() error { return client.IgnoreNotFound(k8s.Get(ctx, client.ObjectKeyFromObject(gone), gone)) }).Should(Succeed())
		Eventually(func() error { return k8s.Create(ctx, testenv.Item(s.namespace, "tea", 7)) }).Should(Succeed())

		s.returns(ctx, "ord-1", "r1", true)
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderReturned))
		o, err := s.order(ctx, "ord-1")
		Expect(err).NotTo(HaveOccurred())
		Expect(o.Status.NotRestocked).To(Equal([]v1alpha1.StockLine{{ProductID: "tea", Quantity: 2}}))
		Eventually(s.level(ctx, "tea")).Should(Equal("7/0/7"))
		Eventually(s.level(ctx, "mug")).Should(Equal("5/0/5"))
	})

	It("does not come back whole when a return names nothing at all", func(ctx context.Context) {
		s.item(ctx, "tea", 5)
		s.place(ctx, "ord-1", line{"tea", 2})
		s.ship(ctx, "ord-1")
		o, err := s.order(ctx, "ord-1")
		Expect(err).NotTo(HaveOccurred())
		empty := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"return":{"requestID":"r1","reason":"too blue","items":[]}}}`))
		Expect(k8s.Patch(ctx, o, empty)).To(MatchError(ContainSubstring("spec.return.items")))
	})

	It("may have 250 lines, and come back in two halves", func(ctx context.Context) {
		const products = 250
		var lines []line
		var half []v1alpha1.ReturnItem
		for i := range products {
			product := fmt.Sprintf("p-%03d", i)
			s.item(ctx, product, 3)
			lines = append(lines, line{product, 2})
			if i%2 == 0 {
				half = append(half, of(int32(i)+1, product, 2))
			}
		}
		s.place(ctx, "ord-1", lines...)
		s.ship(ctx, "ord-1")
		s.returns(ctx, "ord-1", "r1", true, half...)
		s.returns(ctx, "ord-1", "r2", true)
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderReturned))
		for _, i := range []int{0, 1, 248, 249} {
			Eventually(s.level(ctx, fmt.Sprintf("p-%03d", i))).Should(Equal("3/0/3"))
		}
	})

	It("came out of a basket, whose stock nobody else could have had", func(ctx context.Context) {
		s.item(ctx, "tea", 2)
		basket := &v1alpha1.StockReservation{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "basket-1"}}
		end := metav1.NewTime(time.Now().Add(time.Hour))
		basket.Spec.Lines, basket.Spec.ExpiresAt = []v1alpha1.StockLine{{ProductID: "tea", Quantity: 2}}, &end
		basket.Spec.CustomerID = testenv.Order(s.namespace, "any").Spec.CustomerID
		Expect(k8s.Create(ctx, basket)).To(Succeed())
		Eventually(s.level(ctx, "tea")).Should(Equal("2/2/0"))

		s.place(ctx, "empty-handed", line{"tea", 1})
		Eventually(s.phase(ctx, "empty-handed")).Should(Equal(v1alpha1.OrderCancelled))
		o := s.newOrder("ord-1", line{"tea", 2})
		o.Spec.ReservationRef = &v1alpha1.ReservationReference{Name: "basket-1"}
		Expect(k8s.Create(ctx, o)).To(Succeed())
		s.ship(ctx, "ord-1")
		Eventually(s.level(ctx, "tea")).Should(Equal("0/0/0"))
		Expect(k8s.Get(ctx, client.ObjectKeyFromObject(basket), basket)).To(Succeed())
		Expect(basket.Status.Phase).To(Equal(v1alpha1.ReservationReleased))
	})
})

// of is a number of units of a line that come back.
func of(line int32, product string, units int64) v1alpha1.ReturnItem {
	return v1alpha1.ReturnItem{Line: &line, ProductID: product, Quantity: units}
}

// edit changes what is wanted of an order.
func (s *shop) edit(ctx context.Context, name string, change func(*v1alpha1.OrderSpec)) {
	GinkgoHelper()
	Expect(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		o, err := s.order(ctx, name)
		if err != nil {
			return err
		}
		change(&o.Spec)
		return k8s.Update(ctx, o)
	})).To(Succeed())
}

// ship waits until an order is confirmed, and ships it.
func (s *shop) ship(ctx context.Context, name string) {
	GinkgoHelper()
	Eventually(s.phase(ctx, name)).Should(Equal(v1alpha1.OrderConfirmed))
	s.edit(ctx, name, func(spec *v1alpha1.OrderSpec) { spec.Fulfillment = &v1alpha1.Fulfillment{} })
	Eventually(s.phase(ctx, name)).Should(Equal(v1alpha1.OrderFulfilled))
}

// returns asks for a return, approves it, and waits until it is through.
func (s *shop) returns(ctx context.Context, name, id string, restock bool, items ...v1alpha1.ReturnItem) {
	GinkgoHelper()
	Eventually(s.phase(ctx, name)).Should(Equal(v1alpha1.OrderFulfilled))
	s.edit(ctx, name, func(spec *v1alpha1.OrderSpec) {
		spec.Return = &v1alpha1.Return{RequestID: id, Reason: "too blue", Items: items}
	})
	Eventually(s.phase(ctx, name)).Should(Equal(v1alpha1.OrderReturnRequested))
	s.edit(ctx, name, func(spec *v1alpha1.OrderSpec) {
		spec.Return.Decision = &v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove, Restock: &restock}
	})
	Eventually(s.phase(ctx, name)).ShouldNot(Equal(v1alpha1.OrderReturnRequested))
}
