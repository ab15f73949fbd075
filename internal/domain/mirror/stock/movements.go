package stock

import (
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// MovementKind is why stock moved.
type MovementKind string

// Why stock moved (rule 12).
const (
	// MovedByOpening is what an item began with.
	MovedByOpening MovementKind = "Opening"
	// MovedByCommit took units off the shelf for an order.
	MovedByCommit MovementKind = "Commit"
	// MovedByRestock put units back that had been taken.
	MovedByRestock MovementKind = "Restock"
	// MovedByAdjust is what a stock document changed.
	MovedByAdjust MovementKind = "Adjust"
	// Carried is the difference between what was told and what is on hand, after a loss.
	Carried MovementKind = "Carried"
)

// ReasonCarried is the reason of the event of a movement Carried.
const ReasonCarried = string(Carried)

// Movement is a line of the ledger: what changed what is on hand of one item, in units.
type Movement struct {
	// No is the place in the ledger, ascending; 0 until it is booked.
	No        int64
	ItemUID   string
	ProductID string
	// Seq of the decision in the stock journal; 0 for Opening, and for Carried the last
	// decision that the item contained.
	Seq  int64
	Kind MovementKind
	// Quantity that was decided about. It may be more than Delta says: units of an item that
	// was gone moved nothing.
	Quantity, Delta int64
	// Remaining is what was available right after the decision; nil for Opening.
	Remaining *int64
	// OnHand is the item's balance after this movement; see Balance.
	OnHand int64
	// UID and Object are the reservation, document or item it came from.
	UID, Object string
	// OrderID is the order's, where it was moved for one.
	OrderID string
	Reason  string
	At      time.Time
}

// MovementsOf are the movements of a decision, one for each item that it was carried out on.
// Units that moved no shelf are booked as well, with a delta of 0: the ledger says why.
func MovementsOf(d event.Decision) []Movement {
	kind := kindOf(d.Kind)
	if kind == "" {
		return nil
	}
	movements := make([]Movement, 0, len(d.Lines))
	for i := range d.Lines {
		l := &d.Lines[i]
		if l.ItemUID == "" {
			continue
		}
		quantity := l.Quantity
		if kind == MovedByAdjust {
			quantity = l.Delta
		}
		movements = append(movements, Movement{
			ItemUID: l.ItemUID, ProductID: l.ProductID, Seq: d.Seq, Kind: kind, Quantity: quantity, Delta: l.Delta,
			Remaining: &l.Remaining, UID: d.UID, Object: d.Name, OrderID: d.OrderID, Reason: d.Reason, At: d.At,
		})
	}
	return movements
}

func kindOf(kind v1alpha1.JournalEntryKind) MovementKind {
	switch kind {
	case v1alpha1.EntryCommit:
		return MovedByCommit
	case v1alpha1.EntryRestock:
		return MovedByRestock
	case v1alpha1.EntryAdjust:
		return MovedByAdjust
	default:
		return ""
	}
}

// Opening is what an item began with. It is booked before any decision about the item.
func Opening(o *v1alpha1.StockItem) Movement {
	began := o.Spec.OpeningQuantity
	if o.Status.OpeningQuantity != nil {
		began = *o.Status.OpeningQuantity
	}
	return Movement{
		ItemUID: string(o.UID), ProductID: o.Name, Kind: MovedByOpening, Quantity: began, Delta: began,
		UID: string(o.UID), Object: o.Name, Reason: event.ReasonOpening, At: o.CreationTimestamp.UTC(),
	}
}

// Balance fills in what is on hand after each movement, in their order. balances are those of
// the items before, and afterwards those behind the last movement.
func Balance(balances map[string]int64, movements []Movement) {
	for i := range movements {
		m := &movements[i]
		balances[m.ItemUID] += m.Delta
		m.OnHand = balances[m.ItemUID]
	}
}

// MayCompare reports whether the movements of an item can be compared with what it has on
// hand: everything that it contains was told (rule 12).
func MayCompare(o *v1alpha1.StockItem, cursor int64) bool {
	return o.Status.OnHand != nil && ToldItem(o, cursor)
}

// Carry is the movement that makes up for a loss; nil when there was none. told is the sum of
// the item's movements up to status.journalSeq.
func Carry(o *v1alpha1.StockItem, told int64, now time.Time) *Movement {
	delta := journal.OnHand(o) - told
	if delta == 0 {
		return nil
	}
	available := o.Status.Available
	return &Movement{
		ItemUID: string(o.UID), ProductID: o.Name, Seq: o.Status.JournalSeq, Kind: Carried, Quantity: delta, Delta: delta,
		Remaining: &available, UID: string(o.UID), Object: o.Name, Reason: ReasonCarried, At: now,
	}
}

// OpeningEvent is the event of what an item began with. Who reads the topic alone can so add up
// what is on hand.
func OpeningEvent(m *Movement) event.Record {
	return event.OfOpening(m.ItemUID, m.ProductID, m.Delta, m.At)
}

// CarriedEvents are the events of a movement Carried. Their number is the cursor's, so that the
// events of a product stay in the order of their numbers: the item may have moved since.
func CarriedEvents(m *Movement, cursor int64) []event.Record {
	line := event.DecisionLine{ProductID: m.ProductID, ItemUID: m.ItemUID, Delta: m.Delta}
	if m.Remaining != nil {
		line.Remaining = *m.Remaining
	}
	return event.OfDecision(event.Decision{
		Seq: cursor, Kind: v1alpha1.EntryAdjust, Name: m.Object, UID: m.UID, At: m.At, Reason: m.Reason, Lines: []event.DecisionLine{line},
	})
}
