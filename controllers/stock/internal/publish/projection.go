package publish

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/effects"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// projections are the effects that refresh what people see of the items whose turn it is.
func (p *Publisher) projections(ctx context.Context) []*effects.Effect {
	var out []*effects.Effect
	for _, product := range p.Schedule.due(p.Clock.Now()) {
		if !p.memory.HasProduct(product) {
			p.Schedule.forget(product)
			continue
		}
		seen, err := p.Store.CachedItem(ctx, client.ObjectKey{Namespace: p.Namespace, Name: product})
		if cachedclient.WasSetAside(err) {
			if e := p.letGo(ctx, seen); e != nil {
				out = append(out, e)
			} else {
				p.Schedule.forget(product) // what people see of it is shown when it is mended
			}
			continue
		}
		if err != nil {
			continue // not in the cache yet, or gone: its event will say
		}
		level, ok := p.memory.Level(seen.UID)
		if !ok || p.Schedule.isStale(product, seen.ResourceVersion) || p.Pool.Of(string(seen.UID)) != nil {
			continue
		}
		if seen.DeletionTimestamp != nil && !p.mayGo(ctx, seen, level) {
			continue
		}
		out = append(out, p.projection(seen, level))
	}
	return out
}

// mayGo makes sure that the finalizer of an item that is being deleted may go. The ledger
// must know that nothing more is to be granted of it; the event may still be on the way.
// And only the leader knows that nothing is reserved.
func (p *Publisher) mayGo(ctx context.Context, o *v1alpha1.StockItem, level stock.Level) bool {
	if !p.memory.IsStale(o) {
		p.memory.ObserveItem(o)
	}
	if level.Reserved == 0 {
		p.Leader.Suspect()
	}
	return p.Leader.VerifyLeadership(ctx) == nil // else the next swap finds out
}

// letGo takes the finalizer off an item that is being deleted and can't be decoded; nil when
// that may not be.
func (p *Publisher) letGo(ctx context.Context, seen *v1alpha1.StockItem) *effects.Effect {
	level, ok := p.memory.Level(seen.UID)
	if seen.DeletionTimestamp == nil || !ok || level.Reserved > 0 || p.Pool.Of(string(seen.UID)) != nil {
		return nil
	}
	p.memory.MarkDeleting(seen.UID)
	p.Leader.Suspect()
	if p.Leader.VerifyLeadership(ctx) != nil {
		return nil
	}
	mark := p.Schedule.Mark(seen.Name)
	return &effects.Effect{
		Kind: "StockItem", Target: "projection/" + seen.Name, Backoff: p.Schedule.backoff(seen.Name),
		Object: p.identity(seen.Name, seen.UID),
		Write: func(ctx context.Context) error {
			if !controllerutil.RemoveFinalizer(seen, v1alpha1.StockItemFinalizer) {
				return nil
			}
			return client.IgnoreNotFound(p.Store.SetItemFinalizers(ctx, seen))
		},
		Done: func() { p.Schedule.Clean(seen.Name, mark) },
	}
}

func (p *Publisher) projection(seen *v1alpha1.StockItem, level stock.Level) *effects.Effect {
	product := seen.Name
	var written string
	mark := p.Schedule.Mark(product)
	shown := shownItem{seen: seen, level: level, finalizers: p.Finalizers, at: p.Clock.Now()}
	return &effects.Effect{
		Kind: "StockItem", Target: "projection/" + product, Backoff: p.Schedule.backoff(product),
		Object: p.identity(product, seen.UID),
		Write: func(ctx context.Context) (err error) {
			written, err = shown.write(ctx, p.Store)
			return err
		},
		Done: func() {
			p.Schedule.Wrote(product, written)
			p.Schedule.Clean(product, mark)
		},
	}
}

// shownItem is an item, and what it is to show.
type shownItem struct {
	seen       *v1alpha1.StockItem
	level      stock.Level
	finalizers Finalizers
	at         time.Time
}

// write keeps an item's finalizers and its projection, and returns the
// resourceVersion of what it wrote last, empty when it wrote nothing. A
// conflict means that the item was not the newest; the next round finds it so.
func (w *shownItem) write(ctx context.Context, s *store.Store) (written string, err error) {
	o := w.seen
	if w.finalizers.Keep(o, w.level) {
		if err := s.SetItemFinalizers(ctx, o); err != nil {
			return "", client.IgnoreNotFound(err)
		}
		written = o.ResourceVersion
	}
	if o.DeletionTimestamp != nil && len(o.Finalizers) == 0 {
		return written, nil
	}
	if !stock.Project(o, w.level.Reserved, metav1.NewTime(w.at)) {
		return written, nil
	}
	if err := s.UpdateItemStatus(ctx, o); err != nil {
		return written, client.IgnoreNotFound(err)
	}
	return o.ResourceVersion, nil
}

// isOutOfDate reports whether an item, as it stands, is to be written.
func isOutOfDate(o *v1alpha1.StockItem, f Finalizers, level stock.Level, now time.Time) bool {
	c := o.DeepCopy()
	return f.Keep(c, level) || stock.Project(c, level.Reserved, metav1.NewTime(now))
}
