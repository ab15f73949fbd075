package stock

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
)

// lateAfter is how long an object may be later than the decision about it before it is asked
// for.
const lateAfter = 300 * time.Millisecond

// session is what the teller does over one connection.
type session struct {
	*teller

	conn *pgxpool.Conn
	// opened are the uids of items whose opening is booked.
	opened map[string]struct{}
	// isFirst is true until all is told that came before the mirror was there. What does not
	// add up until then was not lost.
	isFirst bool
	// isCatchingUp is true until all is told that there was when the session began. What a rebuild has
	// booked from the topics may be among it (rules 39 and 40).
	isCatchingUp bool
	worked       bool
}

// complete adds to decisions what only their objects know. It leaves out the first whose
// object is late, and all behind that.
func (s *session) complete(ctx context.Context, b *batch) error {
	now := s.clock.Now()
	for i := range b.decisions {
		d := &b.decisions[i]
		if d.whole || s.look(d) {
			continue
		}
		if now.Sub(d.at) < lateAfter {
			b.decisions = b.decisions[:i]
			return nil
		}
		if err := s.ask(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// look completes a decision from the view.
func (s *session) look(d *sighting) (ok bool) {
	switch d.Kind {
	case v1alpha1.EntryAdjust, v1alpha1.EntryAdjustReject:
		doc, ok := find(s.view, s.view.documents, d.Name, d.UID)
		if ok {
			d.AboutDocument(doc)
		}
		return ok
	default:
		r, ok := find(s.view, s.view.reservations, d.Name, d.UID)
		if ok {
			d.About(r)
		}
		return ok
	}
}

// ask completes a decision from the API server. One whose object is gone is told without
// (rule 10).
func (s *session) ask(ctx context.Context, d *sighting) error {
	var err error
	switch d.Kind {
	case v1alpha1.EntryAdjust, v1alpha1.EntryAdjustReject:
		doc := &v1alpha1.StockAdjustment{}
		_, err = s.cluster.get(ctx, d.Name, doc)
		d.AboutDocument(doc)
	default:
		r := &v1alpha1.StockReservation{}
		_, err = s.cluster.get(ctx, d.Name, r)
		d.About(r)
	}
	return ignoreSetAside(err)
}

// write commits a batch, under the lock of the cursor. When somebody else moved that, nothing
// is written, and the view knows where it is.
func (s *session) write(ctx context.Context, b *batch) error {
	began := s.clock.Now()
	items, err := s.itemsOf(ctx, b)
	if err != nil {
		return err
	}
	w := &writing{session: s, cursor: b.cursor}
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		locked, err := stockdb.Lock(ctx, tx)
		if err != nil {
			return err
		}
		if locked != b.cursor {
			w.cursor, w.isBehind = locked, true
			return nil
		}
		return w.batch(ctx, tx, b, items)
	})
	if err != nil {
		return err
	}
	if w.isBehind {
		s.view.moved(w.cursor)
		return nil
	}
	s.view.done(b, w.cursor, w.uncompared)
	s.committedAll(b, w, began)
	return nil
}

func (s *session) inTx(ctx context.Context, f func(tx pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, s.conn, f); err != nil {
		return fmt.Errorf("tell stock: %w", err)
	}
	s.worked = true
	s.stage.Succeeded()
	return nil
}

// itemsOf are the items that a batch is about and whose opening may not be booked yet. One
// that a decision names and that was not seen is asked for.
func (s *session) itemsOf(ctx context.Context, b *batch) ([]*v1alpha1.StockItem, error) {
	var items []*v1alpha1.StockItem
	add := func(o *v1alpha1.StockItem) {
		if _, opened := s.opened[string(o.UID)]; !opened {
			items = append(items, o)
		}
	}
	for _, o := range b.items.dirty {
		add(o)
	}
	for _, o := range b.items.gone {
		add(o)
	}
	for i := range b.decisions {
		for j := range b.decisions[i].Lines {
			l := &b.decisions[i].Lines[j]
			o, ok := find(s.view, s.view.items, l.ProductID, l.ItemUID)
			if ok {
				add(o)
				continue
			}
			if _, opened := s.opened[l.ItemUID]; opened || l.ItemUID == "" {
				continue
			}
			o = &v1alpha1.StockItem{}
			there, err := s.cluster.get(ctx, l.ProductID, o)
			if ignoreSetAside(err) != nil {
				return nil, err
			}
			if there && string(o.UID) == l.ItemUID {
				add(o)
			} else {
				s.opened[l.ItemUID] = struct{}{} // it is gone unseen; it is not asked for again
			}
		}
	}
	return items, nil
}

// committedAll is what follows a commit.
func (s *session) committedAll(b *batch, w *writing, began time.Time) {
	for _, uid := range w.openedNow {
		s.opened[uid] = struct{}{}
	}
	s.metrics.committed(w, s.clock.Since(began))
	for i := range w.carried {
		m := &w.carried[i]
		s.log.Info("the movements of an item did not add up to what is on hand; the difference is booked",
			"product", m.ProductID, "itemUID", m.ItemUID, "difference", m.Delta, "onHand", m.OnHand, "journalSeq", m.Seq, "cause", w.cause())
	}
	if s.levels != nil && len(b.items.dirty)+len(b.items.gone) > 0 {
		for _, o := range slices.Concat(b.items.gone, b.items.dirty) {
			s.levels.Drop(o.Name)
		}
	}
	select {
	case s.teller.committed <- struct{}{}:
	default:
	}
}

func (b *batch) isFull() bool {
	return len(b.decisions) == mostDecisions || len(b.items.dirty)+len(b.items.gone) == mostRows ||
		len(b.reservations.dirty)+len(b.reservations.gone) == mostRows || len(b.documents.dirty)+len(b.documents.gone) == mostRows
}
