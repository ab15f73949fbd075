package stock_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
)

// told is an event as it was published first, in the order of the outbox.
type told struct {
	No    int64
	Key   string
	Seq   int64
	UID   string
	Value []byte
}

func (t *told) payload() (p event.InventoryUpdatedPayload) {
	GinkgoHelper()
	var e event.Envelope[event.InventoryUpdatedPayload]
	Expect(json.Unmarshal(t.Value, &e)).To(Succeed())
	return e.Payload
}

func rows[T any](ctx context.Context, s *shop, sql string, args ...any) []T {
	GinkgoHelper()
	found, err := s.pool.Query(ctx, sql, args...)
	Expect(err).NotTo(HaveOccurred())
	all, err := pgx.CollectRows(found, pgx.RowToStructByName[T])
	Expect(err).NotTo(HaveOccurred())
	return all
}

func (s *shop) told(ctx context.Context) []told {
	GinkgoHelper()
	return rows[told](ctx, s, `SELECT o.no, e.key, e.seq, e.uid, e.value FROM outbox o JOIN stock_events e USING (event_id) ORDER BY o.no`)
}

func (s *shop) cursor(ctx context.Context) int64 {
	GinkgoHelper()
	cursor, err := stockdb.Cursor(ctx, s.pool)
	Expect(err).NotTo(HaveOccurred())
	return cursor
}

func (s *shop) journal(ctx context.Context) *v1alpha1.StockJournal {
	GinkgoHelper()
	j := &v1alpha1.StockJournal{}
	Expect(client.IgnoreNotFound(s.read(ctx, v1alpha1.StockJournalName, j))).To(Succeed())
	return j
}

// catchesUp waits until everything that was decided is told.
func (s *shop) catchesUp(ctx context.Context) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		seq := s.journal(ctx).Status.Seq
		g.Expect(seq).To(BeNumerically(">", 0))
		// A database that was just set back cuts connections.
		cursor, err := stockdb.Cursor(ctx, s.pool)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(cursor).To(Equal(seq))
	}).Should(Succeed())
}

type itemRow struct {
	ProductID, ItemUID                                  string
	Rv, Quantity, ReservedQty, AvailableQty, JournalSeq int64
}

type objectRow struct {
	UID, Phase string
	Rv         int64
}

// isAtRest holds the database to the cluster, and what was published to both.
func (s *shop) isAtRest(ctx context.Context) {
	GinkgoHelper()
	s.catchesUp(ctx)
	Eventually(func(g Gomega) {
		s.rowsAreRight(ctx, g)
		s.movementsAddUp(ctx, g)
	}).Should(Succeed())
	s.isInOrder(ctx)
}

func (s *shop) rowsAreRight(ctx context.Context, g Gomega) {
	items, reservations, documents := &v1alpha1.StockItemList{}, &v1alpha1.StockReservationList{}, &v1alpha1.StockAdjustmentList{}
	for _, list := range []client.ObjectList{items, reservations, documents} {
		g.Expect(s.List(ctx, list, client.InNamespace(s.namespace))).To(Succeed())
	}
	var wantItems []itemRow
	for i := range items.Items {
		o := &items.Items[i]
		g.Expect(o.DeletionTimestamp).To(BeNil())
		wantItems = append(wantItems, itemRow{
			o.Name, string(o.UID), version(o), journal.OnHand(o), o.Status.Reserved, o.Status.Available, o.Status.JournalSeq,
		})
	}
	var wantReservations, wantDocuments []objectRow
	for i := range reservations.Items {
		r := &reservations.Items[i]
		g.Expect(r.DeletionTimestamp).To(BeNil())
		wantReservations = append(wantReservations, objectRow{string(r.UID), string(r.Status.Phase), version(r)})
	}
	for i := range documents.Items {
		d := &documents.Items[i]
		g.Expect(d.DeletionTimestamp).To(BeNil())
		wantDocuments = append(wantDocuments, objectRow{string(d.UID), string(d.Status.Phase), version(d)})
	}
	g.Expect(rows[itemRow](ctx, s, `SELECT product_id, item_uid, rv, quantity, reserved_qty, available_qty, journal_seq FROM inventory WHERE state = 'live'`)).To(ConsistOf(wantItems))
	g.Expect(rows[objectRow](ctx, s, `SELECT uid, phase, rv FROM inventory_reservations WHERE state = 'live'`)).To(ConsistOf(wantReservations))
	g.Expect(rows[objectRow](ctx, s, `SELECT uid, phase, rv FROM inventory_documents WHERE state = 'live'`)).To(ConsistOf(wantDocuments))
}

func version(o client.Object) int64 {
	GinkgoHelper()
	rv, err := stockdb.Version(o.GetResourceVersion())
	Expect(err).NotTo(HaveOccurred())
	return rv
}

// movementsAddUp holds the ledger, and what was published alone, to what is on hand.
func (s *shop) movementsAddUp(ctx context.Context, g Gomega) {
	items := &v1alpha1.StockItemList{}
	g.Expect(s.List(ctx, items, client.InNamespace(s.namespace))).To(Succeed())
	published := map[string]int64{}
	for _, t := range s.told(ctx) {
		p := t.payload()
		published[p.ItemUID] += p.Delta
	}
	for i := range items.Items {
		o := &items.Items[i]
		sums := rows[struct{ Sum, Last int64 }](ctx, s, `SELECT sum(delta)::bigint AS sum,
(SELECT on_hand FROM movements WHERE item_uid = $1 ORDER BY no DESC LIMIT 1) AS last FROM movements WHERE item_uid = $1`, string(o.UID))
		g.Expect(sums).To(HaveLen(1))
		g.Expect(sums[0].Sum).To(Equal(journal.OnHand(o)), "the deltas of %s", o.Name)
		g.Expect(sums[0].Last).To(Equal(journal.OnHand(o)), "the balance of %s", o.Name)
		g.Expect(published[string(o.UID)]).To(Equal(journal.OnHand(o)), "what was published of %s", o.Name)
	}
}

// isInOrder holds each product's events to the order of the journal, its opening first.
func (s *shop) isInOrder(ctx context.Context) {
	GinkgoHelper()
	last := map[string]int64{}
	for _, t := range s.told(ctx) {
		p := t.payload()
		seq, seen := last[t.Key]
		Expect(p.ProductID).To(Equal(t.Key))
		if !seen {
			Expect(p.Reason).To(Equal(event.ReasonOpening), "%s begins with %+v", t.Key, p)
		}
		Expect(t.Seq).To(BeNumerically(">=", seq), "%s: %+v", t.Key, p)
		last[t.Key] = t.Seq
	}
}

// ledger is a product's movements, oldest first, one a line.
func (s *shop) ledger(ctx context.Context, product string) (lines []string) {
	GinkgoHelper()
	movements, _, err := stockdb.Movements(ctx, s.pool, product, stockdb.Page{Limit: 1000})
	Expect(err).NotTo(HaveOccurred())
	for i := len(movements) - 1; i >= 0; i-- {
		m := &movements[i]
		lines = append(lines, fmt.Sprintf("%s %s %+d = %d", m.Kind, m.Object, m.Delta, m.OnHand))
	}
	return lines
}
