package apply

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/effects"
	"github.com/orderplane/orderplane/controllers/stock/internal/publish"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// objectEffect brings the reservation or stock document of decisions up to date.
func (p *Planner) objectEffect(about []*journal.Pending) *effects.Effect {
	entry := about[0].Entry
	from := p.decidedFrom[entry.UID]
	e := &effects.Effect{
		Kind: "StockReservation", Target: entry.UID, Entries: about,
		Object: store.Identity{Namespace: p.namespace, Name: entry.Name, UID: types.UID(entry.UID)},
	}
	e.Done = func() {
		for _, d := range about {
			d.Object = true
		}
		if p.decidedFrom[entry.UID] == from {
			delete(p.decidedFrom, entry.UID)
		}
	}
	trusted := !p.pool.HasFailed(e.Target)
	if journal.IsDocument(entry.Kind) {
		e.Kind = "StockAdjustment"
		seen := asSeen[v1alpha1.StockAdjustment](from, trusted)
		e.Write = func(ctx context.Context) error {
			return p.store.BringDocument(ctx, e.Object, seen, carryOut(about, journal.ApplyToDocument))
		}
		return e
	}
	seen := asSeen[v1alpha1.StockReservation](from, trusted)
	e.Write = func(ctx context.Context) error {
		return p.store.BringReservation(ctx, e.Object, seen, carryOut(about, journal.ApplyToReservation))
	}
	return e
}

// asSeen is the object that a decision was made from; nil, for which the live object is
// read, when it is not known or an earlier write of it failed: that may have been carried
// out without an answer.
func asSeen[T any](from any, trusted bool) *T {
	seen, _ := from.(*T)
	if !trusted {
		return nil
	}
	return seen
}

// carryOut carries decisions out on their object, in order of seq.
func carryOut[O any](about []*journal.Pending, apply func(*v1alpha1.JournalEntry, O) bool) func(O) bool {
	return func(o O) (changed bool) {
		for _, d := range about {
			changed = apply(d.Entry, o) || changed
		}
		return changed
	}
}

// itemEffect brings an item's stock up to date, and its projection with it.
func (p *Planner) itemEffect(uid types.UID, about []*journal.Pending) *effects.Effect {
	product := productOf(uid, about[0].Entry)
	e := &effects.Effect{
		Kind: "StockItem", Target: string(uid), Entries: about,
		Object: store.Identity{Namespace: p.namespace, Name: product, UID: uid},
	}
	i := itemWrite{now: metav1.NewTime(p.clock.Now())}
	if p.memory != nil {
		i.level, i.known = p.memory.Level(uid)
	}
	for _, d := range about {
		i.entries = append(i.entries, d.Entry)
	}
	trusted, mark := !p.pool.HasFailed(e.Target), p.schedule.Mark(product)
	var written string
	e.Write = func(ctx context.Context) (err error) {
		var seen *v1alpha1.StockItem
		if i.known && trusted {
			if o, err := p.store.CachedItem(ctx, e.Object.Key()); err == nil {
				seen = o // else the live object is read
			}
		}
		written, err = p.store.BringItem(ctx, e.Object, seen, i.carryOut)
		return err
	}
	e.Done = func() {
		for _, d := range about {
			d.ItemDone(uid)
		}
		if !i.known || written == "" {
			return
		}
		p.schedule.Wrote(product, written)
		if i.finalizerIsRight {
			p.schedule.Clean(product, mark)
		}
	}
	return e
}

func productOf(uid types.UID, e *v1alpha1.JournalEntry) (product string) {
	for _, l := range e.Lines {
		if l.ItemUID == string(uid) {
			product = l.ProductID
		}
	}
	return product
}

// itemWrite is what decisions do to an item, and what the ledger says of it.
type itemWrite struct {
	entries []*v1alpha1.JournalEntry
	level   stock.Level
	known   bool
	now     metav1.Time
	// finalizerIsRight is found out by the write: its projection leaves nothing to publish.
	finalizerIsRight bool
}

func (w *itemWrite) carryOut(o *v1alpha1.StockItem) (changed bool) {
	if !journal.ApplyToItem(w.entries, o) {
		return false
	}
	if w.known {
		stock.Project(o, w.level.Reserved, w.now)
		w.finalizerIsRight = !publish.KeepFinalizer(&v1alpha1.StockItem{ObjectMeta: *o.ObjectMeta.DeepCopy()}, w.level)
	}
	return true
}
