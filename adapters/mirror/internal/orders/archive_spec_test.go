package orders_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/test/testenv"
)

var _ = Describe("archiving", func() {
	It("takes a finished order out of the cluster, in two writes", func(ctx SpecContext) {
		s := newShop()
		s.start()
		o := s.cancelled(ctx, s.order("o-1"))
		s.shows(ctx, "o-1")
		Consistently(s.isGone(ctx, "o-1")).Should(BeFalse(), "its row is younger than the delay")
		s.clock.Step(delay + time.Hour)
		Eventually(s.isGone(ctx, "o-1")).Should(BeTrue())
		row := s.becomes(ctx, "o-1", orderdb.Archived)
		Consistently(s.row(ctx, "o-1")).Should(Equal(row))
		Expect(row.Seq).To(BeEquivalentTo(2))
		Expect(s.told(ctx, string(o.UID))).To(Equal([]string{"order.created", "order.cancelled"}))
		// A step that the hourly look plans again before its write is in the cache is refused, and changes nothing.
		Expect(s.count("orderplane_mirror_order_writes_total", "ok")()).To(BeEquivalentTo(2))
	})

	It("waits until the reservation is at its end and told", func(ctx SpecContext) {
		s := newShop()
		s.toldUpTo.Store(6)
		s.start()
		o := s.cancelled(ctx, s.order("o-1"))
		s.shows(ctx, "o-1")
		r := testenv.Reservation(s.namespace, "o-1", testenv.Line("prod-001", 2), testenv.Line("prod-002", 1))
		r.Spec.OrderRef = &v1alpha1.OrderReference{Name: "o-1", UID: string(o.UID)}
		r.Spec.Intent = v1alpha1.IntentRelease
		Expect(s.Create(ctx, r)).To(Succeed())
		r.Status.Phase, r.Status.ObservedGeneration = v1alpha1.ReservationReleased, r.Generation
		r.Status.History = []v1alpha1.ReservationHistoryEntry{{Seq: 7, Phase: v1alpha1.ReservationReleased, At: metav1.Now()}}
		Expect(s.Status().Update(ctx, r)).To(Succeed())
		s.clock.Step(delay + time.Hour)
		Consistently(s.isGone(ctx, "o-1")).Should(BeFalse())
		s.toldUpTo.Store(7)
		Eventually(s.isGone(ctx, "o-1")).Should(BeTrue(), "it is asked about again soon")
	})

	It("leaves what somebody applies", func(ctx SpecContext) {
		s := newShop()
		s.start()
		o := s.order("o-1")
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		Expect(err).NotTo(HaveOccurred())
		applied := &unstructured.Unstructured{Object: content}
		applied.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Order"))
		delete(applied.Object, "status")
		Expect(s.Apply(ctx, client.ApplyConfigurationFromUnstructured(applied), client.FieldOwner("git"))).To(Succeed())
		s.happens(ctx, "o-1", v1alpha1.OrderCancelled, v1alpha1.HistoryCreated, v1alpha1.HistoryCancelled)
		other := s.order("o-2")
		other.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"}
		s.cancelled(ctx, other)
		s.cancelled(ctx, s.order("o-3"))
		s.shows(ctx, "o-1")
		s.shows(ctx, "o-2")
		s.shows(ctx, "o-3")
		s.clock.Step(delay + time.Hour)
		Eventually(s.isGone(ctx, "o-3")).Should(BeTrue())
		Consistently(func() []bool { return []bool{s.isGone(ctx, "o-1")(), s.isGone(ctx, "o-2")()} }).Should(Equal([]bool{false, false}))
	})

	It("loses no intent that comes between the steps", func(ctx SpecContext) {
		s := newShop()
		var between atomic.Bool
		s.start(hook(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if r.Method == http.MethodDelete && between.CompareAndSwap(false, true) {
				s.happens(context.WithoutCancel(ctx), "o-1", v1alpha1.OrderFulfilled, v1alpha1.HistoryReturnRejected)
			}
			return next.RoundTrip(r)
		}).wrap)
		o := s.cancelled(ctx, s.order("o-1"))
		s.shows(ctx, "o-1")
		s.clock.Step(delay + time.Hour)
		Eventually(between.Load).Should(BeTrue())
		Eventually(s.count("orderplane_mirror_order_writes_total", "Delete", "conflict")).Should(BeNumerically(">=", 1), "the intent is there, and refuses the step as often as the cache is behind")
		s.shows(ctx, "o-1")
		Expect(s.told(ctx, string(o.UID))).To(HaveLen(3))
		Consistently(s.isGone(ctx, "o-1")).Should(BeFalse(), "it has a new entry, which is younger than the delay")
	})
})

