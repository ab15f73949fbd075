package stock_test

import (
	"context"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/test/testenv"
)

// newMirroredShop is a shop whose namespace a mirror serves; no mirror runs.
func newMirroredShop() *shop {
	GinkgoHelper()
	s := newShop()
	s.mirrored = mirror.Namespaces{s.namespace}
	return s
}

// made creates an object as admission and the order controller do where there is a mirror.
func (s *shop) made(ctx context.Context, o client.Object) {
	GinkgoHelper()
	o.SetFinalizers(append(o.GetFinalizers(), v1alpha1.MirrorFinalizer))
	Expect(s.Create(ctx, o)).To(Succeed())
}

// letGo takes the mirror's finalizer off an object that is being deleted, and nothing else
// holds.
func (s *shop) letGo(ctx context.Context, name string, o client.Object) {
	GinkgoHelper()
	Eventually(func() error {
		if err := s.read(ctx, name, o); err != nil {
			return err
		}
		if o.GetDeletionTimestamp() == nil || !slices.Equal(o.GetFinalizers(), []string{v1alpha1.MirrorFinalizer}) {
			return apierrors.NewBadRequest("it is not the mirror's to let go")
		}
		o.SetFinalizers(nil)
		return s.Update(ctx, o)
	}).Should(Succeed())
	Eventually(s.absent(ctx, name, o)).Should(BeTrue())
}

func (s *shop) finalizers(ctx context.Context, item string) func() ([]string, error) {
	return func() ([]string, error) {
		i := &v1alpha1.StockItem{}
		err := s.read(ctx, item, i)
		return i.Finalizers, err
	}
}

func (s *shop) journalStatus(ctx context.Context) (v1alpha1.StockJournalStatus, error) {
	j := &v1alpha1.StockJournal{}
	err := s.read(ctx, v1alpha1.StockJournalName, j)
	return j.Status, err
}

