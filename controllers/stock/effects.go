package stock

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/stock"
)

// effect is one object to be brought to where the open decisions about it want
// it, with one write.
type effect struct {
	key     identity
	kind    string
	entries []*openEntry // in order of seq
	write   func(context.Context) error
	done    func()
	err     error
}

// Effects are written in three waves, so that whoever adds up what they see
// never sees more reserved than is on hand: first what gives stock back, then
// what is on hand, then what takes.
const (
	waveGiving = iota
	waveItems
	waveTaking
	waves
)

// retry of an effect that could not be written.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// carryOut writes every open effect whose time has come. What can't be written
// stays open and is tried again later; only a stopped context is an error.
func (s *shard) carryOut(ctx context.Context) error {
	now := s.opts.Clock.Now()
	plan := s.plan(now)
	plan[waveTaking] = append(plan[waveTaking], s.waitingMarks(now)...)
	plan[waveTaking] = append(plan[waveTaking], s.projections(ctx, now)...)
	for _, wave := range plan {
		s.writeAll(ctx, wave)
		for _, e := range wave {
			s.settle(ctx, e, now)
		}
	}
	return ctx.Err()
}

// redo carries out what a journal held when it was taken over, from live
// objects. What the API server refuses to have written is left open.
func (s *shard) redo(ctx context.Context) error {
	if err := s.carryOut(ctx); err != nil {
		return err
	}
	for _, o := range s.open {
		if !o.Durable() && !o.refused {
			return fmt.Errorf("decision %d (%s %s) is not carried out yet", o.Entry.Seq, o.Entry.Kind, o.Entry.Name)
		}
	}
	return nil
}

func (s *shard) writeAll(ctx context.Context, wave []*effect) {
	if len(wave) == 1 {
		wave[0].err = wave[0].write(ctx)
		return
	}
	var g errgroup.Group
	g.SetLimit(s.opts.Writers)
	for _, e := range wave {
		g.Go(func() error {
			e.err = e.write(ctx)
			return nil
		})
	}
	_ = g.Wait() // errors stay with their effects
}

// settle notes what became of an effect.
func (s *shard) settle(ctx context.Context, e *effect, now time.Time) {
	if e.err == nil {
		e.done()
		return
	}
	if ctx.Err() != nil {
		return
	}
	if apierrors.IsConflict(e.err) {
		return // only a projection gives up on a conflict, and it stays due
	}
	s.metrics.effectFailed(e.kind)
	refused := apierrors.IsInvalid(e.err) || apierrors.IsForbidden(e.err) || apierrors.IsRequestEntityTooLargeError(e.err)
	for _, o := range e.entries {
		o.refused = refused
		o.wait = min(max(2*o.wait, firstRetry), lastRetry)
		o.retryAt = now.Add(o.wait)
	}
	if len(e.entries) > 0 {
		logr.FromContextOrDiscard(ctx).Error(e.err, "a stock decision can't be carried out yet; it stays in the journal and is tried again",
			"kind", e.kind, "object", e.key.String(), "seq", e.entries[0].Entry.Seq, "retryIn", e.entries[0].wait)
	}
}

// plan groups what is open by object, so that an object is written once for all
// decisions about it, in order of seq.
func (s *shard) plan(now time.Time) [waves][]*effect {
	var plan [waves][]*effect
	objects := map[string]*effect{}
	items := map[types.UID]*effect{}
	for _, o := range s.open {
		if o.Durable() || now.Before(o.retryAt) {
			continue
		}
		if !o.Object {
			if e := objects[o.Entry.UID]; e != nil {
				e.entries = append(e.entries, o)
			} else {
				e = s.objectEffect(o)
				objects[o.Entry.UID] = e
				wave := waveGiving
				if o.Entry.Kind == v1alpha1.EntryGrant {
					wave = waveTaking
				}
				plan[wave] = append(plan[wave], e)
			}
		}
		for _, uid := range o.Items() {
			if e := items[uid]; e != nil {
				e.entries = append(e.entries, o)
			} else {
				e = s.itemEffect(o, uid, now)
				items[uid] = e
				plan[waveItems] = append(plan[waveItems], e)
			}
		}
	}
	return plan
}

