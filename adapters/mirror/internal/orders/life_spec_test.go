package orders_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/test/testenv"
)

var _ = Describe("the life of an order", func() {
	It("is told as it happens, and costs the API server nothing", func(ctx SpecContext) {
		s := newShop()
		writes := testenv.NewCallCounter(isOrderWrite)
		s.start(writes.Wrap)
		o := s.place(ctx, s.order("o-1"))
		s.happens(ctx, "o-1", v1alpha1.OrderPending, v1alpha1.HistoryCreated)
		s.happens(ctx, "o-1", v1alpha1.OrderConfirmed, v1alpha1.HistoryConfirmed)
		s.happens(ctx, "o-1", v1alpha1.OrderFulfilled, v1alpha1.HistoryFulfilled)
		s.shows(ctx, "o-1")
		Expect(s.told(ctx, string(o.UID))).To(Equal([]string{"order.created", "order.confirmed", "order.fulfilled"}))
		Expect(writes.Count()).To(BeZero())
	})

	It("adopts what was made before there was a mirror", func(ctx SpecContext) {
		s := newShop()
		o := s.order("o-1")
		o.Finalizers = nil
		s.place(ctx, o)
		s.happens(ctx, "o-1", v1alpha1.OrderPending, v1alpha1.HistoryCreated)
		s.start()
		Eventually(func() []string { return s.get(ctx, "o-1").Finalizers }).Should(ConsistOf(v1alpha1.OrderFinalizer, v1alpha1.MirrorFinalizer))
	})

	It("keeps a deleted order until its last word is in the database", func(ctx SpecContext) {
		s := newShop()
		o := s.cancelled(ctx, s.order("o-1"))
		Expect(s.Delete(ctx, o)).To(Succeed())
		s.letsGo(ctx, "o-1")
		Consistently(s.isGone(ctx, "o-1")).Should(BeFalse(), "no mirror runs")
		s.start()
		Eventually(s.isGone(ctx, "o-1")).Should(BeTrue())
		Expect(s.row(ctx, "o-1")().State).To(Equal(orderdb.Gone))
		Expect(s.told(ctx, string(o.UID))).To(Equal([]string{"order.created", "order.cancelled"}))
	})

	It("tells what an order did last that is forced away", func(ctx SpecContext) {
		s := newShop()
		s.start()
		o := s.cancelled(ctx, s.order("o-1"))
		s.shows(ctx, "o-1")
		Eventually(func() error {
			o := s.get(ctx, "o-1")
			o.Finalizers = nil
			if err := s.Update(ctx, o); err != nil {
				return err
			}
			return s.Delete(ctx, o, client.Preconditions{ResourceVersion: &o.ResourceVersion})
		}).Should(Succeed())
		s.becomes(ctx, "o-1", orderdb.Gone)
		Expect(s.told(ctx, string(o.UID))).To(HaveLen(2))
	})

	It("finds at its start what went while no mirror ran", func(ctx SpecContext) {
		s := newShop()
		m := s.start()
		s.cancelled(ctx, s.order("o-1"))
		s.cancelled(ctx, s.order("o-2"))
		s.shows(ctx, "o-1")
		s.shows(ctx, "o-2")
		Expect(m.Stop()).To(Succeed())
		o := s.get(ctx, "o-1")
		o.Finalizers = nil
		Expect(s.Update(ctx, o)).To(Succeed())
		Expect(s.Delete(ctx, o)).To(Succeed())
		s.start()
		s.becomes(ctx, "o-1", orderdb.Gone)
		Expect(s.row(ctx, "o-2")().State).To(Equal(orderdb.Live))
		Expect(s.count("orderplane_mirror_order_differences_total", "gone")()).To(BeEquivalentTo(1))
	})

	It("takes the mark off an order whose archive nobody asked", func(ctx SpecContext) {
		s := newShop()
		o := s.order("o-1")
		o.Annotations = map[string]string{v1alpha1.UnaskedAnnotation: "true"}
		s.place(ctx, o)
		s.start()
		Eventually(func() map[string]string { return s.get(ctx, "o-1").Annotations }).ShouldNot(HaveKey(v1alpha1.UnaskedAnnotation))
		Expect(s.row(ctx, "o-1")().UID).To(Equal(string(o.UID)))
	})

	It("is the same with two mirrors at once", func(ctx SpecContext) {
		s := newShop()
		s.start()
		s.start()
		const many = 30
		for i := range many {
			name := fmt.Sprintf("o-%02d", i)
			s.place(ctx, s.order(name))
			s.happens(ctx, name, v1alpha1.OrderPending, v1alpha1.HistoryCreated)
		}
		for i := range many {
			name := fmt.Sprintf("o-%02d", i)
			s.happens(ctx, name, v1alpha1.OrderConfirmed, v1alpha1.HistoryConfirmed)
			s.happens(ctx, name, v1alpha1.OrderCancelled, v1alpha1.HistoryCancelled)
			if i%3 == 0 {
				Expect(s.Delete(ctx, s.get(ctx, name))).To(Succeed())
				s.letsGo(ctx, name)
			}
		}
		for i := range many {
			name := fmt.Sprintf("o-%02d", i)
			if i%3 == 0 {
				Eventually(s.isGone(ctx, name)).Should(BeTrue())
				s.becomes(ctx, name, orderdb.Gone)
			} else {
				s.shows(ctx, name)
			}
			Expect(s.told(ctx, s.row(ctx, name)().UID)).To(Equal([]string{"order.created", "order.confirmed", "order.cancelled"}))
		}
		var queued int
		Expect(s.pool.QueryRow(ctx, "SELECT count(*) FROM outbox").Scan(&queued)).To(Succeed())
		Expect(queued).To(Equal(3 * many))
	})
})

