package stock

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/stock"
)

// effect is one write: an object brought to where the open decisions about it
// want it, or what people see of it refreshed.
type effect struct {
	key     identity
	kind    string
	target  string       // whose failures count, for retries
	entries []*openEntry // in order of seq
	// blocks are the items that are not to be touched by later waves while this
	// fails, needs those it touches itself.
	blocks, needs []types.UID
	write         func(context.Context) error
	done          func()
	err           error
}

// Effects are written in three waves, so that whoever adds up what they see
// never sees more reserved than is on hand: first what gives stock back, then
// what is on hand, then what takes. While a write fails, later waves leave its
// items alone, for as long as patience lasts.
const (
	waveGiving = iota
	waveItems
	waveTaking
	waves
)

// carryOut writes every open effect whose time has come. What can't be written
// stays open and is tried again later; only a stopped context is an error.
func (s *shard) carryOut(ctx context.Context) error {
	now := time.Now()
	blocked := map[types.UID]struct{}{}
	for n, wave := range s.plan() {
		if n == waveTaking {
			wave = append(wave, s.waitingMarks()...)
			wave = append(wave, s.answers()...)
			wave = append(wave, s.projections(ctx, now)...)
		}
		ready := s.ready(wave, blocked, now)
		s.writeAll(ctx, ready)
		for _, e := range ready {
			s.settle(ctx, e, now)
		}
		for _, e := range wave {
			if e.err != nil && !s.retries.parked(e.target) {
				block(blocked, e.blocks)
			}
		}
	}
	s.retries.prune(now)
	return ctx.Err()
}

// ready are the effects of a wave whose time has come and whose items are not
// blocked. Those that wait for their time block their items, too.
func (s *shard) ready(wave []*effect, blocked map[types.UID]struct{}, now time.Time) []*effect {
	var ready []*effect
	for _, e := range wave {
		switch {
		case !s.retries.due(e.target, now):
			if !s.retries.parked(e.target) {
				block(blocked, e.blocks)
			}
		case !touches(blocked, e.needs):
			ready = append(ready, e)
		}
	}
	return ready
}

func block(blocked map[types.UID]struct{}, items []types.UID) {
	for _, uid := range items {
		blocked[uid] = struct{}{}
	}
}

func touches(blocked map[types.UID]struct{}, items []types.UID) bool {
	return slices.ContainsFunc(items, func(uid types.UID) bool { _, is := blocked[uid]; return is })
}

