package orders

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// batch is how many orders are brought to the database in one transaction.
const batch = 500

// How long to wait after a transaction that failed: it doubles from the first to the last.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// applier brings what waits to the database.
type applier struct {
	Options

	dirty    *dirty
	watcher  *watcher
	reader   reader
	archiver *archiver
	writer   *writer
	parked   *parked
	metrics  *metrics
}

// run works until ctx is over.
func (a *applier) run(ctx context.Context) error {
	pause := firstPause
	for ctx.Err() == nil {
		entries := a.dirty.take(batch)
		a.report(len(entries))
		if len(entries) == 0 {
			a.wait(ctx, a.dirty.wake, lastPause)
			continue
		}
		err := a.apply(ctx, entries)
		switch {
		case err == nil:
			if pause > firstPause {
				// It may be another database than before (rule 7).
				a.watcher.lookAtAll(compared)
			}
			a.Database.Succeeded()
			pause = firstPause
		case ctx.Err() == nil:
			a.Database.Failed(err)
			if pause == firstPause || pause == lastPause {
				a.Log.Error(err, "orders can't be brought to the database; they wait", "orders", len(entries))
			}
			a.wait(ctx, nil, pause)
			pause = min(2*pause, lastPause)
		}
	}
	return nil
}

// wait ends with a signal, after a time, or with ctx.
func (a *applier) wait(ctx context.Context, signal <-chan struct{}, atMost time.Duration) {
	timer := a.Clock.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-signal:
	case <-timer.C():
	}
}

// report tells the stages what waits.
func (a *applier) report(taken int) {
	n, oldest := a.dirty.len()
	a.Watch.Waiting(n, oldest)
	a.Watch.Succeeded()
	a.Database.Waiting(taken, a.Clock.Now())
}

// apply brings entries to the database. Those that it could not are put back, with an error.
func (a *applier) apply(ctx context.Context, entries []*entry) error {
	works, err := a.look(ctx, entries)
	if err == nil {
		err = a.bring(ctx, works)
	}
	if err != nil {
		a.dirty.putBack(entries)
		return err
	}
	return nil
}

// look reads what there is of each order.
func (a *applier) look(ctx context.Context, entries []*entry) ([]*work, error) {
	works := make([]*work, 0, len(entries))
	for _, e := range entries {
		w := &work{entry: e}
		failed, broken := error(nil), (*v1alpha1.Order)(nil)
		for _, end := range e.ends {
			v, err := versionOf(end, true)
			if err != nil {
				failed, broken = err, end
				continue
			}
			w.seen = append(w.seen, seen{order: end, version: v})
		}
		o, err := a.reader.order(ctx, e.name)
		if err != nil {
			return nil, err
		}
		if o != nil {
			v, err := versionOf(o, false)
			if err != nil {
				a.parked.put(o, err)
				continue
			}
			w.seen = append(w.seen, seen{order: o, version: v, archiving: a.archiver.archiving(ctx, o, v, e)})
		}
		if failed != nil {
			a.parked.put(broken, failed)
		}
		if len(w.seen) > 0 {
			works = append(works, w)
		}
	}
	return works, nil
}

