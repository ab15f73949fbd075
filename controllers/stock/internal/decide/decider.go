// Package decide turns what waits in a namespace into stock decisions, in order of
// arrival. It has the ledger, and the queue of what is to be decided.
package decide

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/stock/internal/store"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// Audience is told what people have to be shown because of what was seen or decided.
type Audience interface {
	// Touch says that what is shown of a product may be out of date.
	Touch(products ...string)
	// ItemSeen brings an item as it is. doubtful is true when it shows what this
	// leader has not written.
	ItemSeen(o *v1alpha1.StockItem) (doubtful bool)
	// ItemGone says that there is no item of that name any more.
	ItemGone(product string)
	// Waits says that the product of a stock document does not exist yet.
	Waits(d *v1alpha1.StockAdjustment)
	// Unchanged says that a change of a reservation's spec left nothing to decide.
	Unchanged(r *v1alpha1.StockReservation)
	// Settled says that an object was decided, or is gone.
	Settled(uid types.UID)
}

// Decision is a journal entry and the object it was decided from; none for the end of a
// basket that another reservation takes over.
type Decision struct {
	Entry  *v1alpha1.JournalEntry
	Object client.Object
}

// Batch is what was decided at once.
type Batch struct {
	Decisions []Decision
	// Handled is how many events were taken from the queue.
	Handled int
	// Full is true when there was no room for another decision.
	Full bool
	// Doubtful is true when something shows what this leader has not written, or a journal
	// was deleted.
	Doubtful bool
}

// Entries are the journal entries of a batch, in order of seq.
func (b *Batch) Entries() []*v1alpha1.JournalEntry {
	entries := make([]*v1alpha1.JournalEntry, 0, len(b.Decisions))
	for _, d := range b.Decisions {
		entries = append(entries, d.Entry)
	}
	return entries
}

// Decider decides the stock of one namespace. All but its queue belongs to the one
// goroutine that reconciles the namespace.
type Decider struct {
	namespace string
	store     *store.Store
	queue     *Queue
	audience  Audience

	memory *Memory // nil until loaded
	expiry expiries
	// waiting are the documents whose product does not exist yet, by product.
	waiting map[string]map[types.UID]*v1alpha1.StockAdjustment
}

// New makes a decider that knows nothing yet; see Load.
func New(namespace string, s *store.Store, q *Queue, to Audience) *Decider {
	d := &Decider{namespace: namespace, store: s, queue: q, audience: to}
	d.Forget()
	return d
}

// Forget drops everything but the queue: what arrives from now on is newer than what
// the next leader loads.
func (d *Decider) Forget() {
	d.memory, d.waiting = nil, map[string]map[types.UID]*v1alpha1.StockAdjustment{}
	d.expiry.clear()
}

// Memory is what was loaded; nil before.
func (d *Decider) Memory() *Memory { return d.memory }

// Decide turns what waits in the queue into decisions at now, until the room in the
// journal is used up. The ledger remembers them at once.
func (d *Decider) Decide(now time.Time, room *journal.Room) (b Batch) {
	for !room.Full() {
		e, ok := d.queue.take()
		if !ok {
			break
		}
		b.Handled++
		before := len(b.Decisions)
		d.decide(e, now, &b)
		for _, made := range b.Decisions[before:] {
			room.Take(made.Entry)
		}
	}
	b.Full = room.Full()
	return b
}

// decide adds to a batch what is due because of an event. What it adds at once, such as a
// grant and the end of the basket it takes over, is one decision and stays in one batch.
func (d *Decider) decide(e Event, now time.Time, b *Batch) {
	if e.Watched && !e.Gone && d.memory.IsStale(e.Object) {
		return
	}
	if !e.Gone && cachedclient.IsSetAside(e.Object) {
		d.audience.Touch(d.memory.observeSetAside(e.Object)...)
		return
	}
	if !e.Gone && d.memory.isMended(e.Object) {
		d.memory.outdated = true
		return
	}
	switch o := e.Object.(type) {
	case *v1alpha1.StockItem:
		if e.Gone {
			d.memory.ForgetItem(o.UID)
			d.audience.ItemGone(o.Name)
			return
		}
		b.Doubtful = d.observeItem(o) || b.Doubtful
	case *v1alpha1.StockReservation:
		if e.Gone {
			d.audience.Touch(d.memory.ForgetReservation(o.UID)...)
			d.audience.Settled(o.UID)
			return
		}
		d.decideReservation(o, now, b)
	case *v1alpha1.StockAdjustment:
		if e.Gone {
			d.memory.ForgetDocument(o.UID)
			d.documentSettled(o)
			return
		}
		d.decideDocument(o, now, b)
	case *v1alpha1.StockJournal:
		b.Doubtful = b.Doubtful || e.Gone // whoever led with it leads no more
	}
}

