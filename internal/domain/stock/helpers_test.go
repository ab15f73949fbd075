package stock_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// noon is now in every test; nothing here reads a clock.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

func at(offset time.Duration) *metav1.Time { t := metav1.NewTime(noon.Add(offset)); return &t }

func ptr[T any](v T) *T { return &v }

// Objects are built by name; an object's uid is its name with "-uid" behind it.

func uidOf(name string) types.UID { return types.UID(name + "-uid") }

type itemBuilder struct{ v1alpha1.StockItem }

func anItem(name string, onHand int64) *itemBuilder {
	b := &itemBuilder{}
	b.Name, b.UID, b.Generation = name, uidOf(name), 1
	b.Spec.OpeningQuantity = onHand
	return b
}

func (b *itemBuilder) uid(u types.UID) *itemBuilder    { b.UID = u; return b }
func (b *itemBuilder) safety(units int64) *itemBuilder { b.Spec.SafetyStock = units; return b }
func (b *itemBuilder) threshold(units int64) *itemBuilder {
	b.Spec.LowStockThreshold = units
	return b
}
func (b *itemBuilder) deleting() *itemBuilder { b.DeletionTimestamp = at(0); return b }
func (b *itemBuilder) movedAt(offset time.Duration) *itemBuilder {
	b.Status.LastMovementAt = at(offset)
	return b
}
func (b *itemBuilder) holds(onHand, journalSeq int64) *itemBuilder {
	b.Status.OnHand, b.Status.JournalSeq = &onHand, journalSeq
	return b
}
func (b *itemBuilder) counts(documents ...string) *itemBuilder {
	b.Status.AppliedDocuments = documents
	return b
}

type reservationBuilder struct{ v1alpha1.StockReservation }

func aReservation(name string, lines ...v1alpha1.StockLine) *reservationBuilder {
	b := &reservationBuilder{}
	b.Name, b.UID, b.Generation = name, uidOf(name), 1
	b.Spec.Lines, b.Spec.Intent = lines, v1alpha1.IntentHold
	return b
}

func (b *reservationBuilder) wants(intent v1alpha1.ReservationIntent) *reservationBuilder {
	b.Spec.Intent = intent
	return b
}
func (b *reservationBuilder) restocks(lines ...v1alpha1.StockLine) *reservationBuilder {
	b.Spec.Intent, b.Spec.Restock = v1alpha1.IntentRestock, &lines
	if lines == nil {
		b.Spec.Restock = &[]v1alpha1.StockLine{}
	}
	return b
}
func (b *reservationBuilder) expires(offset time.Duration) *reservationBuilder {
	b.Spec.ExpiresAt = at(offset)
	return b
}
func (b *reservationBuilder) deleting() *reservationBuilder { b.DeletionTimestamp = at(0); return b }

// in puts the reservation in a phase, with what its lines hold of the items named as their products.
func (b *reservationBuilder) in(phase v1alpha1.StockReservationPhase) *reservationBuilder {
	b.Status.Phase = phase
	if phase == v1alpha1.ReservationReserved || phase == v1alpha1.ReservationCommitted || phase == v1alpha1.ReservationRestocked {
		for _, l := range b.Spec.Lines {
			b.Status.Allocations = append(b.Status.Allocations,
				v1alpha1.StockAllocation{ProductID: l.ProductID, ItemUID: string(uidOf(l.ProductID)), Quantity: l.Quantity})
		}
	}
	return b
}
func (b *reservationBuilder) decided(seq int64) *reservationBuilder {
	b.Status.History = append(b.Status.History, v1alpha1.ReservationHistoryEntry{Seq: seq, Phase: b.Status.Phase, At: *at(0)})
	return b
}

type documentBuilder struct{ v1alpha1.StockAdjustment }

func aDocument(name, product string, kind v1alpha1.AdjustmentKind, quantity int64) *documentBuilder {
	b := &documentBuilder{}
	b.Name, b.UID, b.Generation = name, uidOf(name), 1
	b.Spec = v1alpha1.StockAdjustmentSpec{ProductID: product, Kind: kind, Quantity: quantity}
	return b
}

func received(name, product string, n int64) *documentBuilder {
	return aDocument(name, product, v1alpha1.AdjustmentReceived, n)
}

func adjusted(name, product string, n int64) *documentBuilder {
	return aDocument(name, product, v1alpha1.AdjustmentAdjusted, n)
}

func counted(name, product string, n int64, when time.Duration) *documentBuilder {
	b := aDocument(name, product, v1alpha1.AdjustmentCounted, n)
	b.Spec.CountedAt = at(when)
	return b
}

func (b *documentBuilder) expecting(onHand int64) *documentBuilder {
	b.Spec.ExpectedOnHand = &onHand
	return b
}
func (b *documentBuilder) again() *documentBuilder { b.UID += "-again"; return b }
func (b *documentBuilder) generated() *documentBuilder {
	b.GenerateName = "stock-count-"
	return b
}
func (b *documentBuilder) in(phase v1alpha1.AdjustmentPhase, seq int64) *documentBuilder {
	b.Status.Phase, b.Status.JournalSeq = phase, seq
	return b
}

func units(product string, n int64) v1alpha1.StockLine {
	return v1alpha1.StockLine{ProductID: product, Quantity: n}
}

func items(bs ...*itemBuilder) (out []v1alpha1.StockItem) {
	for _, b := range bs {
		out = append(out, *b.StockItem.DeepCopy())
	}
	return out
}

func reservations(bs ...*reservationBuilder) (out []v1alpha1.StockReservation) {
	for _, b := range bs {
		out = append(out, *b.StockReservation.DeepCopy())
	}
	return out
}

func documents(bs ...*documentBuilder) (out []v1alpha1.StockAdjustment) {
	for _, b := range bs {
		out = append(out, *b.StockAdjustment.DeepCopy())
	}
	return out
}

// Lines of expected journal entries.

func line(product string, quantity, remaining int64) v1alpha1.JournalLine {
	return v1alpha1.JournalLine{ProductID: product, ItemUID: string(uidOf(product)), Quantity: quantity, Remaining: remaining}
}

func short(l v1alpha1.JournalLine, why v1alpha1.ShortageReason) v1alpha1.JournalLine {
	l.Shortage = why
	return l
}

func leaving(l v1alpha1.JournalLine, onHand int64) v1alpha1.JournalLine { l.OnHand = &onHand; return l }

func entry(seq int64, kind v1alpha1.JournalEntryKind, name, reason string, lines ...v1alpha1.JournalLine) *v1alpha1.JournalEntry {
	return &v1alpha1.JournalEntry{Seq: seq, Kind: kind, Name: name, UID: string(uidOf(name)), At: *at(0), Reason: reason, Lines: lines}
}