var _ = Describe("Where there is a mirror", func() {
	It("an item gets both finalizers in one write, and stock takes only its own off", func(ctx SpecContext) {
		plain, mirrored := newShop(), newMirroredShop()
		writes := map[*shop]int64{}
		for _, s := range []*shop{plain, mirrored} {
			s.item(ctx, "mug", 10)
			s.start("manager")
			Eventually(s.level(ctx, "mug")).Should(Equal("10/0/10"))
			s.quiet(ctx)
			writes[s] = s.writes.Count()
		}
		Expect(plain.finalizers(ctx, "mug")()).To(ConsistOf(v1alpha1.StockItemFinalizer))
		s := mirrored
		Expect(s.finalizers(ctx, "mug")()).To(ConsistOf(v1alpha1.StockItemFinalizer, v1alpha1.MirrorFinalizer))
		Expect(writes[s]).To(Equal(writes[plain]), "writes of a new item")

		s.reserve(ctx, "held", testenv.Line("mug", 4))
		Eventually(s.level(ctx, "mug")).Should(Equal("10/4/6"))
		s.remove(ctx, "mug", &v1alpha1.StockItem{})
		s.quiet(ctx)
		Expect(s.finalizers(ctx, "mug")()).To(ConsistOf(v1alpha1.StockItemFinalizer, v1alpha1.MirrorFinalizer))
		s.want(ctx, "held", v1alpha1.IntentRelease)
		Eventually(s.finalizers(ctx, "mug")).Should(ConsistOf(v1alpha1.MirrorFinalizer))
		s.quiet(ctx)
		Expect(s.level(ctx, "mug")()).To(Equal("10/0/10"), "what is shown of it while the mirror keeps it")
		s.letGo(ctx, "mug", &v1alpha1.StockItem{})

		By("another of its name is another item")
		s.item(ctx, "mug", 3)
		Eventually(s.level(ctx, "mug")).Should(Equal("3/0/3"))
		s.quiet(ctx)
	})

	It("an item that was there before the mirror, or lost its finalizer, gets it", func(ctx SpecContext) {
		s := newMirroredShop()
		i := testenv.Item(s.namespace, "mug", 10)
		i.Finalizers = []string{v1alpha1.StockItemFinalizer}
		Expect(s.Create(ctx, i)).To(Succeed())
		s.start("manager")
		both := ConsistOf(v1alpha1.StockItemFinalizer, v1alpha1.MirrorFinalizer)
		Eventually(s.finalizers(ctx, "mug")).Should(both)
		s.quiet(ctx)
		Expect(s.read(ctx, "mug", i)).To(Succeed())
		i.Finalizers = nil
		Expect(s.Update(ctx, i)).To(Succeed())
		Eventually(s.finalizers(ctx, "mug")).Should(both)
	})

	It("a document that is deleted while it waits for its product is withdrawn, and can go", func(ctx SpecContext) {
		s := newMirroredShop()
		s.start("manager")
		s.made(ctx, testenv.Document(s.namespace, "early", "mug", v1alpha1.AdjustmentReceived, 5))
		Eventually(s.verdict(ctx, "early")).Should(Equal("Pending UnknownProduct"))
		s.remove(ctx, "early", &v1alpha1.StockAdjustment{})
		Eventually(s.verdict(ctx, "early")).Should(Equal("Refused " + journal.ReasonWithdrawn))
		d := &v1alpha1.StockAdjustment{}
		Expect(s.read(ctx, "early", d)).To(Succeed())
		Expect([]*int64{d.Status.Delta, d.Status.OnHandAfter, d.Status.AvailableAfter}).To(HaveEach(BeNil()))
		Expect(d.Status.JournalSeq).To(BeNumerically(">", 0))

		s.item(ctx, "mug", 10)
		Eventually(s.level(ctx, "mug")).Should(Equal("10/0/10"))
		s.letGo(ctx, "early", d)
		s.quiet(ctx)
		Expect(s.level(ctx, "mug")()).To(Equal("10/0/10"))
	})

	It("what was deleted while no manager ran is decided, whoever else keeps it", func(ctx SpecContext) {
		s := newMirroredShop()
		s.item(ctx, "mug", 10)
		s.made(ctx, testenv.Document(s.namespace, "delivery", "mug", v1alpha1.AdjustmentReceived, 5))
		s.made(ctx, testenv.Reservation(s.namespace, "basket", testenv.Line("mug", 4)))
		other := testenv.Reservation(s.namespace, "other", testenv.Line("mug", 4))
		other.Finalizers = []string{"example.com/other"}
		s.made(ctx, other)
		s.remove(ctx, "delivery", &v1alpha1.StockAdjustment{})
		s.remove(ctx, "basket", &v1alpha1.StockReservation{})
		s.remove(ctx, "other", &v1alpha1.StockReservation{})
		s.start("manager")
		Eventually(s.verdict(ctx, "delivery")).Should(Equal("Refused " + journal.ReasonWithdrawn))
		Eventually(s.reservation(ctx, "basket")).Should(Equal(v1alpha1.ReservationReleased))
		Eventually(s.reservation(ctx, "other")).Should(Equal(v1alpha1.ReservationReleased))
		s.quiet(ctx)
		Expect(s.level(ctx, "mug")()).To(Equal("10/0/10"))
		s.letGo(ctx, "delivery", &v1alpha1.StockAdjustment{})
		s.letGo(ctx, "basket", &v1alpha1.StockReservation{})
	})

	It("a reservation that is deleted while it is Reserved gives back what it holds before it goes", func(ctx SpecContext) {
		s := newMirroredShop()
		s.start("manager")
		s.item(ctx, "mug", 10)
		s.made(ctx, testenv.Reservation(s.namespace, "basket", testenv.Line("mug", 4)))
		Eventually(s.level(ctx, "mug")).Should(Equal("10/4/6"))
		s.remove(ctx, "basket", &v1alpha1.StockReservation{})
		Eventually(s.reservation(ctx, "basket")).Should(Equal(v1alpha1.ReservationReleased))
		Eventually(s.level(ctx, "mug")).Should(Equal("10/0/10"))
		s.letGo(ctx, "basket", &v1alpha1.StockReservation{})
		s.quiet(ctx)
	})

	It("all that a namespace has, its journal too, may be deleted at once: what is kept is still decided", func(ctx SpecContext) {
		s := newMirroredShop()
		first := s.start("manager")
		s.item(ctx, "mug", 10)
		s.made(ctx, testenv.Reservation(s.namespace, "held", testenv.Line("mug", 4)))
		Eventually(s.level(ctx, "mug")).Should(Equal("10/4/6"))
		s.quiet(ctx)
		Expect(first.Stop()).To(Succeed())
		s.made(ctx, testenv.Document(s.namespace, "delivery", "mug", v1alpha1.AdjustmentReceived, 5))
		s.remove(ctx, v1alpha1.StockJournalName, &v1alpha1.StockJournal{})
		s.remove(ctx, "mug", &v1alpha1.StockItem{})
		s.remove(ctx, "held", &v1alpha1.StockReservation{})
		s.remove(ctx, "delivery", &v1alpha1.StockAdjustment{})

		s.start("next")
		Eventually(s.reservation(ctx, "held")).Should(Equal(v1alpha1.ReservationReleased))
		Eventually(s.verdict(ctx, "delivery")).Should(Equal("Refused " + journal.ReasonWithdrawn))
		s.letGo(ctx, "held", &v1alpha1.StockReservation{})
		s.letGo(ctx, "delivery", &v1alpha1.StockAdjustment{})
		s.letGo(ctx, "mug", &v1alpha1.StockItem{})
	})

	It("a namespace that is being deleted is the mirror's to empty: nobody decides there, and nothing hangs", func(ctx SpecContext) {
		s := newMirroredShop()
		s.start("manager")
		s.item(ctx, "mug", 10)
		s.made(ctx, testenv.Reservation(s.namespace, "held", testenv.Line("mug", 4)))
		Eventually(s.level(ctx, "mug")).Should(Equal("10/4/6"))
		s.quiet(ctx)
		Expect(s.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}})).To(Succeed())
		Eventually(func() bool {
			err := s.Create(ctx, testenv.Item(s.namespace, "probe", 0), client.DryRunAll)
			return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
		}).Should(BeTrue())
		s.remove(ctx, v1alpha1.StockJournalName, &v1alpha1.StockJournal{})
		s.remove(ctx, "mug", &v1alpha1.StockItem{})
		s.remove(ctx, "held", &v1alpha1.StockReservation{})
		Consistently(s.finalizers(ctx, "mug")).WithTimeout(1500*time.Millisecond).Should(
			ConsistOf(v1alpha1.StockItemFinalizer, v1alpha1.MirrorFinalizer), "it is reserved")
		s.letGo(ctx, "held", &v1alpha1.StockReservation{}) // Reserved, as it was: nobody decides any more
		s.letGo(ctx, "mug", &v1alpha1.StockItem{})
	})
})

