package check

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
)

// stock compares journal, items, reservations and documents with their rows and events.
func (c *Check) stock(ctx context.Context, t *tally) ([]Difference, error) {
	return c.settled(ctx, func(ctx context.Context) ([]Difference, error) {
		s := &stockLook{Check: c}
		err := s.look(ctx)
		t.stockObjects = s.objects
		return s.found, err
	})
}

// stockLook is one look at all stock.
type stockLook struct {
	*Check

	objects int
	// decided are events of decisions that were told only if their number is not above the cursor.
	decided []event.Record
	found   []Difference
}

func (s *stockLook) differs(of, what string, args ...any) {
	s.found = append(s.found, Difference{of, fmt.Sprintf(what, args...)})
}

// look reads the cluster first and the database after it: who tells is never ahead of the cluster.
func (s *stockLook) look(ctx context.Context) error {
	var journals v1alpha1.StockJournalList
	if err := s.World.Kube.List(ctx, &journals, client.InNamespace(s.World.Namespace)); err != nil {
		return fmt.Errorf("look at the stock journal: %w", err)
	}
	var items []v1alpha1.StockItem
	reservations, documents := map[string]seen{}, map[string]seen{}
	err := errors.Join(
		pages(ctx, s.Check, &v1alpha1.StockItemList{}, func(l *v1alpha1.StockItemList) error { items = append(items, l.Items...); return nil }),
		pages(ctx, s.Check, &v1alpha1.StockReservationList{}, func(l *v1alpha1.StockReservationList) error { return s.reservations(l, reservations) }),
		pages(ctx, s.Check, &v1alpha1.StockAdjustmentList{}, func(l *v1alpha1.StockAdjustmentList) error { return s.documents(l, documents) }),
	)
	if err != nil {
		return err
	}
	s.objects = len(items) + len(reservations) + len(documents)
	cursor, err := stockdb.Cursor(ctx, s.World.Inventory)
	if err != nil {
		return err
	}
	for i := range journals.Items {
		if seq := journals.Items[i].Status.Seq; cursor < seq {
			s.differs("stock journal", "its decisions up to %d are made, and those up to %d were told", seq, cursor)
		}
	}
	return errors.Join(
		s.compareItems(ctx, items, cursor),
		s.compareVersions(ctx, stockdb.Reservations, reservations), s.compareVersions(ctx, stockdb.Documents, documents),
		s.compareEvents(ctx, cursor),
	)
}

// seen is an object of the cluster.
type seen struct {
	name string
	rv   int64
}

func see(o client.Object) (seen, error) {
	rv, err := strconv.ParseInt(o.GetResourceVersion(), 10, 64)
	if err != nil {
		return seen{}, fmt.Errorf("%s: resourceVersion: %w", o.GetName(), err)
	}
	return seen{o.GetName(), rv}, nil
}

func (s *stockLook) reservations(l *v1alpha1.StockReservationList, into map[string]seen) (err error) {
	for i := range l.Items {
		r := &l.Items[i]
		if into[string(r.UID)], err = see(r); err != nil {
			return err
		}
		for _, d := range event.DecisionsOfReservation(r) {
			s.decided = append(s.decided, event.OfDecision(d)...)
		}
	}
	return nil
}

func (s *stockLook) documents(l *v1alpha1.StockAdjustmentList, into map[string]seen) (err error) {
	for i := range l.Items {
		d := &l.Items[i]
		if into[string(d.UID)], err = see(d); err != nil {
			return err
		}
		if decision, decided := event.DecisionOfDocument(d); decided {
			s.decided = append(s.decided, event.OfDecision(decision)...)
		}
	}
	return nil
}

func (s *stockLook) compareItems(ctx context.Context, items []v1alpha1.StockItem, cursor int64) error {
	rows, err := stockdb.AllShown(ctx, s.World.Inventory)
	if err != nil {
		return err
	}
	for i := range items {
		o := &items[i]
		of := "product " + o.Name
		row, has := rows[o.Name]
		delete(rows, o.Name)
		at, err := see(o)
		switch {
		case err != nil:
			return err
		case o.Status.OnHand == nil:
			continue // nobody has counted it in yet
		case !has || row.ItemUID != string(o.UID):
			s.differs(of, "it has no row")
			continue
		case row.Version < at.rv:
			s.differs(of, "its row is older than it is")
		case row.Version == at.rv && (row.Quantity != journal.OnHand(o) || row.Reserved != o.Status.Reserved || row.Available != o.Status.Available):
			s.differs(of, "its row says %d on hand, %d reserved, %d available, and it says %d, %d, %d",
				row.Quantity, row.Reserved, row.Available, journal.OnHand(o), o.Status.Reserved, o.Status.Available)
		}
		if o.Status.JournalSeq <= cursor && row.Version == at.rv && row.Moved != journal.OnHand(o) {
			s.differs(of, "its movements add up to %d, and %d are on hand", row.Moved, journal.OnHand(o))
		}
		opening := stock.Opening(o)
		s.decided = append(s.decided, stock.OpeningEvent(&opening))
	}
	for product := range rows {
		s.differs("product "+product, "its row says that it is in the cluster, and it is not")
	}
	return nil
}

func (s *stockLook) compareVersions(ctx context.Context, t stockdb.Table, there map[string]seen) error {
	rows, err := stockdb.LiveVersions(ctx, s.World.Inventory, t)
	if err != nil {
		return err
	}
	kind := map[stockdb.Table]string{stockdb.Reservations: "reservation ", stockdb.Documents: "stock document "}[t]
	for uid, o := range there {
		switch rv, has := rows[uid]; {
		case !has:
			s.differs(kind+o.name, "it has no row")
		case rv < o.rv:
			s.differs(kind+o.name, "its row is older than it is")
		}
		delete(rows, uid)
	}
	for uid := range rows {
		s.differs(kind+"with uid "+uid, "its row says that it is in the cluster, and it is not")
	}
	return nil
}

// compareEvents looks for the events of decisions that were told.
func (s *stockLook) compareEvents(ctx context.Context, cursor int64) error {
	told := map[uuid.UUID]*event.Record{}
	ids := make([]uuid.UUID, 0, pageSize)
	for i := range s.decided {
		if r := &s.decided[i]; r.Seq <= cursor {
			told[r.ID] = r
			ids = append(ids, r.ID)
		}
		if len(ids) < pageSize && i+1 < len(s.decided) {
			continue
		}
		missing, err := s.missing(ctx, outbox.Stock, ids)
		if err != nil {
			return err
		}
		for _, id := range missing {
			r := told[id]
			s.differs("product "+r.Key, "there is no event of decision %d about %s, id %s", r.Seq, r.Object, id)
		}
		ids = ids[:0]
	}
	return nil
}
