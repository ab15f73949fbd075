package stock

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Ledger is one leader's memory of one namespace: what is on hand, what is
// promised, and what was decided about every reservation and document. It is
// made from the lists of the load and changed only by its own decisions and by
// deletions. It is not safe for concurrent use.
type Ledger struct {
	seq          int64
	items        map[types.UID]*item
	products     map[string]*item
	reservations map[types.UID]*reservation
	// baskets are the free-standing reservations that hold stock, by name.
	baskets   map[string]types.UID
	documents map[types.UID]bool // true once settled
	// absent are objects a list showed to be gone before an informer did. What
	// the informer may still show of them is old, and nothing is due for it.
	absent map[types.UID]struct{}
}

type item struct {
	uid          types.UID
	product      string
	onHand       int64
	reserved     int64
	safety       int64
	lastMovement time.Time
	applied      []string // names of documents that count, oldest first
	deleting     bool
	withheld     bool
}

// available of an item that is withheld is nothing, whatever is known of it.
func (i *item) available() int64 {
	available := Available(i.onHand, i.reserved, i.safety)
	if i.withheld {
		return min(available, 0)
	}
	return available
}

// reservation is what was decided about one.
type reservation struct {
	phase       v1alpha1.StockReservationPhase
	allocations []v1alpha1.StockAllocation
	// answered is what was decided about units that came back.
	answered []v1alpha1.RestockedLine
	// basket is its name when it is free-standing, empty when it is an order's; customer is
	// whose it is, if anybody's.
	basket, customer string
}

// asShown is what an object says was decided about it.
func asShown(r *v1alpha1.StockReservation) reservation {
	shown := reservation{phase: r.Status.Phase, allocations: r.Status.Allocations, answered: journal.Answered(r)}
	if shown.phase == "" {
		shown.phase = v1alpha1.ReservationPending
	}
	if r.Spec.OrderRef == nil {
		shown.basket, shown.customer = r.Name, r.Spec.CustomerID
	}
	return shown
}

// NewLedger makes the memory of a leader that acquired the journal at seq,
// after every entry still in it was carried out. The lists must be consistent
// reads made after that. Numbering goes on behind every number found in them,
// so that a journal somebody deleted can't make new decisions look carried out,
// also if the clock went back that [journal.FirstSeq] goes by.
func NewLedger(seq int64, items []v1alpha1.StockItem, reservations []v1alpha1.StockReservation, documents []v1alpha1.StockAdjustment) *Ledger {
	l := &Ledger{
		seq:          seq,
		items:        make(map[types.UID]*item, len(items)),
		products:     make(map[string]*item, len(items)),
		reservations: make(map[types.UID]*reservation, len(reservations)),
		baskets:      map[string]types.UID{},
		documents:    make(map[types.UID]bool, len(documents)),
		absent:       map[types.UID]struct{}{},
	}
	for i := range items {
		l.ObserveItem(&items[i])
		l.seq = max(l.seq, items[i].Status.JournalSeq)
	}
	for i := range reservations {
		r := &reservations[i]
		l.seq = max(l.seq, journal.LastSeq(&r.Status))
		known := asShown(r)
		l.reservations[r.UID] = &known
		if known.phase == v1alpha1.ReservationReserved {
			l.hold(r.UID, &known)
		}
	}
	for i := range documents {
		d := &documents[i]
		l.documents[d.UID] = journal.Settled(d)
		l.seq = max(l.seq, d.Status.JournalSeq)
	}
	return l
}

// Seq is the number of the last decision.
func (l *Ledger) Seq() int64 { return l.seq }

// ObserveItem takes an item's policy from its object, and its stock when the
// item was not known yet. It reports whether it was new. The quantities of a
// known item come from the ledger's own decisions, whatever the object says.
func (l *Ledger) ObserveItem(o *v1alpha1.StockItem) (isNew bool) {
	if l.isAbsent(o.UID) {
		return false
	}
	it, known := l.items[o.UID]
	if !known {
		it = &item{uid: o.UID, product: o.Name, onHand: journal.OnHand(o), applied: slices.Clone(o.Status.AppliedDocuments)}
		if o.Status.LastMovementAt != nil {
			it.lastMovement = o.Status.LastMovementAt.Time
		}
		l.items[o.UID] = it
		l.products[o.Name] = it
	}
	it.safety = o.Spec.SafetyStock
	it.deleting = o.DeletionTimestamp != nil
	return !known
}

