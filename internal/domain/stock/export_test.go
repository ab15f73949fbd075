package stock

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// What the model checker needs of a ledger beyond its API: to copy it, to tell
// two apart, and to break it on purpose.

// Clone is a copy that shares nothing the ledger changes.
func (l *Ledger) Clone() *Ledger {
	c := &Ledger{
		seq: l.seq, items: make(map[types.UID]*item, len(l.items)), products: make(map[string]*item, len(l.products)),
		reservations: make(map[types.UID]*reservation, len(l.reservations)), documents: maps.Clone(l.documents),
		absent: maps.Clone(l.absent), baskets: maps.Clone(l.baskets),
	}
	for uid, it := range l.items {
		copied := *it
		c.items[uid] = &copied
	}
	for name, it := range l.products {
		c.products[name] = c.items[it.uid]
	}
	for uid, cl := range l.reservations {
		copied := *cl
		c.reservations[uid] = &copied
	}
	return c
}

// Memory is everything the ledger remembers, as text; equal memories are equal texts.
func (l *Ledger) Memory() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seq %d", l.seq)
	for _, uid := range slices.Sorted(maps.Keys(l.items)) {
		it := l.items[uid]
		fmt.Fprintf(&b, "; item %s %s %d/%d/%d %v %d %t %t", uid, it.product, it.onHand, it.reserved, it.safety,
			it.applied, it.lastMovement.Unix(), it.deleting, l.products[it.product] == it)
	}
	for _, uid := range slices.Sorted(maps.Keys(l.reservations)) {
		known := l.reservations[uid]
		fmt.Fprintf(&b, "; reservation %s %s %v %v %t %s %s", uid, known.phase, known.allocations, known.answered, l.baskets[known.basket] == uid, known.basket, known.customer)
	}
	for _, uid := range slices.Sorted(maps.Keys(l.documents)) {
		fmt.Fprintf(&b, "; document %s %t", uid, l.documents[uid])
	}
	for _, uid := range slices.Sorted(maps.Keys(l.absent)) {
		fmt.Fprintf(&b, "; absent %s", uid)
	}
	return b.String()
}

// Known reports whether the reservation was in the list the ledger was made
// from, or was decided since.
func (l *Ledger) Known(uid types.UID) bool { _, ok := l.reservations[uid]; return ok }

// KnownDocument reports whether the document was in the list the ledger was
// made from, or was decided since.
func (l *Ledger) KnownDocument(uid types.UID) bool { _, ok := l.documents[uid]; return ok }

// ForgetAbsences loses what a list showed to be gone, as a ledger would that
// only forgets.
func (l *Ledger) ForgetAbsences() { clear(l.absent) }

// Renumber sets the number of the last decision.
func (l *Ledger) Renumber(seq int64) { l.seq = seq }

// Believe overwrites the phase of a reservation, as a ledger would that read it from
// an object again. What is held stays held.
func (l *Ledger) Believe(uid types.UID, phase v1alpha1.StockReservationPhase) {
	if c := l.reservations[uid]; c != nil {
		c.phase = phase
	}
}

// WhileNothingIsReserved runs f on a ledger that thinks nothing is reserved.
func (l *Ledger) WhileNothingIsReserved(f func()) {
	reserved := make(map[types.UID]int64, len(l.items))
	for uid, it := range l.items {
		reserved[uid], it.reserved = it.reserved, 0
	}
	f()
	for uid, n := range reserved {
		l.items[uid].reserved += n
	}
}

// EndBasket ends a basket, as if that were a decision of its own.
func (l *Ledger) EndBasket(name string, now time.Time) *v1alpha1.JournalEntry {
	return l.endBasket(l.reservations[l.baskets[name]], now)
}

// HasBasket reports whether there is a basket to take over.
func (l *Ledger) HasBasket(of *v1alpha1.ReservationReference) bool {
	return of != nil && l.baskets[of.Name] != ""
}

// HoldOn has a basket hold on that was just released, as it was before.
func (l *Ledger) HoldOn(before *Ledger, released *v1alpha1.JournalEntry) {
	uid := types.UID(released.UID)
	kept := *before.reservations[uid]
	l.reservations[uid] = &kept
	l.hold(uid, &kept)
}

// ForgetRestocks loses what was answered about units that came back.
func (l *Ledger) ForgetRestocks(uid types.UID) {
	if known := l.reservations[uid]; known != nil {
		known.answered = nil
	}
}
