package flows

import (
	"context"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

var _ = Describe("An order", func() {
	var s *shop
	BeforeEach(func() {
		s = openShop()
		startManager(s.namespace)
	})

	It("is confirmed once every line is reserved", func(ctx context.Context) {
		s.item(ctx, "prod-001", 100)
		s.item(ctx, "prod-002", 50)
		s.place(ctx, "ord-1", line{"prod-001", 2}, line{"prod-002", 1})

		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderConfirmed))
		o, err := s.order(ctx, "ord-1")
		Expect(err).NotTo(HaveOccurred())
		Expect(o.Status.TotalAmount).To(Equal("59.97"))
		Expect(meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.OrderConditionConfirmed)).To(BeTrue())
		Eventually(s.level(ctx, "prod-001")).Should(Equal("100/2/98"))
		Eventually(s.level(ctx, "prod-002")).Should(Equal("50/1/49"))
	})

	It("is cancelled when one line is short, and holds nothing of the others", func(ctx context.Context) {
		s.item(ctx, "plenty", 100)
		s.item(ctx, "scarce", 3)
		s.place(ctx, "ord-1", line{"plenty", 2}, line{"scarce", 4})

		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderCancelled))
		o, err := s.order(ctx, "ord-1")
		Expect(err).NotTo(HaveOccurred())
		Expect(o.Status.CancelledReason).To(Equal(v1alpha1.CancelInsufficientStock))
		Expect(o.Status.Shortages).To(ConsistOf(v1alpha1.StockShortage{ProductID: "scarce", Requested: 4, Available: 3, Reason: v1alpha1.ShortageInsufficientStock}))
		Eventually(s.level(ctx, "plenty")).Should(Equal("100/0/100"))
		Eventually(s.level(ctx, "scarce")).Should(Equal("3/0/3"))
	})

	It("says so when a product does not exist", func(ctx context.Context) {
		s.item(ctx, "plenty", 100)
		s.place(ctx, "ord-1", line{"plenty", 2}, line{"nowhere", 1})

		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderCancelled))
		o, err := s.order(ctx, "ord-1")
		Expect(err).NotTo(HaveOccurred())
		Expect(o.Status.Shortages).To(HaveLen(1))
		Expect(o.Status.Shortages[0].Reason).To(Equal(v1alpha1.ShortageUnknownProduct))
		last := o.Status.History[len(o.Status.History)-1]
		Expect(last.Message).To(ContainSubstring("nowhere"))
	})

	It("gives its stock back when it is cancelled, and when it is deleted", func(ctx context.Context) {
		s.item(ctx, "prod-001", 10)
		s.place(ctx, "cancelled", line{"prod-001", 4})
		s.place(ctx, "deleted", line{"prod-001", 5})
		Eventually(s.phase(ctx, "cancelled")).Should(Equal(v1alpha1.OrderConfirmed))
		Eventually(s.phase(ctx, "deleted")).Should(Equal(v1alpha1.OrderConfirmed))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("10/9/1"))

		s.change(ctx, "cancelled", func(o *v1alpha1.Order) {
			o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
		})
		Eventually(s.phase(ctx, "cancelled")).Should(Equal(v1alpha1.OrderCancelled))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("10/5/5"))

		o, err := s.order(ctx, "deleted")
		Expect(err).NotTo(HaveOccurred())
		Expect(k8s.Delete(ctx, o)).To(Succeed())
		Eventually(s.level(ctx, "prod-001")).Should(Equal("10/0/10"))
	})

	It("takes its stock off the shelf when it is fulfilled", func(ctx context.Context) {
		s.item(ctx, "prod-001", 10)
		s.place(ctx, "ord-1", line{"prod-001", 4})
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderConfirmed))
		s.change(ctx, "ord-1", func(o *v1alpha1.Order) {
			o.Spec.Fulfillment = &v1alpha1.Fulfillment{Carrier: "DHL", TrackingNumber: "00340434"}
		})
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderFulfilled))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("6/0/6"))
	})
})

