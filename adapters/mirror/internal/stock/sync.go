package stock

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
)

// mostFound bounds how many decisions one sync looks for. The next one finds the others.
const mostFound = 50_000

// sync looks for the decisions beyond the cursor, and tells those that it finds (rule 11).
func (s *session) sync(ctx context.Context, cursor int64) error {
	f, ok, err := s.search(ctx, cursor)
	if err != nil || !ok {
		return err
	}
	tell, next := stock.Sync{Cursor: cursor, Upto: f.upto}.Tells(cursor, f.decisions)
	before, told := cursor, int64(len(tell))
	for done := 0; ; {
		n := min(mostDecisions, len(tell)-done)
		to := next(done + n)
		if ok, err := s.tellFound(ctx, cursor, to, tell[done:done+n]); err != nil || !ok {
			return err
		}
		cursor, done = to, done+n
		if done == len(tell) {
			break
		}
	}
	s.metrics.synced(before > 0 && cursor-before > told)
	s.log.Info("looked for stock decisions", "found", told, "from", before, "to", cursor)
	return nil
}

// tellFound tells decisions and takes the cursor from where it is to where it goes. When it is
// somewhere else nothing is told, and told is false.
func (s *session) tellFound(ctx context.Context, from, to int64, found []event.Decision) (told bool, err error) {
	began := s.clock.Now()
	b := &batch{cursor: from}
	for _, d := range found {
		b.decisions = append(b.decisions, sighting{Decision: d})
	}
	items, err := s.itemsOf(ctx, b)
	if err != nil {
		return false, err
	}
	w := &writing{session: s, cursor: to, decisions: found}
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		locked, err := stockdb.Lock(ctx, tx)
		if err != nil {
			return err
		}
		if locked != from {
			w.cursor, w.isBehind = locked, true
			return nil
		}
		if err := w.tell(ctx, tx, items); err != nil {
			return err
		}
		return stockdb.Move(ctx, tx, to)
	})
	if err != nil {
		return false, err
	}
	s.view.moved(w.cursor)
	if !w.isBehind {
		s.committedAll(b, w, began)
	}
	return !w.isBehind, nil
}

// finding is what a search found: decisions beyond the cursor, up to a number.
type finding struct {
	cursor, upto int64
	decisions    []event.Decision
}

func (f *finding) add(d event.Decision) {
	if d.Seq > f.cursor && d.Seq <= f.upto {
		f.decisions = append(f.decisions, d)
		if len(f.decisions) > 2*mostFound {
			f.trim()
		}
	}
}

// trim keeps the lowest decisions, each once, if there are too many.
func (f *finding) trim() {
	bySeq := func(a, b event.Decision) int { return cmp.Compare(a.Seq, b.Seq) }
	slices.SortStableFunc(f.decisions, bySeq)
	if len(f.decisions) > mostFound {
		f.decisions = slices.Clone(f.decisions[:mostFound])
		f.upto = f.decisions[mostFound-1].Seq
	}
}

// search reads the journal, and after that lists the objects: an entry leaves the journal only
// after its effect. ok is false while there is no journal: the stock controller makes another
// one. In a namespace that is being deleted it does not, and what the objects show is all.
func (s *session) search(ctx context.Context, cursor int64) (f *finding, ok bool, err error) {
	j, err := s.cluster.journal(ctx)
	if err != nil {
		return nil, false, err
	}
	f = &finding{cursor: cursor, upto: cursor}
	if j != nil {
		f.upto = j.Status.Seq
	} else {
		terminating, err := s.cluster.isTerminating(ctx)
		if err != nil || !terminating {
			return nil, false, err
		}
		f.upto = 1<<63 - 1
	}
	if err := s.list(ctx, f); err != nil {
		return nil, false, err
	}
	if j != nil {
		for i := range j.Status.Entries {
			d := sighting{Decision: event.DecisionOfEntry(&j.Status.Entries[i])}
			if d.Seq <= cursor {
				continue
			}
			if !s.look(&d) {
				if err := s.ask(ctx, &d); err != nil {
					return nil, false, err
				}
			}
			f.add(d.Decision)
		}
	}
	f.trim()
	if j == nil {
		f.upto = cursor
		if n := len(f.decisions); n > 0 {
			f.upto = f.decisions[n-1].Seq
		}
	}
	return f, true, nil
}

// list finds the decisions that objects show.
func (s *session) list(ctx context.Context, f *finding) error {
	err := s.cluster.names(ctx, "StockReservation", func(m *metav1.PartialObjectMetadata) error {
		r, ok, err := current(ctx, s.cluster, m, s.view, s.view.reservations)
		if ok {
			for _, d := range event.DecisionsOfReservation(r) {
				f.add(d)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.cluster.names(ctx, "StockAdjustment", func(m *metav1.PartialObjectMetadata) error {
		doc, ok, err := current(ctx, s.cluster, m, s.view, s.view.documents)
		if ok {
			if d, decided := event.DecisionOfDocument(doc); decided {
				f.add(d)
			}
		}
		return err
	})
}
