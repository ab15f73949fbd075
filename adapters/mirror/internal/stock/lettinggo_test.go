package stock_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

var _ = Describe("Letting go", func() {
	It("keeps what is undecided until somebody decides", func(ctx SpecContext) {
		s := openShop()
		s.mirror()
		s.make(ctx, testenv.Item(s.namespace, "tea", 50))
		s.make(ctx, held(testenv.Reservation(s.namespace, "holds", testenv.Line("tea", 1))))
		s.reaches(ctx, "holds", v1alpha1.ReservationReserved)
		Expect(s.controller.Stop()).To(Succeed())
		s.make(ctx, held(testenv.Document(s.namespace, "late", "tea", v1alpha1.AdjustmentReceived, 3)))
		d, r := &v1alpha1.StockAdjustment{}, &v1alpha1.StockReservation{}
		Expect(s.read(ctx, "late", d)).To(Succeed())
		Expect(s.Delete(ctx, d)).To(Succeed())
		Expect(s.read(ctx, "holds", r)).To(Succeed())
		Expect(s.Delete(ctx, r)).To(Succeed())
		Consistently(func(g Gomega) {
			g.Expect(s.read(ctx, "late", d)).To(Succeed())
			g.Expect(s.read(ctx, "holds", r)).To(Succeed())
		}).Should(Succeed())
		s.decide()
		s.isGone(ctx, "late", d)
		s.isGone(ctx, "holds", r)
		s.isAtRest(ctx)
		Expect(rows[objectRow](ctx, s, `SELECT uid, phase, rv FROM inventory_documents WHERE state = 'gone' AND outcome = 'Withdrawn'`)).To(HaveLen(1))
	})

	It("lets an item go once the stock controller did, and one made again is another", func(ctx SpecContext) {
		s := openShop()
		s.mirror()
		s.make(ctx, testenv.Item(s.namespace, "tea", 50))
		s.make(ctx, held(testenv.Reservation(s.namespace, "r-1", testenv.Line("tea", 1))))
		s.reaches(ctx, "r-1", v1alpha1.ReservationReserved)
		s.isAtRest(ctx)
		o := &v1alpha1.StockItem{}
		Expect(s.read(ctx, "tea", o)).To(Succeed())
		Expect(o.Finalizers).To(ContainElement(v1alpha1.MirrorFinalizer))
		Expect(s.Delete(ctx, o)).To(Succeed())
		Consistently(func() error { return s.read(ctx, "tea", o) }).Should(Succeed(), "it is reserved")
		s.want(ctx, "r-1", v1alpha1.IntentRelease)
		s.isGone(ctx, "tea", o)
		s.make(ctx, testenv.Item(s.namespace, "tea", 7))
		s.make(ctx, held(testenv.Reservation(s.namespace, "r-2", testenv.Line("tea", 2))))
		s.want(ctx, "r-2", v1alpha1.IntentCommit)
		s.reaches(ctx, "r-2", v1alpha1.ReservationCommitted)
		s.catchesUp(ctx)
		Eventually(func(g Gomega) { s.rowsAreRight(ctx, g); s.movementsAddUp(ctx, g) }).Should(Succeed())
		Expect(s.ledger(ctx, "tea")).To(Equal([]string{"Opening tea +50 = 50", "Opening tea +7 = 7", "Commit r-2 -2 = 5"}))
	})

	It("leaves finalizers of others alone", func(ctx SpecContext) {
		s := openShop()
		s.mirror()
		s.make(ctx, testenv.Item(s.namespace, "tea", 50))
		r := testenv.Reservation(s.namespace, "r-1", testenv.Line("tea", 1))
		r.Finalizers = []string{v1alpha1.MirrorFinalizer, "example.com/other"}
		s.make(ctx, r)
		Expect(s.Delete(ctx, r)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(s.read(ctx, "r-1", r)).To(Succeed())
			g.Expect(r.Finalizers).To(Equal([]string{"example.com/other"}))
			g.Expect(r.Status.Phase).To(Equal(v1alpha1.ReservationReleased))
		}).Should(Succeed())
	})

	It("lets go in a namespace that is being deleted what nobody decides any more", func(ctx SpecContext) {
		s := openShop()
		s.mirror()
		s.make(ctx, testenv.Item(s.namespace, "tea", 50))
		s.make(ctx, held(testenv.Reservation(s.namespace, "holds", testenv.Line("tea", 1))))
		s.reaches(ctx, "holds", v1alpha1.ReservationReserved)
		s.isAtRest(ctx)
		Expect(s.controller.Stop()).To(Succeed())
		s.make(ctx, held(testenv.Document(s.namespace, "late", "tea", v1alpha1.AdjustmentReceived, 3)))
		Expect(s.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}})).To(Succeed())
		d, r := &v1alpha1.StockAdjustment{}, &v1alpha1.StockReservation{}
		Expect(s.read(ctx, "late", d)).To(Succeed())
		Expect(s.Delete(ctx, d)).To(Succeed())
		Expect(s.read(ctx, "holds", r)).To(Succeed())
		Expect(s.Delete(ctx, r)).To(Succeed())
		s.isGone(ctx, "late", d)
		s.isGone(ctx, "holds", r)
		Eventually(func() int {
			return len(rows[objectRow](ctx, s, `SELECT uid, phase, rv FROM inventory_documents WHERE state = 'gone' AND phase = 'Pending'`))
		}).Should(Equal(1))
	})

	It("marks rows whose object went unseen", func(ctx SpecContext) {
		s := openShop()
		stop := s.mirror()
		s.make(ctx, testenv.Item(s.namespace, "tea", 50), held(testenv.Reservation(s.namespace, "r-1", testenv.Line("tea", 1))))
		s.reaches(ctx, "r-1", v1alpha1.ReservationReserved)
		s.isAtRest(ctx)
		stop()
		s.drop(ctx, "r-1", &v1alpha1.StockReservation{})
		s.mirror()
		s.isAtRest(ctx)
	})
})
