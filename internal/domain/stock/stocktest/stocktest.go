// Package stocktest builds the objects of the stock side for tests. Objects are built by
// name; an object's uid is its name with "-uid" behind it.
package stocktest

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Noon is now in every test; nothing here reads a clock.
func Noon() time.Time { return time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC) }

// At is a time so long after noon.
func At(offset time.Duration) *metav1.Time { return &metav1.Time{Time: Noon().Add(offset)} }

// UIDOf is the uid of the object of a name.
func UIDOf(name string) types.UID { return types.UID(name + "-uid") }

// Item is a StockItem in the making.
type Item struct{ v1alpha1.StockItem }

// AnItem opens with so many units on hand.
func AnItem(name string, onHand int64) *Item {
	b := &Item{}
	b.Name, b.UID, b.Generation = name, UIDOf(name), 1
	b.Spec.OpeningQuantity = onHand
	return b
}

// WithUID makes it another item of its name.
func (b *Item) WithUID(u types.UID) *Item { b.UID = u; return b }

// Safety keeps units back.
func (b *Item) Safety(units int64) *Item { b.Spec.SafetyStock = units; return b }

// Threshold is below how many units stock is low.
func (b *Item) Threshold(units int64) *Item { b.Spec.LowStockThreshold = units; return b }

// Deleting marks it for deletion.
func (b *Item) Deleting() *Item { b.DeletionTimestamp = At(0); return b }

// MovedAt is when it last moved, from noon.
func (b *Item) MovedAt(offset time.Duration) *Item { b.Status.LastMovementAt = At(offset); return b }

// Holds is its status: what is on hand, and the last decision in that.
func (b *Item) Holds(onHand, journalSeq int64) *Item {
	b.Status.OnHand, b.Status.JournalSeq = &onHand, journalSeq
	return b
}

// Counts names the documents that count in what is on hand.
func (b *Item) Counts(documents ...string) *Item {
	b.Status.AppliedDocuments = documents
	return b
}

// Reservation is a StockReservation in the making.
type Reservation struct{ v1alpha1.StockReservation }

// AReservation wants its lines held.
func AReservation(name string, lines ...v1alpha1.StockLine) *Reservation {
	b := &Reservation{}
	b.Name, b.UID, b.Generation = name, UIDOf(name), 1
	b.Spec.Lines, b.Spec.Intent = lines, v1alpha1.IntentHold
	return b
}

// Wants changes its intent.
func (b *Reservation) Wants(intent v1alpha1.ReservationIntent) *Reservation {
	b.Spec.Intent = intent
	return b
}

// Restocks wants these lines back on the shelf.
func (b *Reservation) Restocks(lines ...v1alpha1.StockLine) *Reservation {
	b.Spec.Intent, b.Spec.Restock = v1alpha1.IntentRestock, &lines
	if lines == nil {
		b.Spec.Restock = &[]v1alpha1.StockLine{}
	}
	return b
}

// Of is whose reservation it is.
func (b *Reservation) Of(customer string) *Reservation { b.Spec.CustomerID = customer; return b }

// ForOrder makes it that of the order of its name.
func (b *Reservation) ForOrder() *Reservation {
	b.Spec.OrderRef = &v1alpha1.OrderReference{Name: b.Name, UID: b.Name + "-order"}
	return b
}

// TakesOver names the basket that it takes over.
func (b *Reservation) TakesOver(basket string) *Reservation {
	b.Spec.TakeOver = &v1alpha1.ReservationReference{Name: basket}
	return b
}

// Expires is when it ends, from noon.
func (b *Reservation) Expires(offset time.Duration) *Reservation {
	b.Spec.ExpiresAt = At(offset)
	return b
}

// Deleting marks it for deletion.
func (b *Reservation) Deleting() *Reservation { b.DeletionTimestamp = At(0); return b }

// In puts the reservation in a phase, with what its lines hold of the items named as their products.
func (b *Reservation) In(phase v1alpha1.StockReservationPhase) *Reservation {
	b.Status.Phase = phase
	if phase == v1alpha1.ReservationReserved || phase == v1alpha1.ReservationCommitted || phase == v1alpha1.ReservationRestocked {
		for _, l := range b.Spec.Lines {
			b.Status.Allocations = append(b.Status.Allocations,
				v1alpha1.StockAllocation{ProductID: l.ProductID, ItemUID: string(UIDOf(l.ProductID)), Quantity: l.Quantity})
		}
	}
	return b
}