var _ = Describe("What a document changed", func() {
	It("is in its status: the units, none for one that counted before, nothing for a refused one", func(ctx SpecContext) {
		s := newShop()
		s.item(ctx, "mug", 10)
		s.item(ctx, "still", 10) // so that a count of this second is not of the second of a movement
		s.start("manager")
		s.document(ctx, "delivery", "mug", v1alpha1.AdjustmentReceived, 3)
		s.document(ctx, "count", "still", v1alpha1.AdjustmentCounted, 8)
		s.document(ctx, "toomuch", "mug", v1alpha1.AdjustmentAdjusted, -99)
		delta := func(name string) func() (*int64, error) {
			return func() (*int64, error) {
				d := &v1alpha1.StockAdjustment{}
				err := s.read(ctx, name, d)
				return d.Status.Delta, err
			}
		}
		Eventually(delta("delivery")).Should(Equal(ptr.To(int64(3))))
		Eventually(delta("count")).Should(Equal(ptr.To(int64(-2))))
		Eventually(s.verdict(ctx, "toomuch")).Should(Equal("Refused " + journal.ReasonBelowZero))
		Expect(delta("toomuch")()).To(BeNil())
		s.remove(ctx, "delivery", &v1alpha1.StockAdjustment{})
		s.document(ctx, "delivery", "mug", v1alpha1.AdjustmentReceived, 3)
		Eventually(s.verdict(ctx, "delivery")).Should(Equal("Applied " + journal.ReasonAlreadyApplied))
		Expect(delta("delivery")()).To(Equal(ptr.To(int64(0))))
	})
})

var _ = Describe("The numbers of a journal", func() {
	It("that is deleted at rest and made again are above all that were given, also of what is gone", func(ctx SpecContext) {
		began := journal.FirstSeq(time.Now())
		s := openShop()
		s.item(ctx, "mug", 10)
		s.reserve(ctx, "gone", testenv.Line("mug", 4))
		Eventually(s.level(ctx, "mug")).Should(Equal("10/4/6"))
		s.quiet(ctx)
		was, err := s.journalStatus(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(was.Seq).To(And(BeNumerically(">", began), BeNumerically("<", 1<<53)))
		s.remove(ctx, "gone", &v1alpha1.StockReservation{})
		Eventually(s.level(ctx, "mug")).Should(Equal("10/0/10"))
		s.quiet(ctx)

		s.remove(ctx, v1alpha1.StockJournalName, &v1alpha1.StockJournal{})
		Eventually(func() (int64, error) {
			is, err := s.journalStatus(ctx)
			return is.Seq, client.IgnoreNotFound(err)
		}).Should(BeNumerically(">", was.Seq))
		s.reserve(ctx, "next", testenv.Line("mug", 1))
		Eventually(s.reservation(ctx, "next")).Should(Equal(v1alpha1.ReservationReserved))
		r := &v1alpha1.StockReservation{}
		Expect(s.read(ctx, "next", r)).To(Succeed())
		Expect(r.Status.History[0].Seq).To(BeNumerically(">", was.Seq))
	})

	It("that is older go on, however small they are", func(ctx SpecContext) {
		s := newShop()
		s.item(ctx, "mug", 10)
		j := &v1alpha1.StockJournal{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: v1alpha1.StockJournalName}}
		Expect(s.Create(ctx, j)).To(Succeed())
		j.Status = v1alpha1.StockJournalStatus{Epoch: 3, Holder: "an older version", Seq: 41}
		Expect(s.Status().Update(ctx, j)).To(Succeed())
		s.start("manager")
		s.document(ctx, "delivery", "mug", v1alpha1.AdjustmentReceived, 5)
		Eventually(s.verdict(ctx, "delivery")).Should(Equal("Applied Applied"))
		d := &v1alpha1.StockAdjustment{}
		Expect(s.read(ctx, "delivery", d)).To(Succeed())
		Expect(d.Status.JournalSeq).To(Equal(int64(42)))
	})
})
