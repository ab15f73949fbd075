// Package apply carries pending decisions out: it plans which objects are to be
// written for them, in the write ordering of the journal.
package apply

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/controllers/stock/internal/decide"
	"github.com/orderplane/orderplane/controllers/stock/internal/effects"
	"github.com/orderplane/orderplane/controllers/stock/internal/publish"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Planner plans the effects of one namespace. It belongs to the one goroutine that
// reconciles the namespace.
type Planner struct {
	namespace string
	store     *store.Store
	pool      *effects.Pool
	schedule  *publish.Schedule
	clock     clock.PassiveClock

	memory *decide.Memory // nil until loaded
	// decidedFrom are the objects that pending decisions were made from, by uid.
	decidedFrom map[string]client.Object
}

// New makes a planner.
func New(namespace string, s *store.Store, p *effects.Pool, c clock.PassiveClock, schedule *publish.Schedule) *Planner {
	return &Planner{namespace: namespace, store: s, pool: p, clock: c, schedule: schedule, decidedFrom: map[string]client.Object{}}
}

// Load has items get their projection with the stock that is written.
func (p *Planner) Load(m *decide.Memory) { p.memory = m }

// Forget drops what the planner knows.
func (p *Planner) Forget() { p.memory, p.decidedFrom = nil, map[string]client.Object{} }

// Decided notes the objects that decisions were made from: their effects are worked out
// on these first.
func (p *Planner) Decided(decisions []decide.Decision) {
	for _, d := range decisions {
		p.decidedFrom[d.Entry.UID] = d.Object
	}
}

// Dispatch has every effect of the pending decisions written whose time has come. What
// can't be written stays pending and is tried again later. more is true when something
// may go once another effect is complete.
func (p *Planner) Dispatch(ctx context.Context, pending []*journal.Pending) (more bool) {
	plan, more := p.plan(pending)
	for _, e := range plan {
		if !p.pool.Dispatch(ctx, e) {
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
	if !d.Object && !p.pool.Refused(d.Entry.UID) {
		return d.Entry.UID, true
	}
	for _, uid := range d.Items() {
		if !p.pool.Refused(string(uid)) {
			return string(uid), true
		}
	}
	return "", false
}

// plan is what is to be written for the pending decisions, an effect an object, in order
// of their first seq. held reports whether some are not in it because the write ordering
// does not let them yet, or because another write of their object is in flight.
func (p *Planner) plan(pending []*journal.Pending) (plan []*effects.Effect, held bool) {
	order := journal.NewWriteOrder(pending, p.pool.Parked)
	objects, items := byTarget(pending)
	for _, d := range pending {
		if about := objects[d.Entry.UID]; !d.Object && about[0] == d {
			switch inFlight := p.pool.Of(d.Entry.UID); {
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
			if inFlight := p.pool.Of(string(uid)); inFlight != nil {
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
