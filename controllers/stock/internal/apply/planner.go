// Package apply carries pending decisions out: it plans which objects are to be
// written for them, in the write ordering of the journal.
package apply

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/decide"
	"github.com/orderplane/orderplane/controllers/stock/internal/effects"
	"github.com/orderplane/orderplane/controllers/stock/internal/publish"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// Config is what a planner works with.
type Config struct {
	Namespace string
	Store     *store.Store
	Pool      *effects.Pool
	Clock     clock.PassiveClock
	// Schedule is told which projections were written with the stock.
	Schedule *publish.Schedule
	// Finalizers that items get.
	Finalizers publish.Finalizers
}

// Planner plans the effects of one namespace. It belongs to the one goroutine that
// reconciles the namespace.
type Planner struct {
	Config

	memory *decide.Memory // nil until loaded
	// decidedFrom are the objects that pending decisions were made from, by uid.
	decidedFrom map[string]client.Object
}

// New makes a planner.
func New(c Config) *Planner {
	return &Planner{Config: c, decidedFrom: map[string]client.Object{}}
}

// Load has items get their projection with the stock that is written.
func (p *Planner) Load(m *decide.Memory) { p.memory = m }

// Forget drops what the planner knows.
func (p *Planner) Forget() { p.memory, p.decidedFrom = nil, map[string]client.Object{} }

// Decided notes the objects that decisions were made from: their effects are worked out
// on these first.
func (p *Planner) Decided(decisions []decide.Decision) {
	for _, d := range decisions {
		if d.Object != nil {
			p.decidedFrom[d.Entry.UID] = d.Object
		}
	}
}

// Dispatch has every effect of the pending decisions written whose time has come. What
// can't be written stays pending and is tried again later. more is true when something
// may go once another effect is complete.
func (p *Planner) Dispatch(ctx context.Context, pending []*journal.Pending) (more bool) {
	plan, more := p.plan(pending)
	for _, e := range plan {
		if !p.Pool.Dispatch(ctx, e) {
			more = true
		}
	}
	return more
}

// Unapplied finds a pending decision that is yet to be carried out, and may be: what the
// API server refuses to have written is no obstacle.
func (p *Planner) Unapplied(pending []*journal.Pending) error {
	for _, d := range pending {
		if target, is := p.unapplied(d); is {
			return fmt.Errorf("decision %d (%s of %s) is not carried out on %s yet", d.Entry.Seq, d.Entry.Kind, d.Entry.Name, target)
		}
	}
	return nil
}

func (p *Planner) unapplied(d *journal.Pending) (target string, is bool) {
	if !d.Object && !p.Pool.Refused(d.Entry.UID) {
		return d.Entry.UID, true
	}
	for _, uid := range d.Items() {
		if !p.Pool.Refused(string(uid)) {
			return string(uid), true
		}
	}
	return "", false
}

// plan is what is to be written for the pending decisions, an effect an object, in order
// of their first seq. held reports whether some are not in it because the write ordering
// does not let them yet, or because another write of their object is in flight.
func (p *Planner) plan(pending []*journal.Pending) (plan []*effects.Effect, held bool) {
	order := journal.NewWriteOrder(pending, p.Pool.Parked)
	objects, items := byTarget(pending)
	for _, d := range pending {
		if about := objects[d.Entry.UID]; !d.Object && about[0] == d {
			switch inFlight := p.Pool.Of(d.Entry.UID); {
			case inFlight != nil:
				held = held || len(inFlight.Entries) < len(about)
			case order.Object(about):
				plan = append(plan, p.objectEffect(about))
			default:
				held = true
			}
		}
		for _, uid := range d.Items() {
			about := items[uid]
			if about[0] != d {
				continue
			}
			now := order.Item(uid, about)
			if inFlight := p.Pool.Of(string(uid)); inFlight != nil {
				now = len(inFlight.Entries)
			} else if now > 0 {
				plan = append(plan, p.itemEffect(uid, about[:now]))
			}
			held = held || now < len(about)
		}
	}
	return plan, held
}

// byTarget are the decisions that an object, or an item, does not carry yet.
func byTarget(pending []*journal.Pending) (objects map[string][]*journal.Pending, items map[types.UID][]*journal.Pending) {
	objects, items = map[string][]*journal.Pending{}, map[types.UID][]*journal.Pending{}
	for _, d := range pending {
		if !d.Object {
			objects[d.Entry.UID] = append(objects[d.Entry.UID], d)
		}
		for _, uid := range d.Items() {
			items[uid] = append(items[uid], d)
		}
	}
	return objects, items
}

// objectEffect brings the reservation or stock document of decisions up to date.
func (p *Planner) objectEffect(about []*journal.Pending) *effects.Effect {
	entry := about[0].Entry
	from := p.decidedFrom[entry.UID]
	e := &effects.Effect{
		Kind: "StockReservation", Target: entry.UID, Entries: about,
		Object: store.Identity{Namespace: p.Namespace, Name: entry.Name, UID: types.UID(entry.UID)},
	}
	e.Done = func() {
		for _, d := range about {
			d.Object = true
		}
		if p.decidedFrom[entry.UID] == from {
			delete(p.decidedFrom, entry.UID)
		}
	}
	trusted := !p.Pool.HasFailed(e.Target)
	if journal.IsDocument(entry.Kind) {
		e.Kind = "StockAdjustment"
		seen := asSeen[v1alpha1.StockAdjustment](from, trusted)
		e.Write = func(ctx context.Context) error {
			return p.Store.BringDocument(ctx, e.Object, seen, carryOut(about, journal.ApplyToDocument))
		}
		return e
	}
	seen := asSeen[v1alpha1.StockReservation](from, trusted)
	e.Write = func(ctx context.Context) error {
		return p.Store.BringReservation(ctx, e.Object, seen, carryOut(about, journal.ApplyToReservation))
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
		Object: store.Identity{Namespace: p.Namespace, Name: product, UID: uid},
	}
	i := itemWrite{now: metav1.NewTime(p.Clock.Now()), finalizers: p.Finalizers}
	if p.memory != nil {
		i.level, i.known = p.memory.Level(uid)
	}
	for _, d := range about {
		i.entries = append(i.entries, d.Entry)
	}
	trusted, mark := !p.Pool.HasFailed(e.Target), p.Schedule.Mark(product)
	var written string
	e.Write = func(ctx context.Context) (err error) {
		var seen *v1alpha1.StockItem
		if i.known && trusted {
			if o, err := p.Store.CachedItem(ctx, e.Object.Key()); err == nil {
				seen = o // else the live object is read
			}
		}
		written, err = p.Store.BringItem(ctx, e.Object, seen, i.carryOut)
		return err
	}
	e.Done = func() {
		for _, d := range about {
			d.ItemDone(uid)
		}
		if !i.known || written == "" {
			return
		}
		p.Schedule.Wrote(product, written)
		if i.finalizerIsRight {
			p.Schedule.Clean(product, mark)
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
	entries    []*v1alpha1.JournalEntry
	level      stock.Level
	known      bool
	now        metav1.Time
	finalizers publish.Finalizers
	// finalizerIsRight is found out by the write: its projection leaves nothing to publish.
	finalizerIsRight bool
}

func (w *itemWrite) carryOut(o *v1alpha1.StockItem) (changed bool) {
	if !journal.ApplyToItem(w.entries, o) {
		return false
	}
	if w.known {
		stock.Project(o, w.level.Reserved, w.now)
		w.finalizerIsRight = !w.finalizers.Keep(&v1alpha1.StockItem{ObjectMeta: *o.ObjectMeta.DeepCopy()}, w.level)
	}
	return true
}