// redo carries out what a journal held when it was taken over, from live
// objects. What the API server refuses to have written is left open.
func (s *shard) redo(ctx context.Context) error {
	if err := s.carryOut(ctx); err != nil {
		return err
	}
	for _, wave := range s.plan() {
		for _, e := range wave {
			if !s.retries.refused(e.target) {
				return fmt.Errorf("decision %d (%s %s) is not carried out yet", e.entries[0].Entry.Seq, e.entries[0].Entry.Kind, e.key)
			}
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
		delete(s.retries, e.target)
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
	failure := s.retries.failed(e.target, now, e.err)
	log := logr.FromContextOrDiscard(ctx).WithValues("kind", e.kind, "object", e.key.String(), "retryIn", failure.wait)
	if len(e.entries) > 0 {
		log.Error(e.err, "a stock decision can't be carried out yet; it stays in the journal and is tried again", "seq", e.entries[0].Entry.Seq)
	} else {
		log.Error(e.err, "what people see of an object can't be refreshed yet; it is tried again")
	}
}

// plan groups what is open by object, so that an object is written once for all
// decisions about it, in order of seq.
func (s *shard) plan() [waves][]*effect {
	var plan [waves][]*effect
	var inOrder []*effect
	objects := map[string]*effect{}
	items := map[types.UID]*effect{}
	for _, o := range s.open {
		if o.Durable() {
			continue
		}
		if !o.Object {
			e := objects[o.Entry.UID]
			if e == nil {
				e = s.objectEffect(o)
				objects[o.Entry.UID] = e
				inOrder = append(inOrder, e)
			}
			e.take(o)
		}
		for _, uid := range o.Items() {
			e := items[uid]
			if e == nil {
				e = s.itemEffect(o, uid)
				items[uid] = e
				plan[waveItems] = append(plan[waveItems], e)
			}
			e.entries = append(e.entries, o)
		}
	}
	for _, e := range inOrder {
		plan[e.wave()] = append(plan[e.wave()], e)
	}
	return plan
}

// wave of an object's effect. One that was granted and then taken, released or
// the like in one go, because an answer was lost, ends up giving.
func (e *effect) wave() int {
	for _, o := range e.entries {
		if o.Entry.Kind != v1alpha1.EntryGrant {
			return waveGiving
		}
	}
	return waveTaking
}

// take adds a decision to the effect of the object it is about.
func (e *effect) take(o *openEntry) {
	e.entries = append(e.entries, o)
	for i := range o.Entry.Lines {
		uid := types.UID(o.Entry.Lines[i].ItemUID)
		switch o.Entry.Kind {
		case v1alpha1.EntryGrant:
			e.needs = append(e.needs, uid)
		case v1alpha1.EntryRelease, v1alpha1.EntryCommit:
			e.blocks = append(e.blocks, uid)
		}
	}
}

// objectEffect brings the reservation or document of a decision up to date.
func (s *shard) objectEffect(o *openEntry) *effect {
	e := &effect{
		kind: "StockReservation", target: o.Entry.UID,
		key: identity{s.namespace, o.Entry.Name, types.UID(o.Entry.UID)},
	}
	e.done = func() {
		for _, o := range e.entries {
			o.Object = true
			o.reservation, o.document = nil, nil
		}
	}
	if stock.IsDocument(o.Entry.Kind) {
		e.kind = "StockAdjustment"
		e.write = func(ctx context.Context) error {
			put := statusPut[*v1alpha1.StockAdjustment]{e.key, orBlank(o.document), s.store.putDocument}
			return putStatus(ctx, s.store.live, put, func(d *v1alpha1.StockAdjustment) (changed bool) {
				for _, o := range e.entries {
					changed = stock.ApplyToDocument(o.Entry, d) || changed
				}
				return changed
			})
		}
		return e
	}
	e.write = func(ctx context.Context) error {
		put := statusPut[*v1alpha1.StockReservation]{e.key, orBlank(o.reservation), s.store.putReservation}
		return putStatus(ctx, s.store.live, put, func(r *v1alpha1.StockReservation) (changed bool) {
			for _, o := range e.entries {
				changed = stock.ApplyToReservation(o.Entry, r) || changed
			}
			return changed
		})
	}
	return e
}

// itemEffect brings an item's stock up to date, and its projection with it.
func (s *shard) itemEffect(o *openEntry, uid types.UID) *effect {
	now := metav1.NewTime(s.opts.Clock.Now())
	product := ""
	for _, l := range o.Entry.Lines {
		if l.ItemUID == string(uid) {
			product = l.ProductID
		}
	}
	e := &effect{
		kind: "StockItem", target: string(uid), key: identity{s.namespace, product, uid},
		blocks: []types.UID{uid}, needs: []types.UID{uid},
	}
	var level stock.Level
	known := false
	if s.ledger != nil {
		level, known = s.ledger.Level(uid)
	}
	var written string
	finalizerIsRight := false
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
		write := func(ctx context.Context, i *v1alpha1.StockItem) error {
			err := s.store.writer.Status().Update(ctx, i)
			if err == nil {
				written = i.ResourceVersion
			}
			return err
		}
		return putStatus(ctx, s.store.live, statusPut[*v1alpha1.StockItem]{e.key, seen, write}, func(i *v1alpha1.StockItem) bool {
			if !stock.ApplyToItem(entries, i) {
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
			s.projector.clean(product)
		}
	}
	return e
}

func orBlank[T any](o *T) *T {
	if o == nil {
		return new(T)
	}
	return o
}