var _ = Describe("a repeat", func() {
	It("of an archived order is refused, untold, and an Event says why", func(ctx SpecContext) {
		s := newShop()
		s.start()
		first := s.cancelled(ctx, s.order("o-1"))
		s.shows(ctx, "o-1")
		s.clock.Step(delay + time.Hour)
		Eventually(s.isGone(ctx, "o-1")).Should(BeTrue())
		again := s.order("o-1")
		again.Annotations = map[string]string{v1alpha1.UnaskedAnnotation: "true"}
		s.place(ctx, again)
		Eventually(func() *metav1.Time { return s.get(ctx, "o-1").DeletionTimestamp }).ShouldNot(BeNil())
		s.letsGo(ctx, "o-1")
		Eventually(s.isGone(ctx, "o-1")).Should(BeTrue())
		row := s.becomes(ctx, "o-1", orderdb.Archived)
		Expect(row.UID).To(Equal(string(first.UID)))
		Expect(s.told(ctx, string(again.UID))).To(BeEmpty())
		Eventually(func(g Gomega) {
			events := &eventsv1.EventList{}
			g.Expect(s.List(ctx, events, client.InNamespace(s.namespace))).To(Succeed())
			g.Expect(events.Items).To(ContainElement(And(HaveField("Reason", "RepeatRefused"), HaveField("Regarding.UID", again.UID))))
		}).Should(Succeed())
	})

	It("of an order of the gateway that is gone is refused, and of a person's it is a new order", func(ctx SpecContext) {
		s := newShop()
		s.start()
		goes := func(o *v1alpha1.Order) {
			Expect(s.Delete(ctx, s.cancelled(ctx, o))).To(Succeed())
			s.letsGo(ctx, o.Name)
			Eventually(s.isGone(ctx, o.Name)).Should(BeTrue())
		}
		fingerprint := map[string]string{v1alpha1.RequestFingerprintAnnotation: "x"}
		goes(s.order("by-gateway"))
		goes(s.order("by-person"))
		again := s.order("by-gateway")
		again.Annotations = fingerprint
		s.place(ctx, again)
		named := s.place(ctx, s.order("by-person"))
		Eventually(func() *metav1.Time { return s.get(ctx, "by-gateway").DeletionTimestamp }).ShouldNot(BeNil())
		Eventually(func() string { return s.row(ctx, "by-person")().UID }).Should(Equal(string(named.UID)))
		Expect(s.row(ctx, "by-gateway")().State).To(Equal(orderdb.Gone))
	})
})

// A mirror that dies before or behind any of its writes leaves what the next one ends.
var _ = Describe("a mirror that dies", func() {
	for what, isBehind := range map[string]bool{"before": false, "behind": true} {
		It(what+" each of its writes is followed by one that ends the work", func(ctx SpecContext) {
			s := newShop()
			bare := s.order("bare")
			bare.Finalizers = nil
			s.place(ctx, bare)
			marked := s.order("marked")
			marked.Annotations = map[string]string{v1alpha1.UnaskedAnnotation: "true"}
			s.place(ctx, marked)
			first := s.start()
			archived := s.cancelled(ctx, s.order("archived"))
			s.shows(ctx, "archived")
			Expect(first.Stop()).To(Succeed())
			s.clock.Step(delay + time.Hour)
			deleted := s.cancelled(ctx, s.order("deleted"))
			Expect(s.Delete(ctx, deleted)).To(Succeed())
			s.letsGo(ctx, "deleted")
			for range 4 { // each death takes one write at the most
				s.diesAtAWrite(isBehind)
			}
			s.start()
			Eventually(s.isGone(ctx, "deleted")).Should(BeTrue())
			Eventually(s.isGone(ctx, "archived")).Should(BeTrue())
			s.becomes(ctx, "deleted", orderdb.Gone)
			s.becomes(ctx, "archived", orderdb.Archived)
			for _, o := range []*v1alpha1.Order{deleted, archived} {
				Expect(s.told(ctx, string(o.UID))).To(Equal([]string{"order.created", "order.cancelled"}))
			}
			Eventually(func() []string { return s.get(ctx, "bare").Finalizers }).Should(HaveLen(2))
			Eventually(func() map[string]string { return s.get(ctx, "marked").Annotations }).ShouldNot(HaveKey(v1alpha1.UnaskedAnnotation))
		})
	}
})

// diesAtAWrite runs a mirror that is cut off at the first order it writes: before the API server has
// the write, or before the mirror has its answer.
func (s *shop) diesAtAWrite(isBehind bool) {
	plug := testenv.NewPlug()
	dead := s.startPlugged(plug, hook(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		defer plug.Pull()
		if isBehind {
			if answer, err := next.RoundTrip(r); err == nil {
				_ = answer.Body.Close()
			}
		}
		return nil, testenv.ErrUnplugged
	}).wrap)
	select {
	case <-dead.Ended():
	case <-time.After(5 * time.Second): // there was nothing left to write
		dead.Kill()
	}
}
