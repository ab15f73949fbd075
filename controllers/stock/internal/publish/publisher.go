package stock

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// What stands here is written for people to see, and decides nothing.

// mark tells documents that their product does not exist yet, as many as there
// is room for.
func (s *shard) mark(ctx context.Context, now time.Time) {
	for uid, d := range s.unmarked {
		if s.carrier.full() {
			s.carrier.behind = true
			return
		}
		e := &effect{kind: "StockAdjustment", target: "waiting/" + string(uid), key: identity{s.namespace, d.Name, uid}}
		at := metav1.NewTime(s.opts.Clock.Now())
		put := statusPut[*v1alpha1.StockAdjustment]{e.key, newest(s.retries, e.target, d), s.store.putDocument}
		e.write = func(ctx context.Context) error {
			return putStatus(ctx, s.store.live, put, func(d *v1alpha1.StockAdjustment) bool {
				return journal.MarkWaiting(d, at)
			})
		}
		e.done = func() {
			if s.unmarked[uid] == d {
				delete(s.unmarked, uid)
			}
		}
		s.try(ctx, e, now)
	}
}

// answer tells who changed the spec of a reservation that it was seen, as many
// as there is room for.
func (s *shard) answer(ctx context.Context, now time.Time) {
	for uid, r := range s.unanswered {
		if s.carrier.full() {
			s.carrier.behind = true
			return
		}
		e := &effect{kind: "StockReservation", target: "answer/" + string(uid), key: identity{s.namespace, r.Name, uid}}
		put := statusPut[*v1alpha1.StockReservation]{e.key, newest(s.retries, e.target, r), s.store.putReservation}
		e.write = func(ctx context.Context) error {
			return putStatus(ctx, s.store.live, put, func(o *v1alpha1.StockReservation) bool {
				return journal.Acknowledge(o, r.Generation)
			})
		}
		e.done = func() {
			if s.unanswered[uid] == r { // else it was changed once more meanwhile
				delete(s.unanswered, uid)
			}
		}
		s.try(ctx, e, now)
	}
}

// projections refreshes what people see of the items whose turn it is.
func (s *shard) projections(ctx context.Context, now time.Time) []*effect {
	if s.ledger == nil {
		return nil
	}
	var out []*effect
	for _, product := range s.projector.due(now) {
		if !s.ledger.HasProduct(product) {
			s.projector.forget(product)
			continue
		}
		e := &effect{
			kind: "StockItem", target: "projection/" + product, retry: s.projector.retry(product),
			key: identity{namespace: s.namespace, name: product},
		}
		seen := &v1alpha1.StockItem{}
		if err := s.store.cached.Get(ctx, e.key.objectKey(), seen); err != nil {
			continue // not in the cache yet, or gone: its event will say
		}
		level, ok := s.ledger.Level(seen.UID)
		if !ok || s.projector.stale(product, seen.ResourceVersion) || s.carrier.flying[string(seen.UID)] != nil {
			continue
		}
		if seen.DeletionTimestamp != nil {
			// Before its finalizer may go the ledger must know that nothing more is
			// to be granted of it; the event may still be on the way. And only the
			// leader knows that nothing is reserved.
			if !s.olderThanLists(seen) {
				s.ledger.ObserveItem(seen)
			}
			s.suspect = s.suspect || level.Reserved == 0
			if err := s.confirm(ctx); err != nil {
				continue // the next look finds out
			}
		}
		var written string
		mark, at := s.projector.mark(product), s.opts.Clock.Now()
		e.write = func(ctx context.Context) (err error) {
			written, err = s.store.project(ctx, seen, level, at)
			return err
		}
		e.done = func() {
			s.projector.wrote(product, written)
			s.projector.clean(product, mark)
		}
		out = append(out, e)
	}
	return out
}

// project keeps an item's finalizer and its projection, and returns the
// resourceVersion of what it wrote last, empty when it wrote nothing. A
// conflict means that the item was not the newest; the next look finds it so.
func (s *store) project(ctx context.Context, o *v1alpha1.StockItem, level stock.Level, now time.Time) (written string, err error) {
	if keepFinalizer(o, level) {
		if err := s.writer.Update(ctx, o); err != nil {
			return "", client.IgnoreNotFound(err)
		}
		written = o.ResourceVersion
	}
	if o.DeletionTimestamp != nil && len(o.Finalizers) == 0 {
		return written, nil
	}
	if !stock.Project(o, level.Reserved, metav1.NewTime(now)) {
		return written, nil
	}
	if err := s.writer.Status().Update(ctx, o); err != nil {
		return written, client.IgnoreNotFound(err)
	}
	return o.ResourceVersion, nil
}

// keepFinalizer has an item stay while anything is reserved of it, and go once
// nothing is. It reports whether it changed the item.
func keepFinalizer(o *v1alpha1.StockItem, level stock.Level) (changed bool) {
	if o.DeletionTimestamp == nil {
		return controllerutil.AddFinalizer(o, v1alpha1.StockItemFinalizer)
	}
	return level.Reserved == 0 && controllerutil.RemoveFinalizer(o, v1alpha1.StockItemFinalizer)
}
