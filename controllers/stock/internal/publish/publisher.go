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

// Config is what a publisher works with.
type Config struct {
	Namespace string
	Store     *store.Store
	Pool      *effects.Pool
	Leader    Leadership
	Clock     clock.PassiveClock
	Schedule  *Schedule
	// Finalizers that items get.
	Finalizers Finalizers
}

// Publisher publishes for one namespace. It belongs to the one goroutine that
// reconciles the namespace.
type Publisher struct {
	Config

	memory *decide.Memory // nil until loaded
	// notices are by target; each stays until it was written, or is settled.
	notices map[string]*notice
}

// notice is something an object does not say yet, and that decides nothing.
type notice struct {
	kind  string
	about store.Identity
	// write works from the object as it was seen, if that is to be trusted.
	write func(ctx context.Context, trusted bool) error
}

// New makes a publisher that has nothing to publish yet; see Load.
func New(c Config) *Publisher {
	p := &Publisher{Config: c}
	p.Forget()
	return p
}

// Forget drops what there is to publish.
func (p *Publisher) Forget() {
	p.memory, p.notices = nil, map[string]*notice{}
	p.Schedule.clear()
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
	now := p.Clock.Now()
	for _, product := range products {
		p.Schedule.touch(product, p.memory.InStock(product), now)
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
	if isOutOfDate(o, p.Finalizers, level, p.Clock.Now()) {
		p.Touch(o.Name)
	}
	if o.Status.OnHand == nil || o.Status.Reserved == level.Reserved && *o.Status.OnHand == level.OnHand {
		return false
	}
	return p.Schedule.isNews(o.Name, o.ResourceVersion)
}

// ItemGone forgets an item.
func (p *Publisher) ItemGone(product string) { p.Schedule.forget(product) }

// Waits has a document say that its product does not exist yet.
func (p *Publisher) Waits(d *v1alpha1.StockAdjustment) {
	about := p.identity(d.Name, d.UID)
	p.notices[waitingTarget(d.UID)] = &notice{kind: "StockAdjustment", about: about, write: func(ctx context.Context, trusted bool) error {
		return p.Store.BringDocument(ctx, about, ifTrusted(d, trusted), func(o *v1alpha1.StockAdjustment) bool {
			return journal.MarkWaiting(o, metav1.NewTime(p.Clock.Now()))
		})
	}}
}

// Unchanged has a reservation say that the change of its spec was seen. One that is being deleted
// has another generation by that alone, and needs to say nothing any more.
func (p *Publisher) Unchanged(r *v1alpha1.StockReservation) {
	if r.DeletionTimestamp != nil {
		return
	}
	about := p.identity(r.Name, r.UID)
	p.notices[acknowledgeTarget(r.UID)] = &notice{kind: "StockReservation", about: about, write: func(ctx context.Context, trusted bool) error {
		return p.Store.BringReservation(ctx, about, ifTrusted(r, trusted), func(o *v1alpha1.StockReservation) bool {
			return journal.Acknowledge(o, r.Generation)
		})
	}}
}

// Settled forgets what was to be said of an object: it was decided, or is gone.
func (p *Publisher) Settled(uid types.UID) {
	delete(p.notices, waitingTarget(uid))
	delete(p.notices, acknowledgeTarget(uid))
}

func waitingTarget(uid types.UID) string     { return "waiting/" + string(uid) }
func acknowledgeTarget(uid types.UID) string { return "acknowledge/" + string(uid) }

func ifTrusted[T any](seen *T, trusted bool) *T {
	if !trusted {
		return nil
	}
	return seen
}

// Dispatch has what people see written, as far as there is room. more is true when
// something may go once another effect is complete.
func (p *Publisher) Dispatch(ctx context.Context) (more bool) {
	if p.notify(ctx) {
		return true
	}
	if p.Pool.Full() || p.memory == nil {
		return false
	}
	for _, e := range p.projections(ctx) {
		if !p.Pool.Full() { // else it stays due
			p.Pool.Dispatch(ctx, e)
		}
	}
	return false
}

// notify has the notices written.
func (p *Publisher) notify(ctx context.Context) (more bool) {
	for target, n := range p.notices {
		if p.Pool.Full() {
			return true
		}
		trusted := !p.Pool.HasFailed(target)
		p.Pool.Dispatch(ctx, &effects.Effect{
			Kind: n.kind, Target: target, Object: n.about,
			Write: func(ctx context.Context) error { return n.write(ctx, trusted) },
			Done: func() {
				if p.notices[target] == n { // else there is a newer one
					delete(p.notices, target)
				}
			},
		})
	}
	return false
}

func (p *Publisher) identity(name string, uid types.UID) store.Identity {
	return store.Identity{Namespace: p.Namespace, Name: name, UID: uid}
}
