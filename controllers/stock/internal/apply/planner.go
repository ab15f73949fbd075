package stock

import (
	"context"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// effect is one write: an object brought to where the open decisions about it
// want it, or what people see of it refreshed.
type effect struct {
	key     identity
	kind    string
	target  string       // whose failures count, for retries; no two at a time
	retry   *retry       // where they count instead, when whoever planned it minds them
	entries []*openEntry // in order of seq
	write   func(context.Context) error
	done    func()
	err     error
}

// plan is what is to be written for the open decisions, an effect an object, in
// order of their first seq. held reports whether some are not in it because it
// is not their turn, or because another write of their object flies.
func (s *shard) plan() (plan []*effect, held bool) {
	turns := journal.NewWriteOrder(opens(s.open), s.retries.parked)
	objects, items := map[string][]*openEntry{}, map[types.UID][]*openEntry{}
	for _, o := range s.open {
		if !o.Object {
			objects[o.Entry.UID] = append(objects[o.Entry.UID], o)
		}
		for _, uid := range o.Items() {
			items[uid] = append(items[uid], o)
		}
	}
	for _, o := range s.open {
		if about := objects[o.Entry.UID]; !o.Object && about[0] == o {
			switch flying := s.carrier.flying[o.Entry.UID]; {
			case flying != nil:
				held = held || len(flying.entries) < len(about)
			case turns.Object(opens(about)):
				plan = append(plan, s.objectEffect(about))
			default:
				held = true
			}
		}
		for _, uid := range o.Items() {
			about := items[uid]
			if about[0] != o {
				continue
			}
			now := turns.Item(uid, opens(about))
			if flying := s.carrier.flying[string(uid)]; flying != nil {
				now = len(flying.entries)
			} else if now > 0 {
				plan = append(plan, s.itemEffect(uid, about[:now]))
			}
			held = held || now < len(about)
		}
	}
	return plan, held
}

// objectEffect brings the reservation or document of decisions up to date.
func (s *shard) objectEffect(about []*openEntry) *effect {
	o := about[0]
	e := &effect{
		kind: "StockReservation", target: o.Entry.UID, entries: about,
		key: identity{s.namespace, o.Entry.Name, types.UID(o.Entry.UID)},
	}
	e.done = func() {
		for _, o := range e.entries {
			o.Object = true
			o.reservation, o.document = nil, nil
		}
	}
	if journal.IsDocument(o.Entry.Kind) {
		e.kind = "StockAdjustment"
		put := statusPut[*v1alpha1.StockAdjustment]{e.key, newest(s.retries, e.target, o.document), s.store.putDocument}
		e.write = func(ctx context.Context) error {
			return putStatus(ctx, s.store.live, put, func(d *v1alpha1.StockAdjustment) (changed bool) {
				for _, o := range e.entries {
					changed = journal.ApplyToDocument(o.Entry, d) || changed
				}
				return changed
			})
		}
		return e
	}
	put := statusPut[*v1alpha1.StockReservation]{e.key, newest(s.retries, e.target, o.reservation), s.store.putReservation}
	e.write = func(ctx context.Context) error {
		return putStatus(ctx, s.store.live, put, func(r *v1alpha1.StockReservation) (changed bool) {
			for _, o := range e.entries {
				changed = journal.ApplyToReservation(o.Entry, r) || changed
			}
			return changed
		})
	}
	return e
}

// itemEffect brings an item's stock up to date, and its projection with it.
func (s *shard) itemEffect(uid types.UID, about []*openEntry) *effect {
	now := metav1.NewTime(s.opts.Clock.Now())
	product := ""
	for _, l := range about[0].Entry.Lines {
		if l.ItemUID == string(uid) {
			product = l.ProductID
		}
	}
	e := &effect{
		kind: "StockItem", target: string(uid), entries: about, key: identity{s.namespace, product, uid},
	}
	var level stock.Level
	known := false
	if s.ledger != nil {
		level, known = s.ledger.Level(uid)
	}
	failedBefore := s.retries[e.target] != nil
	var written string
	finalizerIsRight, mark := false, s.projector.mark(product)
	e.write = func(ctx context.Context) error {
		seen := &v1alpha1.StockItem{}
		if known && !failedBefore {
			// A miss leaves seen empty, and the live object is read.
			_ = s.store.cached.Get(ctx, e.key.objectKey(), seen)
		}
		entries := make([]*v1alpha1.JournalEntry, 0, len(e.entries))
		for _, o := range e.entries {
			entries = append(entries, o.Entry)
		}
		write := func(ctx context.Context, i *v1alpha1.StockItem) error {
			err := s.store.writer.Status().Update(ctx, i)
			if err == nil {
				written = i.ResourceVersion
			}
			return err
		}
		return putStatus(ctx, s.store.live, statusPut[*v1alpha1.StockItem]{e.key, seen, write}, func(i *v1alpha1.StockItem) bool {
			if !journal.ApplyToItem(entries, i) {
				return false
			}
			if known {
				stock.Project(i, level.Reserved, now)
				finalizerIsRight = !keepFinalizer(&v1alpha1.StockItem{ObjectMeta: *i.ObjectMeta.DeepCopy()}, level)
			}
			return true
		})
	}
	e.done = func() {
		for _, o := range e.entries {
			o.ItemDone(uid)
		}
		if !known || written == "" {
			return
		}
		s.projector.wrote(product, written)
		if finalizerIsRight {
			s.projector.clean(product, mark)
		}
	}
	return e
}

// newest is what was seen of an effect's object; a blank one, for which the live
// object is read, when none was, or when an earlier write of it failed: that may
// have been carried out without an answer.
func newest[T any](failed retries, target string, seen *T) *T {
	if seen == nil || failed[target] != nil {
		return new(T)
	}
	return seen
}