// objectEffect brings the reservation or document of a decision up to date.
func (s *shard) objectEffect(o *openEntry) *effect {
	e := &effect{kind: "StockReservation", entries: []*openEntry{o},
		key: identity{s.namespace, o.Entry.Name, types.UID(o.Entry.UID)}}
	e.done = func() {
		for _, o := range e.entries {
			o.Object = true
			o.reservation, o.document = nil, nil
		}
	}
	if stock.IsDocument(o.Entry.Kind) {
		e.kind = "StockAdjustment"
		e.write = func(ctx context.Context) error {
			_, err := putStatus(ctx, s.store, e.key, orBlank(o.document), func(d *v1alpha1.StockAdjustment) (changed bool) {
				for _, o := range e.entries {
					changed = stock.ApplyToDocument(o.Entry, d) || changed
				}
				return changed
			})
			return err
		}
		return e
	}
	e.write = func(ctx context.Context) error {
		_, err := putStatus(ctx, s.store, e.key, orBlank(o.reservation), func(r *v1alpha1.StockReservation) (changed bool) {
			for _, o := range e.entries {
				changed = stock.ApplyToReservation(o.Entry, r) || changed
			}
			return changed
		})
		return err
	}
	return e
}

// itemEffect brings an item's stock up to date, and its projection with it.
func (s *shard) itemEffect(o *openEntry, uid types.UID, now time.Time) *effect {
	product := ""
	for _, l := range o.Entry.Lines {
		if l.ItemUID == string(uid) {
			product = l.ProductID
		}
	}
	e := &effect{kind: "StockItem", entries: []*openEntry{o}, key: identity{s.namespace, product, uid}}
	var level stock.Level
	known := false
	if s.ledger != nil {
		level, known = s.ledger.Level(uid)
	}
	var written string
	e.write = func(ctx context.Context) error {
		seen := &v1alpha1.StockItem{}
		if known {
			// A miss leaves seen empty, and the live object is read.
			_ = s.store.cached.Get(ctx, e.key.objectKey(), seen)
		}
		entries := make([]*v1alpha1.JournalEntry, 0, len(e.entries))
		for _, o := range e.entries {
			entries = append(entries, o.Entry)
		}
		var err error
		written, err = putStatus(ctx, s.store, e.key, seen, func(i *v1alpha1.StockItem) bool {
			if !stock.ApplyToItem(entries, i) {
				return false
			}
			if known {
				stock.Project(i, level.Reserved, metav1.NewTime(now))
			}
			return true
		})
		return err
	}
	e.done = func() {
		for _, o := range e.entries {
			o.ItemDone(uid)
		}
		if known && written != "" {
			s.projector.clean(product, written)
		}
	}
	return e
}

// waitingMarks tells documents that their product does not exist yet.
func (s *shard) waitingMarks(now time.Time) []*effect {
	var marks []*effect
	for _, d := range s.unmarked {
		e := &effect{kind: "StockAdjustment", key: identity{s.namespace, d.Name, d.UID}, done: func() {}}
		e.write = func(ctx context.Context) error {
			_, err := putStatus(ctx, s.store, e.key, d, func(d *v1alpha1.StockAdjustment) bool {
				return stock.MarkWaiting(d, metav1.NewTime(now))
			})
			return err
		}
		marks = append(marks, e)
	}
	s.unmarked = nil
	return marks
}

// projections refreshes what people see of the items whose turn it is.
func (s *shard) projections(ctx context.Context, now time.Time) []*effect {
	if s.ledger == nil {
		return nil
	}
	var out []*effect
	for _, product := range s.projector.due(now, s.inbox.len() > 0) {
		if !s.ledger.HasProduct(product) {
			s.projector.forget(product)
			continue
		}
		e := &effect{kind: "StockItem", key: identity{namespace: s.namespace, name: product}}
		seen := &v1alpha1.StockItem{}
		if err := s.store.cached.Get(ctx, e.key.objectKey(), seen); err != nil {
			continue // not in the cache yet, or gone: its event will say
		}
		level, ok := s.ledger.Level(seen.UID)
		if !ok || s.projector.stale(product, seen.ResourceVersion) {
			continue
		}
		var written string
		e.write = func(ctx context.Context) (err error) {
			written, err = s.store.project(ctx, seen, level, now)
			return err
		}
		e.done = func() { s.projector.clean(product, written) }
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

func orBlank[T any](o *T) *T {
	if o == nil {
		return new(T)
	}
	return o
}
