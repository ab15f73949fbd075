package stock

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
)

// writing is one transaction.
type writing struct {
	*session

	cursor   int64 // where it is, and then where it goes
	isBehind bool
	// What it did.
	decisions  []event.Decision
	movements  []stock.Movement
	openedNow  []string
	carried    []stock.Movement
	uncompared []*v1alpha1.StockItem
}

// cause of a difference: what came before the mirror was there was not lost.
func (w *writing) cause() string {
	if w.isFirst {
		return causeBefore
	}
	return causeLost
}

// batch writes a batch: decisions first, then rows, then what can be compared now.
func (w *writing) batch(ctx context.Context, tx pgx.Tx, b *batch, items []*v1alpha1.StockItem) error {
	for i := range b.decisions {
		w.decisions = append(w.decisions, b.decisions[i].Decision)
	}
	if n := len(w.decisions); n > 0 {
		w.cursor = w.decisions[n-1].Seq
	}
	if err := w.tell(ctx, tx, items); err != nil {
		return err
	}
	if w.cursor != b.cursor {
		if err := stockdb.Move(ctx, tx, w.cursor); err != nil {
			return err
		}
	}
	if err := writeRows(ctx, tx, b); err != nil {
		return err
	}
	return w.compare(ctx, tx, slices.Concat(b.items.gone, b.items.dirty))
}

// tell books the openings of items that have none, and the decisions, and puts the events of
// both into the outbox.
func (w *writing) tell(ctx context.Context, tx pgx.Tx, items []*v1alpha1.StockItem) error {
	var uids []string
	for _, o := range items {
		uids = append(uids, string(o.UID))
	}
	var moved []stock.Movement
	for _, d := range w.decisions {
		moved = append(moved, stock.MovementsOf(d)...)
	}
	if w.isCatchingUp && len(moved) > 0 {
		booked, err := stockdb.AllBooked(ctx, tx, moved)
		if err != nil {
			return err
		}
		moved = slices.DeleteFunc(moved, func(m stock.Movement) bool { return booked[stockdb.Booked{ItemUID: m.ItemUID, Seq: m.Seq}] })
	}
	for i := range moved {
		uids = append(uids, moved[i].ItemUID)
	}
	balances, err := stockdb.Balances(ctx, tx, uids)
	if err != nil {
		return err
	}
	var records []event.Record
	for _, o := range items {
		w.openedNow = append(w.openedNow, string(o.UID))
		if _, opened := balances[string(o.UID)]; !opened {
			m := stock.Opening(o)
			balances[string(o.UID)] = 0
			w.movements = append(w.movements, m)
			records = append(records, stock.OpeningEvent(&m))
		}
	}
	for _, d := range w.decisions {
		records = append(records, event.OfDecision(d)...)
	}
	w.movements = append(w.movements, moved...)
	stock.Balance(balances, w.movements)
	if err := outbox.Put(ctx, tx, outbox.Stock, records); err != nil {
		return err
	}
	return stockdb.Book(ctx, tx, w.movements)
}

// writeRows writes the rows of a batch. An object that is gone is written as it was last, and
// marked, before one that was made again under its name.
func writeRows(ctx context.Context, tx pgx.Tx, b *batch) error {
	if err := writeKind(ctx, tx, stockdb.Items, b.items, stockdb.PutItems); err != nil {
		return err
	}
	if err := writeKind(ctx, tx, stockdb.Reservations, b.reservations, stockdb.PutReservations); err != nil {
		return err
	}
	return writeKind(ctx, tx, stockdb.Documents, b.documents, stockdb.PutDocuments)
}

func writeKind[O client.Object](ctx context.Context, tx pgx.Tx, t stockdb.Table, w work[O], put func(context.Context, pgx.Tx, []O) error) error {
	gone, err := goneOf(w.gone)
	if err != nil {
		return err
	}
	if err := put(ctx, tx, lastOf(w.gone)); err != nil {
		return err
	}
	if err := stockdb.MarkGone(ctx, tx, t, gone); err != nil {
		return err
	}
	return put(ctx, tx, w.dirty)
}

func goneOf[O client.Object](objects []O) (gone []stockdb.Gone, err error) {
	for _, o := range objects {
		rv, err := stockdb.Version(o.GetResourceVersion())
		if err != nil {
			return nil, err
		}
		gone = append(gone, stockdb.Gone{UID: string(o.GetUID()), Version: rv})
	}
	return gone, nil
}

// lastOf leaves out objects that were followed by another of their name.
func lastOf[O client.Object](objects []O) (last []O) {
	seen := map[string]struct{}{}
	for _, o := range slices.Backward(objects) {
		if _, followed := seen[o.GetName()]; !followed {
			seen[o.GetName()] = struct{}{}
			last = append(last, o)
		}
	}
	return last
}

// compare compares the movements of items with what they have on hand (rule 12). A difference
// is booked and told, and so reported.
func (w *writing) compare(ctx context.Context, tx pgx.Tx, items []*v1alpha1.StockItem) error {
	var points []stockdb.Point
	for _, o := range items {
		rv, err := stockdb.Version(o.ResourceVersion)
		switch {
		case err != nil:
			return err
		case stock.MayCompare(o, w.cursor):
			points = append(points, stockdb.Point{ItemUID: string(o.UID), Seq: o.Status.JournalSeq, Version: rv})
		case o.Status.OnHand != nil:
			w.uncompared = append(w.uncompared, o)
		}
	}
	if len(points) == 0 {
		return nil
	}
	told, err := stockdb.BalancesUpTo(ctx, tx, points)
	if err != nil {
		return err
	}
	var uids []string
	var records []event.Record
	for _, o := range items {
		sum, compared := told[string(o.UID)]
		if !compared || !stock.MayCompare(o, w.cursor) {
			continue
		}
		if m := stock.Carry(o, sum, w.clock.Now()); m != nil {
			w.carried, uids = append(w.carried, *m), append(uids, m.ItemUID)
			records = append(records, stock.CarriedEvents(m, w.cursor)...)
		}
	}
	if len(w.carried) == 0 {
		return nil
	}
	balances, err := stockdb.Balances(ctx, tx, uids)
	if err != nil {
		return err
	}
	stock.Balance(balances, w.carried)
	if err := outbox.Put(ctx, tx, outbox.Stock, records); err != nil {
		return err
	}
	return stockdb.Book(ctx, tx, w.carried)
}