func (d *Decider) observeItem(o *v1alpha1.StockItem) (doubtful bool) {
	if d.memory.ObserveItem(o) {
		for _, document := range d.waiting[o.Name] {
			d.queue.putAgain(Event{Object: document})
		}
	}
	return d.audience.ItemSeen(o)
}

func (d *Decider) decideReservation(r *v1alpha1.StockReservation, now time.Time, b *Batch) {
	entry, released := d.memory.DecideReservation(r, now)
	d.expiry.track(r, d.memory.Phase(r.UID))
	if entry == nil {
		if r.Status.ObservedGeneration != r.Generation && d.memory.Phase(r.UID) != v1alpha1.ReservationPending {
			d.audience.Unchanged(r)
		}
		return
	}
	if released != nil {
		b.Decisions = append(b.Decisions, Decision{Entry: released})
		d.audience.Settled(types.UID(released.UID))
		d.touchLines(released)
	}
	b.Decisions = append(b.Decisions, Decision{entry, r})
	d.audience.Settled(r.UID)
	d.touchLines(entry)
	if d.memory.IsShortOf(r) {
		d.queue.putAgain(Event{Object: r}) // Pending → Reserved → Committed → Restocked, a batch each
	}
}

func (d *Decider) decideDocument(o *v1alpha1.StockAdjustment, now time.Time, b *Batch) {
	entry, waits := d.memory.DecideDocument(o, now)
	if waits {
		if d.waiting[o.Spec.ProductID] == nil {
			d.waiting[o.Spec.ProductID] = map[types.UID]*v1alpha1.StockAdjustment{}
		}
		d.waiting[o.Spec.ProductID][o.UID] = o
		d.audience.Waits(o)
		return
	}
	if entry == nil {
		return
	}
	b.Decisions = append(b.Decisions, Decision{entry, o})
	d.documentSettled(o)
	d.touchLines(entry)
}

func (d *Decider) documentSettled(o *v1alpha1.StockAdjustment) {
	delete(d.waiting[o.Spec.ProductID], o.UID)
	if cachedclient.IsSetAside(o) { // its product may be what can't be decoded
		for _, documents := range d.waiting {
			delete(documents, o.UID)
		}
	}
	d.audience.Settled(o.UID)
}

func (d *Decider) touchLines(e *v1alpha1.JournalEntry) {
	for i := range e.Lines {
		if e.Lines[i].ItemUID != "" {
			d.audience.Touch(e.Lines[i].ProductID)
		}
	}
}

// WakeExpired offers the reservations whose time is up at now, as they are: one whose
// expiresAt moved meanwhile is not over. A cache that is behind the lists the memory was
// made from is not asked.
func (d *Decider) WakeExpired(ctx context.Context, now time.Time) (err error) {
	for _, e := range d.expiry.take(now) {
		if wakeErr := d.wake(ctx, e); wakeErr != nil {
			d.expiry.put(e)
			err = fmt.Errorf("read reservation %s, whose time is up: %w", e.name, wakeErr)
		}
	}
	return err
}

func (d *Decider) wake(ctx context.Context, e expiry) error {
	key := client.ObjectKey{Namespace: d.namespace, Name: e.name}
	r, err := d.store.CachedReservation(ctx, key)
	if err != nil || r.UID != e.uid || d.memory.IsStale(r) {
		r, err = d.store.LiveReservation(ctx, key)
	}
	if cachedclient.WasSetAside(err) {
		return nil // it holds what it holds until it is mended: its event will say
	}
	if err == nil && r.UID == e.uid {
		d.queue.putAgain(Event{Object: r})
	}
	return client.IgnoreNotFound(err)
}

// NextExpiry is how long after now the next reservation runs out; ok is false when none does.
func (d *Decider) NextExpiry(now time.Time) (in time.Duration, ok bool) {
	at, ok := d.expiry.next()
	return at.Sub(now), ok
}