// bring applies works: all at once, or each alone when the database refuses what one of them says.
func (a *applier) bring(ctx context.Context, works []*work) error {
	err := a.bringAll(ctx, works)
	if !isRefused(err) {
		return err
	}
	if len(works) == 1 {
		a.parked.put(works[0].newest(), err)
		return nil
	}
	for _, half := range [][]*work{works[:len(works)/2], works[len(works)/2:]} {
		if err := a.bring(ctx, half); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) newest() *v1alpha1.Order { return w.seen[len(w.seen)-1].order }

// isRefused says that the database takes no text or number like that, however often it is asked.
func isRefused(err error) bool {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || len(refused.Code) != 5 {
		return false
	}
	return slices.Contains([]string{"22", "23", "54"}, refused.Code[:2])
}

// bringAll looks first where something is to be done, and does it in one transaction.
func (a *applier) bringAll(ctx context.Context, works []*work) error {
	byName := make(map[string]*work, len(works))
	for _, w := range works {
		byName[w.entry.name] = w
	}
	rows, err := orderdb.Versions(ctx, a.Pool, slices.Collect(maps.Keys(byName)))
	if err != nil {
		return err
	}
	for name, w := range byName {
		stored, found := rows[name]
		if d := decide(w, stored, found, a.Clock.Now()); d.idle() {
			a.done(ctx, d)
			delete(byName, name)
		}
	}
	if len(byName) == 0 {
		return nil
	}
	var done []*decision
	var lost []*entry
	err = pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		rows, err := orderdb.Lock(ctx, tx, slices.Sorted(maps.Keys(byName)))
		if err != nil {
			return err
		}
		done, lost, err = a.write(ctx, tx, a.decideAll(byName, rows))
		return err
	})
	if err != nil {
		return fmt.Errorf("bring %d orders to the database: %w", len(byName), err)
	}
	a.dirty.putBack(lost)
	for _, d := range done {
		a.done(ctx, d)
	}
	return nil
}

// decideAll decides about each work, with its row locked. What makes no sense is parked.
func (a *applier) decideAll(works map[string]*work, rows map[string]orderdb.Version) map[string]*decision {
	decisions := make(map[string]*decision, len(works))
	for name, w := range works {
		stored, found := rows[name]
		d := decide(w, stored, found, a.Clock.Now())
		if err := d.render(stored); err != nil {
			a.parked.put(w.newest(), err)
			continue
		}
		decisions[name] = d
	}
	return decisions
}

// write puts rows and events of decisions into the database, and returns those that it did. It has
// lost the others: another mirror has made their rows in the meantime.
func (a *applier) write(ctx context.Context, tx pgx.Tx, decisions map[string]*decision) (done []*decision, lost []*entry, err error) {
	var inserts, updates []orderdb.Row
	marks := map[string]orderdb.State{}
	for _, name := range slices.Sorted(maps.Keys(decisions)) {
		d := decisions[name]
		switch {
		case d.content != nil:
			row, err := rowOf(d.content, d.row)
			if err != nil {
				return nil, nil, err
			}
			if d.isNew {
				inserts = append(inserts, row)
			} else {
				updates = append(updates, row)
			}
		case d.marked:
			marks[name] = d.row.State
		}
	}
	inserted, err := orderdb.Insert(ctx, tx, inserts)
	if err != nil {
		return nil, nil, err
	}
	if len(inserted) < len(inserts) {
		for _, row := range inserts {
			if !slices.Contains(inserted, row.ID) {
				lost = append(lost, decisions[row.ID].work.entry)
				delete(decisions, row.ID)
			}
		}
	}
	if err := errors.Join(orderdb.Update(ctx, tx, updates), orderdb.Mark(ctx, tx, marks)); err != nil {
		return nil, nil, err
	}
	var records []event.Record
	done = slices.SortedFunc(maps.Values(decisions), func(x, y *decision) int {
		return x.work.entry.since.Compare(y.work.entry.since)
	})
	for _, d := range done {
		records = append(records, d.records...)
	}
	return done, lost, outbox.Put(ctx, tx, outbox.Orders, records)
}

// done goes on with a decision that is in the database.
func (a *applier) done(ctx context.Context, d *decision) {
	newest := &d.work.seen[len(d.work.seen)-1]
	name := d.work.entry.name
	a.parked.done(name)
	if d.differs != "" {
		a.metrics.differences.WithLabelValues("history").Inc()
		a.Log.Error(nil, "the history of an order is not as it was told; what was told stays", "order", name, "difference", d.differs)
	}
	if d.content != nil {
		a.metrics.applied.Inc()
		if d.work.entry.why == swept {
			a.metrics.differences.WithLabelValues("row").Inc()
		}
	}
	if d.step != orders.Nothing {
		a.writer.add(newest.order, d.step)
	}
	if !newest.version.Last {
		a.archiver.schedule(ctx, newest.order, d.row)
	} else {
		a.archiver.forget(newest.order.UID)
	}
}
