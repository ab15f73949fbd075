package stock_test

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// book is the simple reference the ledger is held against: it adds everything
// up anew for each question, keeps no sums, knows no journal, and never forgets.
type book struct {
	shelves      map[types.UID]*shelf
	reservations map[types.UID]*bookReservation
	settled      map[types.UID]string // reason by document
	// aside is a basket that is not counted as reserved just now; ended is the one that the
	// last grant took over.
	aside, ended types.UID
}

type shelf struct {
	uid       types.UID
	product   string
	safety    int64
	movements []movement
	gone      bool
}

// movement is one change of what is on hand, and the moment it speaks for.
type movement struct {
	change   int64
	when     time.Time
	document string // its name, unless the server made it up
}

type bookReservation struct {
	made   *v1alpha1.StockReservation
	phases []v1alpha1.StockReservationPhase
	lines  []v1alpha1.JournalLine
	back   map[string]int64 // units answered for, by product
	gone   bool
}

func newBook() *book {
	return &book{shelves: map[types.UID]*shelf{}, reservations: map[types.UID]*bookReservation{}, settled: map[types.UID]string{}}
}

func (b *book) stocks(o *v1alpha1.StockItem) {
	b.shelves[o.UID] = &shelf{uid: o.UID, product: o.Name, safety: o.Spec.SafetyStock, movements: []movement{{change: o.Spec.OpeningQuantity}}}
}

func (s *shelf) onHand() (n int64) {
	for _, m := range s.movements {
		n += m.change
	}
	return n
}

func (s *shelf) lastMoved() (last time.Time) {
	for _, m := range s.movements {
		if m.when.After(last) {
			last = m.when
		}
	}
	return last
}

func (b *book) phase(uid types.UID) v1alpha1.StockReservationPhase {
	c := b.reservations[uid]
	if c == nil {
		return v1alpha1.ReservationPending
	}
	return c.phases[len(c.phases)-1]
}

func (b *book) reserved(s *shelf) (n int64) {
	for uid, c := range b.reservations {
		if b.phase(uid) != v1alpha1.ReservationReserved || c.gone || uid == b.aside {
			continue
		}
		for _, l := range c.lines {
			if l.ItemUID == string(s.uid) {
				n += l.Quantity
			}
		}
	}
	return n
}

func (b *book) available(s *shelf) int64 { return s.onHand() - b.reserved(s) - s.safety }

func (b *book) shelf(product string) *shelf {
	for _, s := range b.shelves {
		if s.product == product && !s.gone {
			return s
		}
	}
	return nil
}

// reserve says whether a reservation is granted, and why each line is not.
func (b *book) reserve(r *v1alpha1.StockReservation) (kind v1alpha1.JournalEntryKind, lines []v1alpha1.JournalLine) {
	kind = v1alpha1.EntryGrant
	for _, want := range r.Spec.Lines {
		l := v1alpha1.JournalLine{ProductID: want.ProductID, Quantity: want.Quantity}
		s := b.shelf(want.ProductID)
		if s == nil {
			l.Shortage = v1alpha1.ShortageUnknownProduct
		} else {
			l.ItemUID, l.Remaining = string(s.uid), max(b.available(s), b.fromBasket(s))
			if s.onHand() < b.reserved(s) {
				l.Shortage = v1alpha1.ShortageOversold
			} else if l.Remaining < l.Quantity {
				l.Shortage = v1alpha1.ShortageInsufficientStock
			}
		}
		if l.Shortage != "" {
			kind = v1alpha1.EntryReject
		}
		lines = append(lines, l)
	}
	return kind, lines
}

// fromBasket is what the basket aside holds of a shelf, as far as that is there; safety
// stock does not keep it back.
func (b *book) fromBasket(s *shelf) int64 {
	none := int64(-1 << 40)
	c := b.reservations[b.aside]
	if c == nil {
		return none
	}
	for _, l := range c.lines {
		if l.ItemUID == string(s.uid) {
			return min(l.Quantity, s.onHand()-b.reserved(s))
		}
	}
	return none
}

// basketOf is the basket that a reservation takes over; empty when there is none.
func (b *book) basketOf(r *v1alpha1.StockReservation) types.UID {
	for uid, c := range b.reservations {
		mine := r.Spec.TakeOver != nil && c.made.Name == r.Spec.TakeOver.Name && c.made.Spec.OrderRef == nil
		stranger := c.made.Spec.CustomerID != "" && r.Spec.CustomerID != "" && c.made.Spec.CustomerID != r.Spec.CustomerID
		if mine && !stranger && !c.gone && b.phase(uid) == v1alpha1.ReservationReserved {
			return uid
		}
	}
	return ""
}

// decideReservation is what is due for a reservation, and books it.
func (b *book) decideReservation(r *v1alpha1.StockReservation, now time.Time) (kind v1alpha1.JournalEntryKind, lines []v1alpha1.JournalLine) {
	b.ended = ""
	expired := r.Spec.Intent == v1alpha1.IntentHold && r.Spec.ExpiresAt != nil && !r.Spec.ExpiresAt.After(now)
	takes := r.Spec.Intent == v1alpha1.IntentCommit || r.Spec.Intent == v1alpha1.IntentRestock
	switch phase := b.phase(r.UID); {
	case phase == v1alpha1.ReservationPending && (expired || r.Spec.Intent == v1alpha1.IntentRelease):
		return b.book(r, v1alpha1.EntryRelease, nil, now)
	case phase == v1alpha1.ReservationPending:
		b.aside = b.basketOf(r)
		kind, lines = b.reserve(r)
		if basket := b.reservations[b.aside]; basket != nil && kind == v1alpha1.EntryGrant {
			b.ended = b.aside
			basket.phases = append(basket.phases, v1alpha1.ReservationReleased)
		}
		b.aside = ""
		return b.book(r, kind, lines, now)
	case phase == v1alpha1.ReservationReserved && takes:
		return b.book(r, v1alpha1.EntryCommit, b.reservations[r.UID].lines, now)
	case phase == v1alpha1.ReservationReserved && (expired || r.Spec.Intent == v1alpha1.IntentRelease):
		return b.book(r, v1alpha1.EntryRelease, b.reservations[r.UID].lines, now)
	case phase == v1alpha1.ReservationCommitted && r.Spec.Intent == v1alpha1.IntentRestock:
		return b.book(r, v1alpha1.EntryRestock, b.returns(r), now)
	case phase == v1alpha1.ReservationRestocked && r.Spec.Intent == v1alpha1.IntentRestock && len(b.returns(r)) > 0:
		return b.book(r, v1alpha1.EntryRestock, b.returns(r), now)
	}
	return "", nil
}

