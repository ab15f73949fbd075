// Package publish writes what people see of stock and what decides nothing: the
// projection on every item, that a stock document waits for its product, and that a
// change of a reservation was seen.
package publish

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/decide"
	"github.com/orderplane/orderplane/controllers/stock/internal/effects"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Leadership is asked before something is done that can't be taken back.
type Leadership interface {
	Suspect()
	VerifyLeadership(context.Context) error
}

// Publisher publishes for one namespace. It belongs to the one goroutine that
// reconciles the namespace.
type Publisher struct {
	namespace string
	store     *store.Store
	pool      *effects.Pool
	leader    Leadership
	clock     clock.PassiveClock
	schedule  *Schedule

	memory *decide.Memory // nil until loaded
	// waiting are the documents that do not say yet that their product does not exist.
	waiting map[types.UID]*v1alpha1.StockAdjustment
	// unchanged are the reservations whose spec was changed without anything to
	// decide, and whose status does not say yet that this was seen.
	unchanged map[types.UID]*v1alpha1.StockReservation
}

// New makes a publisher that has nothing to publish yet; see Load.
func New(namespace string, s *store.Store, p *effects.Pool, l Leadership, c clock.PassiveClock, schedule *Schedule) *Publisher {
	pub := &Publisher{namespace: namespace, store: s, pool: p, leader: l, clock: c, schedule: schedule}
	pub.Forget()
	return pub
}

// Forget drops what there is to publish.
func (p *Publisher) Forget() {
	p.memory = nil
	p.waiting, p.unchanged = map[types.UID]*v1alpha1.StockAdjustment{}, map[types.UID]*v1alpha1.StockReservation{}
	p.schedule.clear()
}

// Load has the publisher work from a memory that was just made; the projections of
// these items may all be out of date.
func (p *Publisher) Load(m *decide.Memory, items []v1alpha1.StockItem) {
	p.memory = m
	for i := range items {
		p.Touch(items[i].Name)
	}
}

// Touch says that what is shown of products may be out of date.
func (p *Publisher) Touch(products ...string) {
	now := p.clock.Now()
	for _, product := range products {
		p.schedule.touch(product, p.memory.InStock(product), now)
	}
}

// ItemSeen has an item published if it does not show what it should: the event of this
// leader's own write does. It reports whether the item shows something that neither this
// leader nor one before it has written: then there is another leader, or a person with a
// status editor.
func (p *Publisher) ItemSeen(o *v1alpha1.StockItem) (doubtful bool) {
	level, ok := p.memory.Level(o.UID)
	if !ok {
		return false
	}
	if isOutOfDate(o, level, p.clock.Now()) {
		p.Touch(o.Name)
	}
	if o.Status.OnHand == nil || o.Status.Reserved == level.Reserved && *o.Status.OnHand == level.OnHand {
		return false
	}
	return p.schedule.isNews(o.Name, o.ResourceVersion)
}

// ItemGone forgets an item.
func (p *Publisher) ItemGone(product string) { p.schedule.forget(product) }

// Waits has a document say that its product does not exist yet.
func (p *Publisher) Waits(d *v1alpha1.StockAdjustment) { p.waiting[d.UID] = d }

// Unchanged has a reservation say that the change of its spec was seen.
func (p *Publisher) Unchanged(r *v1alpha1.StockReservation) { p.unchanged[r.UID] = r }

// Settled forgets what was to be said of an object: it was decided, or is gone.
func (p *Publisher) Settled(uid types.UID) {
	delete(p.waiting, uid)
	delete(p.unchanged, uid)
}

// Dispatch has what people see written, as far as there is room. more is true when
// something may go once another effect is complete.
func (p *Publisher) Dispatch(ctx context.Context) (more bool) {
	if p.waits(ctx) || p.acknowledge(ctx) {
		return true
	}
	if p.pool.Full() || p.memory == nil {
		return false
	}
	for _, e := range p.projections(ctx) {
		if !p.pool.Full() { // else it stays due
			p.pool.Dispatch(ctx, e)
		}
	}
	return false
}

// waits tells documents that their product does not exist yet.
func (p *Publisher) waits(ctx context.Context) (more bool) {
	for uid, d := range p.waiting {
		if p.pool.Full() {
			return true
		}
		e := &effects.Effect{Kind: "StockAdjustment", Target: "waiting/" + string(uid), Object: p.identity(d.Name, uid)}
		at, seen := metav1.NewTime(p.clock.Now()), d
		if p.pool.HasFailed(e.Target) {
			seen = nil
		}
		e.Write = func(ctx context.Context) error {
			return p.store.BringDocument(ctx, e.Object, seen, func(d *v1alpha1.StockAdjustment) bool {
				return journal.MarkWaiting(d, at)
			})
		}
		e.Done = func() {
			if p.waiting[uid] == d {
				delete(p.waiting, uid)
			}
		}
		p.pool.Dispatch(ctx, e)
	}
	return false
}

// acknowledge tells who changed the spec of a reservation that it was seen.
func (p *Publisher) acknowledge(ctx context.Context) (more bool) {
	for uid, r := range p.unchanged {
		if p.pool.Full() {
			return true
		}
		e := &effects.Effect{Kind: "StockReservation", Target: "acknowledge/" + string(uid), Object: p.identity(r.Name, uid)}
		seen := r
		if p.pool.HasFailed(e.Target) {
			seen = nil
		}
		e.Write = func(ctx context.Context) error {
			return p.store.BringReservation(ctx, e.Object, seen, func(o *v1alpha1.StockReservation) bool {
				return journal.Acknowledge(o, r.Generation)
			})
		}
		e.Done = func() {
			if p.unchanged[uid] == r { // else it was changed once more meanwhile
				delete(p.unchanged, uid)
			}
		}
		p.pool.Dispatch(ctx, e)
	}
	return false
}

func (p *Publisher) identity(name string, uid types.UID) store.Identity {
	return store.Identity{Namespace: p.namespace, Name: name, UID: uid}
}
