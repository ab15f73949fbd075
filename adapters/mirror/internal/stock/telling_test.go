package stock_test

import (
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

var _ = Describe("Telling what is decided about stock", func() {
	It("tells a reservation's life, with its order and trace, and says why so much is on hand", func(ctx SpecContext) {
		s := openShop()
		s.mirror()
		s.make(ctx, testenv.Item(s.namespace, "tea", 50))
		r := testenv.Reservation(s.namespace, "r-1", testenv.Line("tea", 5))
		r.Spec.OrderRef = &v1alpha1.OrderReference{Name: "o-1", UID: "u-1"}
		r.Annotations = map[string]string{v1alpha1.TraceIDAnnotation: "trace-1"}
		s.make(ctx, held(r))
		s.reaches(ctx, "r-1", v1alpha1.ReservationReserved)
		s.want(ctx, "r-1", v1alpha1.IntentCommit)
		s.reaches(ctx, "r-1", v1alpha1.ReservationCommitted)
		s.change(ctx, "r-1", func(r *v1alpha1.StockReservation) {
			r.Spec.Intent, r.Spec.Restock = v1alpha1.IntentRestock, &[]v1alpha1.StockLine{testenv.Line("tea", 1)}
		})
		s.reaches(ctx, "r-1", v1alpha1.ReservationRestocked)
		s.change(ctx, "r-1", func(r *v1alpha1.StockReservation) { r.Spec.Restock = &[]v1alpha1.StockLine{testenv.Line("tea", 3)} })
		s.make(ctx, held(testenv.Document(s.namespace, "delivery", "tea", v1alpha1.AdjustmentReceived, 10)))
		s.make(ctx, held(testenv.Document(s.namespace, "theft", "tea", v1alpha1.AdjustmentAdjusted, -500)))
		s.make(ctx, held(testenv.Reservation(s.namespace, "r-2", testenv.Line("tea", 999))))
		s.reaches(ctx, "r-2", v1alpha1.ReservationRejected)

		Eventually(func() []string { return s.ledger(ctx, "tea") }).Should(HaveLen(5))
		s.isAtRest(ctx)
		ledger := s.ledger(ctx, "tea")
		Expect(ledger[:3]).To(Equal([]string{"Opening tea +50 = 50", "Commit r-1 -5 = 45", "Restock r-1 +1 = 46"}))
		Expect(strings.Join(ledger[3:], "; ")).To(Or(Equal("Restock r-1 +2 = 48; Adjust delivery +10 = 58"), Equal("Adjust delivery +10 = 56; Restock r-1 +2 = 58")))
		var statuses []string
		for _, t := range s.told(ctx) {
			p := t.payload()
			statuses = append(statuses, string(p.Status))
			if p.Reference == "r-1" {
				Expect(p.OrderID).To(Equal("o-1"))
				Expect(string(t.Value)).To(ContainSubstring(`"traceId":"trace-1"`))
			}
		}
		Expect(statuses).To(ConsistOf("ADJUSTED", "RESERVED", "COMMITTED", "RESTOCKED", "RESTOCKED", "ADJUSTED", "REJECTED"))
		Expect(s.levels.of("tea")).To(BeNumerically(">", 0))
	})

	It("tells everything once and in order with two mirrors alive, and lets go what is deleted", func(ctx SpecContext) {
		s := openShop()
		s.mirror()
		s.mirror()
		products := []string{"tea", "mug", "pot"}
		for _, p := range products {
			s.make(ctx, testenv.Item(s.namespace, p, 1000))
		}
		for i := range 60 {
			name, p := fmt.Sprintf("r-%d", i), products[i%3]
			s.make(ctx, held(testenv.Reservation(s.namespace, name, testenv.Line(p, 2), testenv.Line(products[(i+1)%3], 1))))
			switch i % 5 {
			case 0:
				s.make(ctx, held(testenv.Document(s.namespace, fmt.Sprintf("d-%d", i), p, v1alpha1.AdjustmentReceived, int64(i)+1)))
			case 1:
				s.want(ctx, name, v1alpha1.IntentRelease)
			case 2, 3:
				s.want(ctx, name, v1alpha1.IntentCommit)
			}
		}
		for i := range 60 {
			name := fmt.Sprintf("r-%d", i)
			switch i % 5 {
			case 0:
				Expect(s.Delete(ctx, &v1alpha1.StockAdjustment{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: fmt.Sprintf("d-%d", i)}})).To(Succeed())
			case 2:
				s.want(ctx, name, v1alpha1.IntentRestock)
			case 3, 4:
				Expect(s.Delete(ctx, &v1alpha1.StockReservation{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}})).To(Succeed())
			}
		}
		for i := range 60 {
			switch i % 5 {
			case 2:
				s.reaches(ctx, fmt.Sprintf("r-%d", i), v1alpha1.ReservationRestocked)
			case 3, 4:
				s.isGone(ctx, fmt.Sprintf("r-%d", i), &v1alpha1.StockReservation{})
			}
		}
		s.isAtRest(ctx)
		Expect(rows[struct{ N int64 }](ctx, s, `SELECT count(*) AS n FROM movements WHERE kind = 'Carried'`)[0].N).To(BeZero())
		Expect(rows[struct{ N int64 }](ctx, s, `SELECT count(*) AS n FROM inventory_reservations WHERE state = 'gone'`)[0].N).To(BeEquivalentTo(24))
	})

	It("begins with what there is, and books what came before as one difference", func(ctx SpecContext) {
		s := openShop()
		s.make(ctx, testenv.Item(s.namespace, "tea", 50))
		for _, name := range []string{"kept", "forgotten"} {
			s.make(ctx, testenv.Reservation(s.namespace, name, testenv.Line("tea", 5)))
			s.want(ctx, name, v1alpha1.IntentCommit)
			s.reaches(ctx, name, v1alpha1.ReservationCommitted)
		}
		s.onHand(ctx, "tea", 40)
		s.drop(ctx, "forgotten", &v1alpha1.StockReservation{})
		// A decision more, so that the journal has no entry of what was forgotten.
		s.make(ctx, testenv.Reservation(s.namespace, "last", testenv.Line("tea", 1)))
		s.reaches(ctx, "last", v1alpha1.ReservationReserved)

		s.mirror()
		s.isAtRest(ctx)
		Expect(s.ledger(ctx, "tea")).To(Equal([]string{"Opening tea +50 = 50", "Commit kept -5 = 45", "Carried tea -5 = 40"}))
		Expect(s.metric("orderplane_mirror_stock_differences_total", "before")).To(BeEquivalentTo(1))
		Expect(s.metric("orderplane_mirror_stock_differences_total", "lost")).To(BeZero())

		By("giving the finalizer to what lacks it")
		for name, o := range map[string]client.Object{"kept": &v1alpha1.StockReservation{}, "tea": &v1alpha1.StockItem{}} {
			Eventually(func(g Gomega) {
				g.Expect(s.read(ctx, name, o)).To(Succeed())
				g.Expect(o.GetFinalizers()).To(ContainElement(v1alpha1.MirrorFinalizer))
			}).Should(Succeed())
		}
	})

	It("closes the gap of what was forced away, and says that something was lost", func(ctx SpecContext) {
		s := openShop()
		stop := s.mirror()
		s.make(ctx, testenv.Item(s.namespace, "tea", 50))
		s.make(ctx, held(testenv.Reservation(s.namespace, "first", testenv.Line("tea", 1))))
		s.reaches(ctx, "first", v1alpha1.ReservationReserved)
		s.isAtRest(ctx)
		stop()
		s.make(ctx, held(testenv.Reservation(s.namespace, "lost", testenv.Line("tea", 5))))
		s.want(ctx, "lost", v1alpha1.IntentCommit)
		s.reaches(ctx, "lost", v1alpha1.ReservationCommitted)
		s.onHand(ctx, "tea", 45)
		s.drop(ctx, "lost", &v1alpha1.StockReservation{})
		for _, name := range []string{"second", "third"} {
			s.make(ctx, held(testenv.Reservation(s.namespace, name, testenv.Line("tea", 1))))
			s.reaches(ctx, name, v1alpha1.ReservationReserved)
		}
		s.want(ctx, "third", v1alpha1.IntentCommit)
		s.onHand(ctx, "tea", 44)

		s.mirror()
		s.isAtRest(ctx)
		Expect(s.ledger(ctx, "tea")).To(ConsistOf("Opening tea +50 = 50", "Commit third -1 = 49", "Carried tea -5 = 44"))
		Expect(s.metric("orderplane_mirror_stock_differences_total", "lost")).To(BeEquivalentTo(1))
		Expect(s.metric("orderplane_mirror_stock_syncs_total", "gone")).To(BeEquivalentTo(1))
	})

	It("follows a journal that somebody deleted and that was made again", func(ctx SpecContext) {
		s := openShop()
		s.mirror()
		s.make(ctx, testenv.Item(s.namespace, "tea", 50))
		s.make(ctx, held(testenv.Reservation(s.namespace, "first", testenv.Line("tea", 1))))
		s.reaches(ctx, "first", v1alpha1.ReservationReserved)
		s.isAtRest(ctx)
		before := s.cursor(ctx)
		Expect(s.Delete(ctx, s.journal(ctx))).To(Succeed())
		s.make(ctx, held(testenv.Reservation(s.namespace, "second", testenv.Line("tea", 2))))
		s.want(ctx, "second", v1alpha1.IntentCommit)
		s.reaches(ctx, "second", v1alpha1.ReservationCommitted)
		s.isAtRest(ctx)
		Expect(s.cursor(ctx)).To(BeNumerically(">", before))
		Expect(s.ledger(ctx, "tea")).To(Equal([]string{"Opening tea +50 = 50", "Commit second -2 = 48"}))
	})

	It("tells again what a database does not know that went back to a backup", func(ctx SpecContext) {
		s := openShop()
		s.mirror()
		s.make(ctx, testenv.Item(s.namespace, "tea", 50))
		life := func(name string) {
			s.make(ctx, held(testenv.Reservation(s.namespace, name, testenv.Line("tea", 1))))
			s.want(ctx, name, v1alpha1.IntentCommit)
			s.reaches(ctx, name, v1alpha1.ReservationCommitted)
		}
		life("first")
		s.isAtRest(ctx)
		s.backUp(ctx)
		life("second")
		s.isAtRest(ctx)
		before := s.told(ctx)
		s.restore(ctx)
		Expect(s.cursor(ctx)).To(BeNumerically("<", s.journal(ctx).Status.Seq))
		life("third")
		s.isAtRest(ctx)
		Expect(s.ledger(ctx, "tea")).To(Equal([]string{"Opening tea +50 = 50", "Commit first -1 = 49", "Commit second -1 = 48", "Commit third -1 = 47"}))
		for i, again := range s.told(ctx)[:len(before)] {
			Expect(string(again.Value)).To(Equal(string(before[i].Value)), "what is told again is the same to the letter")
		}
	})

	It("waits for a database that is away, and nothing is lost", func(ctx SpecContext) {
		s := openShop()
		s.mirror()
		s.make(ctx, testenv.Item(s.namespace, "tea", 500))
		s.make(ctx, held(testenv.Reservation(s.namespace, "first", testenv.Line("tea", 1))))
		s.reaches(ctx, "first", v1alpha1.ReservationReserved)
		s.isAtRest(ctx)
		s.takeAway(ctx)
		for i := range 20 {
			name := fmt.Sprintf("r-%d", i)
			s.make(ctx, held(testenv.Reservation(s.namespace, name, testenv.Line("tea", 1))))
			s.want(ctx, name, v1alpha1.IntentCommit)
		}
		s.onHand(ctx, "tea", 480)
		Expect(s.Delete(ctx, &v1alpha1.StockReservation{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "r-7"}})).To(Succeed())
		Consistently(func() error { return s.read(ctx, "r-7", &v1alpha1.StockReservation{}) }).Should(Succeed(), "what is not told stays")
		s.bringBack(ctx)
		s.isGone(ctx, "r-7", &v1alpha1.StockReservation{})
		s.isAtRest(ctx)
		Expect(s.ledger(ctx, "tea")).To(HaveLen(21))
	}, SpecTimeout(3*time.Minute))
})