// Decided appends a decision to its history.
func (b *Reservation) Decided(seq int64) *Reservation {
	b.Status.History = append(b.Status.History, v1alpha1.ReservationHistoryEntry{Seq: seq, Phase: b.Status.Phase, At: *At(0)})
	return b
}

// Document is a StockAdjustment in the making.
type Document struct{ v1alpha1.StockAdjustment }

// ADocument is one of a kind.
func ADocument(name, product string, kind v1alpha1.AdjustmentKind, quantity int64) *Document {
	b := &Document{}
	b.Name, b.UID, b.Generation = name, UIDOf(name), 1
	b.Spec = v1alpha1.StockAdjustmentSpec{ProductID: product, Kind: kind, Quantity: quantity}
	return b
}

// Received says that n units came in.
func Received(name, product string, n int64) *Document {
	return ADocument(name, product, v1alpha1.AdjustmentReceived, n)
}

// Adjusted corrects what is on hand by n.
func Adjusted(name, product string, n int64) *Document {
	return ADocument(name, product, v1alpha1.AdjustmentAdjusted, n)
}

// Counted says that n units were on the shelf, so long after noon.
func Counted(name, product string, n int64, when time.Duration) *Document {
	b := ADocument(name, product, v1alpha1.AdjustmentCounted, n)
	b.Spec.CountedAt = At(when)
	return b
}

// Expecting is what a count expects to be on hand.
func (b *Document) Expecting(onHand int64) *Document {
	b.Spec.ExpectedOnHand = &onHand
	return b
}

// Again is another document of the same name.
func (b *Document) Again() *Document { b.UID += "-again"; return b }

// Deleting makes it a document that is being deleted.
func (b *Document) Deleting() *Document { b.DeletionTimestamp = At(0); return b }

// Generated has the API server have made up its name.
func (b *Document) Generated() *Document { b.GenerateName = "stock-count-"; return b }

// In puts the document in a phase, by a decision.
func (b *Document) In(phase v1alpha1.AdjustmentPhase, seq int64) *Document {
	b.Status.Phase, b.Status.JournalSeq = phase, seq
	return b
}

// Units is a line of a reservation.
func Units(product string, n int64) v1alpha1.StockLine {
	return v1alpha1.StockLine{ProductID: product, Quantity: n}
}

// Items copies items into a list.
func Items(bs ...*Item) (out []v1alpha1.StockItem) {
	for _, b := range bs {
		out = append(out, *b.StockItem.DeepCopy())
	}
	return out
}

// Reservations copies reservations into a list.
func Reservations(bs ...*Reservation) (out []v1alpha1.StockReservation) {
	for _, b := range bs {
		out = append(out, *b.StockReservation.DeepCopy())
	}
	return out
}

// Documents copies documents into a list.
func Documents(bs ...*Document) (out []v1alpha1.StockAdjustment) {
	for _, b := range bs {
		out = append(out, *b.StockAdjustment.DeepCopy())
	}
	return out
}

// Line is a line of a journal entry, and what is available after it.
func Line(product string, quantity, remaining int64) v1alpha1.JournalLine {
	return v1alpha1.JournalLine{ProductID: product, ItemUID: string(UIDOf(product)), Quantity: quantity, Remaining: remaining}
}

// Short is a line that could not be reserved.
func Short(l v1alpha1.JournalLine, why v1alpha1.ShortageReason) v1alpha1.JournalLine {
	l.Shortage = why
	return l
}

// Leaving is a line with what is on hand after it.
func Leaving(l v1alpha1.JournalLine, onHand int64) v1alpha1.JournalLine { l.OnHand = &onHand; return l }

// Entry is a journal entry, decided at noon.
func Entry(seq int64, kind v1alpha1.JournalEntryKind, name, reason string, lines ...v1alpha1.JournalLine) *v1alpha1.JournalEntry {
	return &v1alpha1.JournalEntry{Seq: seq, Kind: kind, Name: name, UID: string(UIDOf(name)), At: *At(0), Reason: reason, Lines: lines}
}

// NotMoved is a line whose units change nothing on hand.
func NotMoved(l v1alpha1.JournalLine) v1alpha1.JournalLine { l.NotMoved = l.Quantity; return l }

// Moved is a line of a reservation's history.
func Moved(product string, quantity int64) v1alpha1.StockMovementLine {
	return v1alpha1.StockMovementLine{ProductID: product, Quantity: quantity}
}