var _ = Describe("A basket", func() {
	It("holds stock until it expires, may be extended while it holds, and is Current for tools all the time", func(ctx context.Context) {
		s := openShop()
		startManager(s.namespace)
		s.item(ctx, "prod-001", 10)
		basket := testenv.Basket(s.namespace, "basket-1", time.Now().Add(time.Hour), testenv.Line("prod-001", 3))
		Expect(k8s.Create(ctx, basket)).To(Succeed())
		answered := func() (string, error) {
			err := k8s.Get(ctx, client.ObjectKeyFromObject(basket), basket)
			return fmt.Sprintf("%s, generation %d answered: %t", basket.Status.Phase, basket.Generation, basket.Status.ObservedGeneration == basket.Generation), err
		}
		Eventually(answered).Should(Equal("Reserved, generation 1 answered: true"))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("10/3/7"))

		basket.Spec.ExpiresAt = &metav1.Time{Time: time.Now().Add(2 * time.Hour)}
		Expect(k8s.Update(ctx, basket)).To(Succeed())
		Eventually(answered).Should(Equal("Reserved, generation 2 answered: true"))

		basket.Spec.ExpiresAt = &metav1.Time{Time: time.Now().Add(-time.Second)}
		Expect(k8s.Update(ctx, basket)).To(Succeed())
		Eventually(answered).Should(Equal("Released, generation 3 answered: true"))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("10/0/10"))
	})
})

var _ = Describe("200 orders at once for 120 units", func() {
	crowd := func(ctx context.Context, s *shop, meanwhile func()) {
		s.item(ctx, "hot", 120)
		var wg sync.WaitGroup
		for worker := range 10 {
			wg.Go(func() {
				defer GinkgoRecover()
				for i := range 20 {
					s.place(ctx, fmt.Sprintf("ord-%d-%d", worker, i), line{"hot", 1})
				}
			})
		}
		meanwhile()
		wg.Wait()
		Eventually(func() (map[v1alpha1.OrderPhase]int, error) { return s.phases(ctx) }).
			Should(Equal(map[v1alpha1.OrderPhase]int{v1alpha1.OrderConfirmed: 120, v1alpha1.OrderCancelled: 80}))
		Eventually(s.level(ctx, "hot")).Should(Equal("120/120/0"))
	}

	It("confirms exactly 120, with few API writes an order", func(ctx context.Context) {
		s := openShop()
		startManager(s.namespace)
		s.item(ctx, "warm", 1)
		s.place(ctx, "warm-up", line{"warm", 1})
		Eventually(s.phase(ctx, "warm-up")).Should(Equal(v1alpha1.OrderConfirmed))

		before := env.WriteCounts(GinkgoTB())
		crowd(ctx, s, func() {})
		writes := env.WriteCounts(GinkgoTB()).Since(before)
		perOrder := float64(writes.Of("orders", "stockreservations", "stockjournals")) / 200
		AddReportEntry("API writes", fmt.Sprintf("%.2f an order; of StockItems %d in all\n%s", perOrder, writes.Of("stockitems"), writes))
		Expect(perOrder).To(BeNumerically("<=", 4.3))
	})

	It("ends the same when managers are stopped in the middle", func(ctx context.Context) {
		s := openShop()
		stop := startManager(s.namespace)
		crowd(ctx, s, func() {
			for _, confirmed := range []int{10, 60} {
				Eventually(func() (int, error) {
					p, err := s.phases(ctx)
					return p[v1alpha1.OrderConfirmed], err
				}).Should(BeNumerically(">=", confirmed))
				stop()
				stop = startManager(s.namespace)
			}
		})
	})

	It("costs one order alone at most 5 API writes", func(ctx context.Context) {
		s := openShop()
		startManager(s.namespace)
		s.item(ctx, "prod-001", 10)
		s.place(ctx, "first", line{"prod-001", 1})
		Eventually(s.phase(ctx, "first")).Should(Equal(v1alpha1.OrderConfirmed))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("10/1/9"))

		before := env.WriteCounts(GinkgoTB())
		s.place(ctx, "second", line{"prod-001", 1})
		Eventually(s.phase(ctx, "second")).Should(Equal(v1alpha1.OrderConfirmed))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("10/2/8"))
		writes := env.WriteCounts(GinkgoTB()).Since(before)
		AddReportEntry("API writes", writes.String())
		Expect(writes.Of("orders", "stockreservations", "stockjournals")).To(BeNumerically("<=", 5))
		Expect(writes.Of("stockitems")).To(BeNumerically("<=", 2))
	})
})

