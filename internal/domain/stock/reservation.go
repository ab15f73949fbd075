package stock

import (
	"cmp"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// DecideReservation decides what is due for a reservation at now, remembers it
// and returns its journal entry; nil when nothing is due. When the reservation takes a
// basket over, released is the entry that ends the basket: both are one decision, and go
// into the journal in one swap, released right before e.
func (l *Ledger) DecideReservation(r *v1alpha1.StockReservation, now time.Time) (e, released *v1alpha1.JournalEntry) {
	if l.isAbsent(r.UID) {
		return nil, nil
	}
	known := l.known(r.UID)
	switch kind, reason := due(&known, r, isExpired(r, now)); kind {
	case v1alpha1.EntryGrant:
		return l.grantOrReject(r, now)
	case v1alpha1.EntryRelease:
		return l.release(r, reason, now), nil
	case v1alpha1.EntryCommit:
		return l.commit(r, now), nil
	case v1alpha1.EntryRestock:
		return l.restock(r, now), nil
	default:
		return nil, nil
	}
}

// IsShortOf reports whether a reservation that was just decided is still short
// of where its intent wants it, so that it is to be decided again.
func (l *Ledger) IsShortOf(r *v1alpha1.StockReservation) bool {
	known := l.known(r.UID)
	kind, _ := due(&known, r, false)
	return kind != ""
}

// grantOrReject reserves every line or none. A line fits when the units asked
// for are available: on hand, not reserved, not kept back as safety stock. What the basket
// holds that is taken over counts as available; if a line is short even so, the basket stays.
func (l *Ledger) grantOrReject(r *v1alpha1.StockReservation, now time.Time) (e, released *v1alpha1.JournalEntry) {
	basket := l.basketOf(r)
	if basket != nil {
		l.count(basket, -1)
	}
	lines, short := l.lines(r, basket)
	if short {
		if basket != nil {
			l.count(basket, +1)
		}
		e = l.entry(v1alpha1.EntryReject, r.Name, r.UID, now)
		e.Reason = string(v1alpha1.CancelInsufficientStock)
		e.Lines = lines
		l.reservations[r.UID] = &reservation{phase: v1alpha1.ReservationRejected}
		return e, nil
	}
	if basket != nil {
		l.count(basket, +1)
		released = l.endBasket(basket, now)
	}
	known := asShown(r)
	known.phase, known.allocations = v1alpha1.ReservationReserved, make([]v1alpha1.StockAllocation, 0, len(lines))
	for i := range lines {
		known.allocations = append(known.allocations, v1alpha1.StockAllocation{ProductID: lines[i].ProductID, ItemUID: lines[i].ItemUID, Quantity: lines[i].Quantity})
	}
	l.hold(r.UID, &known)
	l.reservations[r.UID] = &known
	e = l.entry(v1alpha1.EntryGrant, r.Name, r.UID, now)
	e.Lines = lines
	l.remaining(e)
	return e, released
}

// lines are the lines of a grant, or of a rejection if one of them is short.
func (l *Ledger) lines(r *v1alpha1.StockReservation, basket *reservation) (lines []v1alpha1.JournalLine, short bool) {
	lines = make([]v1alpha1.JournalLine, 0, len(r.Spec.Lines))
	had := heldOf(basket)
	for _, want := range r.Spec.Lines {
		line := l.line(want, had)
		short = short || line.Shortage != ""
		lines = append(lines, line)
	}
	return lines, short
}

func (l *Ledger) line(want v1alpha1.StockLine, had map[string]int64) v1alpha1.JournalLine {
	line := v1alpha1.JournalLine{ProductID: want.ProductID, Quantity: want.Quantity}
	it := l.products[want.ProductID]
	if it == nil || it.deleting {
		line.Shortage = v1alpha1.ShortageUnknownProduct
		return line
	}
	line.ItemUID, line.Remaining = string(it.uid), it.available()
	if held := had[line.ItemUID]; held > 0 && !it.withheld {
		// Safety stock keeps back what is free, not what the basket had reserved.
		line.Remaining = max(line.Remaining, min(held, it.onHand-it.reserved))
	}
	switch {
	case it.reserved > it.onHand:
		line.Shortage = v1alpha1.ShortageOversold
	case want.Quantity > line.Remaining:
		line.Shortage = v1alpha1.ShortageInsufficientStock
	}
	return line
}

func (l *Ledger) release(r *v1alpha1.StockReservation, reason string, now time.Time) *v1alpha1.JournalEntry {
	known := l.reservations[r.UID]
	e := l.entry(v1alpha1.EntryRelease, r.Name, r.UID, now)
	e.Reason = reason
	if known != nil {
		e.Lines = held(known.allocations)
		l.letGo(r.UID, known)
	}
	l.remaining(e)
	l.reservations[r.UID] = &reservation{phase: v1alpha1.ReservationReleased}
	return e
}

func (l *Ledger) commit(r *v1alpha1.StockReservation, now time.Time) *v1alpha1.JournalEntry {
	known := l.reservations[r.UID]
	e := l.entry(v1alpha1.EntryCommit, r.Name, r.UID, now)
	e.Lines = held(known.allocations)
	for i := range e.Lines {
		if line := &e.Lines[i]; l.items[types.UID(line.ItemUID)] == nil {
			movesNothing(e, line, l.whyGone(line.ProductID))
		}
	}
	l.letGo(r.UID, known)
	l.move(e)
	l.remaining(e)
	known.phase = v1alpha1.ReservationCommitted
	return e
}

// restock puts back what is owed of what was taken. What can't be put back is answered
// as well, and said so: nobody is to believe that it is on a shelf.
func (l *Ledger) restock(r *v1alpha1.StockReservation, now time.Time) *v1alpha1.JournalEntry {
	known := l.reservations[r.UID]
	e := l.entry(v1alpha1.EntryRestock, r.Name, r.UID, now)
	e.Lines = held(journal.Owed(known.allocations, r.Spec.Restock, known.answered))
	for i := range e.Lines {
		line := &e.Lines[i]
		switch it := l.items[types.UID(line.ItemUID)]; {
		case it == nil:
			movesNothing(e, line, l.whyGone(line.ProductID))
		case it.deleting:
			movesNothing(e, line, journal.ReasonItemDeleting)
		}
	}
	l.move(e)
	l.remaining(e)
	known.answered = journal.AddRestock(known.answered, e.Lines)
	known.phase = v1alpha1.ReservationRestocked
	return e
}

// movesNothing notes why a line changes no shelf. An entry says the first reason it has.
func movesNothing(e *v1alpha1.JournalEntry, line *v1alpha1.JournalLine, why string) {
	line.NotMoved, e.Reason = line.Quantity, cmp.Or(e.Reason, why)
}

// whyGone is the reason that units of an item that is gone move nothing.
func (l *Ledger) whyGone(product string) string {
	if l.products[product] != nil {
		return journal.ReasonItemMadeAgain
	}
	return journal.ReasonItemGone
}

func held(allocations []v1alpha1.StockAllocation) []v1alpha1.JournalLine {
	lines := make([]v1alpha1.JournalLine, 0, len(allocations))
	for _, a := range allocations {
		lines = append(lines, v1alpha1.JournalLine{ProductID: a.ProductID, ItemUID: a.ItemUID, Quantity: a.Quantity})
	}
	return lines
}
