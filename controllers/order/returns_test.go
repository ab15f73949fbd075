package order_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

var _ = Describe("A return", func() {
	var s *shop
	BeforeEach(func(ctx SpecContext) { s = newShop(ctx, clock.RealClock{}) })

	ask := func(ctx SpecContext, name, id string, items ...v1alpha1.ReturnItem) {
		GinkgoHelper()
		s.change(ctx, name, func(spec *v1alpha1.OrderSpec) {
			spec.Return = &v1alpha1.Return{RequestID: id, Reason: "does not fit", Items: items, Requester: v1alpha1.Requester{OnBehalfOf: "customer-1"}}
		})
	}
	decide := func(ctx SpecContext, name string, d v1alpha1.ReturnDecision) {
		GinkgoHelper()
		s.change(ctx, name, func(spec *v1alpha1.OrderSpec) { spec.Return.Decision = &d })
	}

	It("that is approved puts the goods back and refunds what was paid for them", func(ctx SpecContext) {
		s.fulfilled(ctx, "r")
		first, third := int32(1), int32(3)
		ask(ctx, "r", "r1", v1alpha1.ReturnItem{Line: &first, ProductID: "prod-001", Quantity: 2}, v1alpha1.ReturnItem{Line: &third, ProductID: "prod-001", Quantity: 1})
		o := s.becomes(ctx, "r", v1alpha1.OrderReturnRequested)
		Expect(o.Status.Return.RefundAmount).To(Equal("49.97"))
		decide(ctx, "r", v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove})
		r := s.intends(ctx, "r", v1alpha1.IntentRestock)
		Expect(*r.Spec.Restock).To(Equal([]v1alpha1.StockLine{{ProductID: "prod-001", Quantity: 3}}))
		Expect(s.get(ctx, "r").Status.Phase).To(Equal(v1alpha1.OrderReturnRequested), "until it is back")
		s.decided(ctx, "r", v1alpha1.ReservationRestocked)
		o = s.becomes(ctx, "r", v1alpha1.OrderFulfilled)
		Expect(o.Status.RefundAmount).To(Equal("49.97"))

		ask(ctx, "r", "r2")
		o = s.becomes(ctx, "r", v1alpha1.OrderReturnRequested)
		Expect(o.Status.Return.RefundAmount).To(Equal("5.00"))
		decide(ctx, "r", v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove})
		both := []v1alpha1.StockLine{{ProductID: "prod-001", Quantity: 3}, {ProductID: "prod-002", Quantity: 1}}
		Eventually(func() []v1alpha1.StockLine { return *s.reservation(ctx, "r").Spec.Restock }).Should(Equal(both))
		Consistently(func() v1alpha1.OrderPhase { return s.get(ctx, "r").Status.Phase }).Should(Equal(v1alpha1.OrderReturnRequested), "until it is back, too")
		s.restocked(ctx, "r", v1alpha1.RestockedLine{ProductID: "prod-001", Quantity: 3}, v1alpha1.RestockedLine{ProductID: "prod-002", Quantity: 1})
		o = s.becomes(ctx, "r", v1alpha1.OrderReturned)
		Expect(o.Status.RefundAmount).To(Equal(o.Status.TotalAmount))
		Expect(historyOf(o)).To(Equal([]v1alpha1.OrderHistoryType{
			v1alpha1.HistoryCreated, v1alpha1.HistoryConfirmed, v1alpha1.HistoryFulfilled,
			v1alpha1.HistoryReturnRequested, v1alpha1.HistoryReturned, v1alpha1.HistoryRefundRequested,
			v1alpha1.HistoryReturnRequested, v1alpha1.HistoryReturned, v1alpha1.HistoryRefundRequested,
		}))
	})

	It("of goods that can't be put back is refunded, and says so in the order, an Event and a metric", func(ctx SpecContext) {
		before := notRestocked()
		s.fulfilled(ctx, "lost")
		ask(ctx, "lost", "r1")
		s.becomes(ctx, "lost", v1alpha1.OrderReturnRequested)
		decide(ctx, "lost", v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove})
		s.intends(ctx, "lost", v1alpha1.IntentRestock)
		s.restocked(ctx, "lost", v1alpha1.RestockedLine{ProductID: "prod-001", Quantity: 3, NotRestocked: 3}, v1alpha1.RestockedLine{ProductID: "prod-002", Quantity: 1})
		o := s.becomes(ctx, "lost", v1alpha1.OrderReturned)
		Expect(o.Status.NotRestocked).To(Equal([]v1alpha1.StockLine{{ProductID: "prod-001", Quantity: 3}}))
		told := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.OrderConditionReturned)
		Expect(told.Message).To(ContainSubstring("could not be put back"))
		Eventually(func(g Gomega) {
			all := &eventsv1.EventList{}
			g.Expect(s.List(ctx, all, client.InNamespace(s.namespace))).To(Succeed())
			g.Expect(all.Items).To(HaveLen(1))
			g.Expect(all.Items[0].Type).To(Equal("Warning"))
			g.Expect(all.Items[0].Reason).To(Equal("NotRestocked"))
			g.Expect(all.Items[0].Regarding.Name).To(Equal("lost"))
			g.Expect(all.Items[0].Note).To(Equal(told.Message))
		}).Should(Succeed())
		Expect(notRestocked() - before).To(BeEquivalentTo(3))
	})

	It("that can't be sold again is refunded and not put back", func(ctx SpecContext) {
		s.fulfilled(ctx, "worn")
		ask(ctx, "worn", "r1")
		s.becomes(ctx, "worn", v1alpha1.OrderReturnRequested)
		no := false
		decide(ctx, "worn", v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove, Restock: &no})
		r := s.intends(ctx, "worn", v1alpha1.IntentRestock)
		Expect(r.Spec.Restock).NotTo(BeNil(), "absent would mean every line")
		Expect(*r.Spec.Restock).To(BeEmpty())
	})

	It("that is rejected may be asked for again", func(ctx SpecContext) {
		s.fulfilled(ctx, "again")
		ask(ctx, "again", "r1")
		s.becomes(ctx, "again", v1alpha1.OrderReturnRequested)
		decide(ctx, "again", v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictReject, Reason: "worn"})
		o := s.becomes(ctx, "again", v1alpha1.OrderFulfilled)
		Expect(o.Status.Return.State).To(Equal(v1alpha1.ReturnRejected))
		Expect(o.Status.Return.Message).To(Equal("worn"))
		ask(ctx, "again", "r2")
		o = s.becomes(ctx, "again", v1alpha1.OrderReturnRequested)
		Expect(o.Status.Return.RequestID).To(Equal("r2"))
	})

	It("of more than was ordered is refused and the order stays as it is", func(ctx SpecContext) {
		s.fulfilled(ctx, "greedy")
		ask(ctx, "greedy", "r1", v1alpha1.ReturnItem{ProductID: "prod-002", Quantity: 2})
		Eventually(func(g Gomega) {
			o := s.get(ctx, "greedy")
			g.Expect(o.Status.Return).NotTo(BeNil())
			g.Expect(o.Status.Return.State).To(Equal(v1alpha1.ReturnRefused))
			g.Expect(o.Status.Phase).To(Equal(v1alpha1.OrderFulfilled))
			told := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.OrderConditionIntentRefused)
			g.Expect(told).NotTo(BeNil())
			g.Expect(told.Message).To(Equal("request return: items[0]: 1 of prod-002 are left to return, not 2"))
		}).Should(Succeed())
	})

	It("is approved without a person where the class says so", func(ctx SpecContext) {
		class := &v1alpha1.OrderClass{ObjectMeta: metav1.ObjectMeta{Name: "kind-" + s.namespace}}
		class.Spec.AutoApproveReturns = "refundMinor <= 1000 && order.status.currency == 'EUR'"
		Expect(s.Create(ctx, class)).To(Succeed())
		o := s.order("auto")
		o.Spec.ClassName = class.Name
		s.place(ctx, o)
		s.decided(ctx, "auto", v1alpha1.ReservationReserved)
		s.becomes(ctx, "auto", v1alpha1.OrderConfirmed)
		s.change(ctx, "auto", func(spec *v1alpha1.OrderSpec) { spec.Fulfillment = &v1alpha1.Fulfillment{} })
		s.intends(ctx, "auto", v1alpha1.IntentCommit)
		s.decided(ctx, "auto", v1alpha1.ReservationCommitted)
		s.becomes(ctx, "auto", v1alpha1.OrderFulfilled)
		ask(ctx, "auto", "r1", v1alpha1.ReturnItem{ProductID: "prod-002", Quantity: 1})
		s.intends(ctx, "auto", v1alpha1.IntentRestock)
		s.decided(ctx, "auto", v1alpha1.ReservationRestocked)
		done := s.becomes(ctx, "auto", v1alpha1.OrderFulfilled)
		Expect(done.Status.RefundAmount).To(Equal("5.00"))
		last := done.Status.History[len(done.Status.History)-2]
		Expect(last.Reason).To(Equal("AutoApproved"))
		Expect(last.By).To(BeEmpty())
	})
})

// notRestocked is how many units the metric has of which the item was gone.
func notRestocked() (units float64) {
	GinkgoHelper()
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		if family.GetName() != "orderplane_order_units_not_restocked_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == "ItemGone" {
				units += m.GetCounter().GetValue()
			}
		}
	}
	return units
}