// returns are the lines that come back and did not yet.
func (b *book) returns(r *v1alpha1.StockReservation) (lines []v1alpha1.JournalLine) {
	c := b.reservations[r.UID]
	for _, l := range c.lines {
		if r.Spec.Restock != nil {
			i := slices.IndexFunc(*r.Spec.Restock, func(w v1alpha1.StockLine) bool { return w.ProductID == l.ProductID })
			if i < 0 {
				continue
			}
			l.Quantity = (*r.Spec.Restock)[i].Quantity
		}
		if l.Quantity -= c.back[l.ProductID]; l.Quantity == 0 {
			continue
		}
		lines = append(lines, l)
	}
	return lines
}

func (b *book) book(r *v1alpha1.StockReservation, kind v1alpha1.JournalEntryKind, lines []v1alpha1.JournalLine, now time.Time) (v1alpha1.JournalEntryKind, []v1alpha1.JournalLine) {
	lines = slices.Clone(lines)
	c := b.reservations[r.UID]
	if c == nil {
		c = &bookReservation{made: r, back: map[string]int64{}}
		b.reservations[r.UID] = c
	}
	c.phases = append(c.phases, map[v1alpha1.JournalEntryKind]v1alpha1.StockReservationPhase{
		v1alpha1.EntryGrant: v1alpha1.ReservationReserved, v1alpha1.EntryReject: v1alpha1.ReservationRejected, v1alpha1.EntryRelease: v1alpha1.ReservationReleased,
		v1alpha1.EntryCommit: v1alpha1.ReservationCommitted, v1alpha1.EntryRestock: v1alpha1.ReservationRestocked,
	}[kind])
	if kind == v1alpha1.EntryGrant {
		c.lines = lines
	}
	for i := range lines {
		if kind == v1alpha1.EntryRestock {
			c.back[lines[i].ProductID] += lines[i].Quantity
		}
		s := b.shelves[types.UID(lines[i].ItemUID)]
		moves := kind == v1alpha1.EntryCommit || kind == v1alpha1.EntryRestock
		if moves && (s == nil || s.gone) {
			lines[i].NotMoved = lines[i].Quantity
			continue
		}
		if moves {
			s.movements = append(s.movements, movement{change: change(kind, &lines[i]), when: now.Truncate(time.Second)})
		}
	}
	if kind == v1alpha1.EntryReject {
		return kind, lines
	}
	out := slices.Clone(lines)
	for i := range out {
		out[i].Remaining = 0
		if s := b.shelves[types.UID(out[i].ItemUID)]; s != nil && !s.gone {
			out[i].Remaining = b.available(s)
		}
	}
	return kind, out
}

// decideDocument is why a document is settled as it is, and books it; empty
// when it waits.
func (b *book) decideDocument(d *v1alpha1.StockAdjustment, now time.Time) (reason string, change int64) {
	if d.DeletionTimestamp != nil {
		b.settled[d.UID] = journal.ReasonWithdrawn
		return journal.ReasonWithdrawn, 0
	}
	s := b.shelf(d.Spec.ProductID)
	if s == nil {
		return "", 0
	}
	name := d.Name
	if d.GenerateName != "" {
		name = ""
	}
	change = d.Spec.Quantity
	count := d.Spec.Kind == v1alpha1.AdjustmentCounted
	if count {
		change = d.Spec.Quantity - s.onHand()
	}
	moved := movement{change: change, when: now.Truncate(time.Second), document: name}
	var counted time.Time
	if count {
		counted = d.Spec.CountedAt.Time
		if counted.Before(now) {
			moved.when = counted
		}
		if counted.Sub(now) > time.Second { // by a clock that is ahead, it was up to five minutes before
			counted = counted.Add(-5 * time.Minute)
		}
	}
	known := slices.ContainsFunc(s.movements, func(m movement) bool { return name != "" && m.document == name })
	after := s.onHand() + change
	switch {
	case known:
		reason = journal.ReasonAlreadyApplied
	case count && d.Spec.CountedAt.Sub(now) > 5*time.Minute:
		reason = journal.ReasonCountInFuture
	case count && !counted.After(s.lastMoved()):
		reason = journal.ReasonStaleCount
	case count && d.Spec.ExpectedOnHand != nil && *d.Spec.ExpectedOnHand != s.onHand():
		reason = journal.ReasonUnexpectedOnHand
	case after < 0:
		reason = journal.ReasonBelowZero
	case !count && change < 0 && after < b.reserved(s):
		reason = journal.ReasonBelowReserved
	default:
		s.movements = append(s.movements, moved)
		b.settled[d.UID] = journal.ReasonApplied
		return journal.ReasonApplied, change
	}
	b.settled[d.UID] = reason
	return reason, 0
}