// ForgetItem drops an item that is gone. What is reserved of it stays and binds nothing.
func (l *Ledger) ForgetItem(uid types.UID) {
	delete(l.absent, uid)
	it, ok := l.items[uid]
	if !ok {
		return
	}
	delete(l.items, uid)
	if l.products[it.product] == it {
		delete(l.products, it.product)
	}
}

// ForgetReservation drops a reservation that is gone and returns the products
// whose stock that freed.
func (l *Ledger) ForgetReservation(uid types.UID) (freed []string) {
	delete(l.absent, uid)
	known, ok := l.reservations[uid]
	if !ok {
		return nil
	}
	delete(l.reservations, uid)
	if known.phase != v1alpha1.ReservationReserved {
		return nil
	}
	l.letGo(uid, known)
	for _, a := range known.allocations {
		freed = append(freed, a.ProductID)
	}
	return freed
}

// ForgetDocument drops a document that is gone.
func (l *Ledger) ForgetDocument(uid types.UID) { delete(l.documents, uid) }

func (l *Ledger) isAbsent(uid types.UID) bool { _, ok := l.absent[uid]; return ok }

// Phase of a reservation as decided; Pending when nothing was decided yet.
func (l *Ledger) Phase(uid types.UID) v1alpha1.StockReservationPhase { return l.known(uid).phase }

// known is what was decided about a reservation.
func (l *Ledger) known(uid types.UID) reservation {
	if known, ok := l.reservations[uid]; ok {
		return *known
	}
	return reservation{phase: v1alpha1.ReservationPending}
}

// HasProduct reports whether there is an item of that name.
func (l *Ledger) HasProduct(name string) bool { return l.products[name] != nil }

// InStock reports whether any unit of a product is available; not of one that is unknown.
func (l *Ledger) InStock(name string) bool {
	it := l.products[name]
	return it != nil && it.available() > 0
}

// Settled reports whether the document was decided.
func (l *Ledger) Settled(uid types.UID) bool { return l.documents[uid] }

// Level is what there is of one item, in units.
type Level struct {
	OnHand, Reserved, Available int64
}

// Level of an item; ok is false when there is no such item.
func (l *Ledger) Level(uid types.UID) (level Level, ok bool) {
	it, ok := l.items[uid]
	if !ok {
		return Level{}, false
	}
	return Level{OnHand: it.onHand, Reserved: it.reserved, Available: it.available()}, true
}

// entry counts one decision about an object.
func (l *Ledger) entry(kind v1alpha1.JournalEntryKind, name string, uid types.UID, now time.Time) *v1alpha1.JournalEntry {
	l.seq++
	return &v1alpha1.JournalEntry{
		Seq: l.seq, Kind: kind, Name: name, UID: string(uid),
		At: metav1.NewTime(now.UTC().Truncate(time.Second)),
	}
}

// hold notes that a reservation holds its allocations from now on.
func (l *Ledger) hold(uid types.UID, known *reservation) {
	l.count(known, +1)
	if known.basket != "" {
		l.baskets[known.basket] = uid
	}
}

// letGo notes that a reservation holds nothing any more.
func (l *Ledger) letGo(uid types.UID, known *reservation) {
	l.count(known, -1)
	if l.baskets[known.basket] == uid {
		delete(l.baskets, known.basket)
	}
}

// count adds (+1) or takes back (-1) what a reservation holds.
func (l *Ledger) count(known *reservation, sign int64) {
	for _, a := range known.allocations {
		if it := l.items[types.UID(a.ItemUID)]; it != nil {
			it.reserved += sign * a.Quantity
		}
	}
}

// move changes what is on hand by the lines of an entry.
func (l *Ledger) move(e *v1alpha1.JournalEntry) {
	for i := range e.Lines {
		line := &e.Lines[i]
		if it := l.items[types.UID(line.ItemUID)]; it != nil && journal.Moves(e.Kind, line) {
			it.onHand += journal.Moved(e.Kind, line)
			it.lastMovement = journal.MovedAt(it.lastMovement, e)
		}
	}
}

// remaining notes what is available of every product of an entry afterwards.
func (l *Ledger) remaining(e *v1alpha1.JournalEntry) {
	for i := range e.Lines {
		if it := l.items[types.UID(e.Lines[i].ItemUID)]; it != nil {
			e.Lines[i].Remaining = it.available()
		}
	}
}