var _ = Describe("a database that goes back", func() {
	// It is set back as from a backup: the tables get what they had.
	backUp := func(ctx context.Context, s *shop) (restore func(context.Context)) {
		exec := func(ctx context.Context, sql string) {
			GinkgoHelper()
			_, err := s.pool.Exec(ctx, sql)
			Expect(err).NotTo(HaveOccurred())
		}
		exec(ctx, `CREATE TABLE backup_orders AS TABLE orders; CREATE TABLE backup_events AS TABLE order_events`)
		return func(ctx context.Context) {
			GinkgoHelper()
			exec(ctx, `BEGIN; TRUNCATE orders, order_events, outbox; INSERT INTO orders TABLE backup_orders;
				INSERT INTO order_events OVERRIDING SYSTEM VALUE TABLE backup_events; COMMIT`)
		}
	}

	It("is brought up again while the mirror runs, with the same bytes", func(ctx SpecContext) {
		s := newShop()
		s.start()
		s.cancelled(ctx, s.order("before"))
		s.place(ctx, s.order("both"))
		s.happens(ctx, "both", v1alpha1.OrderPending, v1alpha1.HistoryCreated)
		s.shows(ctx, "before")
		s.shows(ctx, "both")
		restore := backUp(ctx, s)
		s.happens(ctx, "both", v1alpha1.OrderCancelled, v1alpha1.HistoryCancelled)
		after := s.cancelled(ctx, s.order("after"))
		s.shows(ctx, "both")
		s.shows(ctx, "after")
		all := s.events(ctx)
		Expect(all).To(HaveLen(6))
		restore(ctx)
		s.shows(ctx, "both")
		s.shows(ctx, "after")
		Eventually(func() map[string]string { return s.events(ctx) }).Should(Equal(all))
		Expect(s.told(ctx, string(after.UID))).To(HaveLen(2))
	})

	It("is brought up again when it was emptied", func(ctx SpecContext) {
		s := newShop()
		s.start()
		s.cancelled(ctx, s.order("o-1"))
		s.shows(ctx, "o-1")
		all := s.events(ctx)
		_, err := s.pool.Exec(ctx, "TRUNCATE orders, order_events, outbox")
		Expect(err).NotTo(HaveOccurred())
		s.shows(ctx, "o-1")
		Expect(s.events(ctx)).To(Equal(all))
	})

	It("lets an order that was archived since be gone, and never be archived short", func(ctx SpecContext) {
		s := newShop()
		m := s.start()
		s.cancelled(ctx, s.order("o-1"))
		s.shows(ctx, "o-1")
		restore := backUp(ctx, s)
		s.clock.Step(delay + time.Hour)
		Eventually(s.isGone(ctx, "o-1")).Should(BeTrue())
		s.becomes(ctx, "o-1", orderdb.Archived)
		Expect(m.Stop()).To(Succeed())
		restore(ctx)
		s.start()
		s.becomes(ctx, "o-1", orderdb.Gone)
	})
})

// events are all events by id, with their bytes.
func (s *shop) events(ctx context.Context) map[string]string {
	GinkgoHelper()
	rows, err := s.pool.Query(ctx, "SELECT event_id::text, value FROM order_events")
	Expect(err).NotTo(HaveOccurred())
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var id string
		var value []byte
		Expect(rows.Scan(&id, &value)).To(Succeed())
		all[id] = string(value)
	}
	Expect(rows.Err()).NotTo(HaveOccurred())
	return all
}