var _ = Describe("A stock document", func() {
	It("counts once, however often it is applied, and also when it is deleted and applied again", func(ctx context.Context) {
		s := openShop()
		startManager(s.namespace)
		s.item(ctx, "prod-001", 10)
		document := func() *v1alpha1.StockAdjustment {
			d := testenv.Document(s.namespace, "delivery-1", "prod-001", v1alpha1.AdjustmentReceived, 5)
			d.APIVersion, d.Kind = "orderplane.dev/v1alpha1", "StockAdjustment"
			return d
		}
		phase := func() (v1alpha1.AdjustmentPhase, error) {
			d := document()
			err := k8s.Get(ctx, client.ObjectKeyFromObject(d), d)
			return d.Status.Phase, err
		}
		Expect(k8s.Create(ctx, document())).To(Succeed())
		Eventually(phase).Should(Equal(v1alpha1.AdjustmentApplied))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("15/0/15"))

		Expect(k8s.Delete(ctx, document())).To(Succeed())
		Expect(k8s.Create(ctx, document())).To(Succeed())
		Eventually(phase).Should(Equal(v1alpha1.AdjustmentApplied))
		d := document()
		Expect(k8s.Get(ctx, client.ObjectKeyFromObject(d), d)).To(Succeed())
		Expect(d.Status.Conditions[0].Reason).To(Equal("AlreadyApplied"))
		Consistently(s.level(ctx, "prod-001"), "1500ms").Should(Equal("15/0/15"))
	})

	It("waits for its product, and is refused when it would take what is reserved", func(ctx context.Context) {
		s := openShop()
		startManager(s.namespace)
		create := func(name string, kind v1alpha1.AdjustmentKind, quantity int64, reason string) {
			d := testenv.Document(s.namespace, name, "prod-001", kind, quantity)
			d.Spec.Reason = reason
			Expect(k8s.Create(ctx, d)).To(Succeed())
		}
		condition := func(name string) func() (string, error) {
			return func() (string, error) {
				d := &v1alpha1.StockAdjustment{}
				err := k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, d)
				if c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.AdjustmentConditionApplied); c != nil {
					return c.Reason, err
				}
				return "", err
			}
		}
		create("early", v1alpha1.AdjustmentReceived, 5, "")
		Eventually(condition("early")).Should(Equal("UnknownProduct"))
		s.item(ctx, "prod-001", 10)
		Eventually(condition("early")).Should(Equal("Applied"))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("15/0/15"))

		s.place(ctx, "ord-1", line{"prod-001", 12})
		Eventually(s.phase(ctx, "ord-1")).Should(Equal(v1alpha1.OrderConfirmed))
		create("broken", v1alpha1.AdjustmentAdjusted, -4, "broken in the warehouse")
		Eventually(condition("broken")).Should(Equal("BelowReserved"))
		create("lost", v1alpha1.AdjustmentAdjusted, -20, "lost")
		Eventually(condition("lost")).Should(Equal("BelowZero"))
		Eventually(s.level(ctx, "prod-001")).Should(Equal("15/12/3"))
	})
})
