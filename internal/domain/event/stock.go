package event

import (
	"fmt"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// InventoryUpdated tells of a product whose stock was decided about.
const InventoryUpdated Type = "inventory.updated"

// StockStatus is the contract's word for what was decided about a product's stock.
type StockStatus string

// What may be decided about a product's stock.
const (
	StockReserved  StockStatus = "RESERVED"
	StockRejected  StockStatus = "REJECTED"
	StockReleased  StockStatus = "RELEASED"
	StockCommitted StockStatus = "COMMITTED"
	StockRestocked StockStatus = "RESTOCKED"
	StockAdjusted  StockStatus = "ADJUSTED"
)

// ReasonOpening is the reason of what a product began with.
const ReasonOpening = "Opening"

// InventoryUpdatedPayload is the payload of inventory.updated.
type InventoryUpdatedPayload struct {
	// The order it is for; absent where it is for none, such as for a basket or a stock document.
	OrderID string `json:"orderId,omitempty"`
	// The product.
	ProductID string `json:"productId"`
	// How many units the reservation was decided about: reserved, asked for in vain, given back, taken off the shelf or back again. 0 when ADJUSTED.
	ReservedQty int64 `json:"reservedQty"`
	// How many units were available right after the decision.
	RemainingQty int64 `json:"remainingQty"`
	// What was decided.
	Status StockStatus `json:"status"`
	// By how many units it changed what is on hand.
	Delta int64 `json:"delta"`
	// Why, in one word.
	Reason string `json:"reason,omitempty"`
	// Why the product could not be reserved; only when REJECTED.
	Shortage v1alpha1.ShortageReason `json:"shortage,omitempty"`
	// The number of the decision in the stock journal, by which the events of a product are in order; 0 for what the product began with.
	JournalSeq int64 `json:"journalSeq"`
	// The name of the reservation, stock document or product that was decided about.
	Reference string `json:"reference"`
	// The uid of the product's StockItem, which a product that was deleted and made again has anew; when COMMITTED, RESTOCKED or ADJUSTED.
	ItemUID string `json:"itemUid,omitempty"`
}

// Decision is a decision of the stock journal, as its entry, or the reservation or
// document that it is about, tells it: both tell the same.
type Decision struct {
	// Seq is its number in the journal.
	Seq  int64
	Kind v1alpha1.JournalEntryKind
	// Name and UID of the reservation or document.
	Name, UID string
	At        time.Time
	Reason    string
	Lines     []DecisionLine
	// OrderID and TraceID are on the object alone; both are empty while that was not
	// seen, and OrderID where the reservation is of no order.
	OrderID, TraceID string
}

// DecisionLine is what a decision did to one product.
type DecisionLine struct {
	ProductID string
	// ItemUID is that of the StockItem, where the decision may have moved it: of Commit,
	// Restock and Adjust.
	ItemUID string
	// Quantity of units that the reservation was decided about; 0 for Adjust.
	Quantity int64
	// Remaining units available right after it.
	Remaining int64
	// Delta is by how many units it changed what is on hand.
	Delta int64
	// Shortage of a line that could not be reserved.
	Shortage v1alpha1.ShortageReason
}

// OfDecision returns the events of a decision: one a line, in their order. A refusal is
// told of the lines that were short. A document that was refused and a release that held
// nothing have none.
func OfDecision(d Decision) []Record {
	status := stockStatusOf(d.Kind)
	if status == "" {
		return nil
	}
	var records []Record
	for i := range d.Lines {
		line := &d.Lines[i]
		if status == StockRejected && line.Shortage == "" {
			continue
		}
		records = append(records, inventoryUpdated(d, InventoryUpdatedPayload{
			OrderID: d.OrderID, ProductID: line.ProductID, ReservedQty: line.Quantity, RemainingQty: line.Remaining, Status: status,
			Delta: line.Delta, Reason: d.Reason, Shortage: line.Shortage, JournalSeq: d.Seq, Reference: d.Name, ItemUID: line.ItemUID,
		}))
	}
	return records
}

// OfOpening returns the event of what a product began with, so that who reads the topic
// alone can add up what is on hand.
func OfOpening(itemUID, product string, quantity int64, at time.Time) Record {
	return inventoryUpdated(Decision{UID: itemUID, Name: product, At: at}, InventoryUpdatedPayload{
		ProductID: product, RemainingQty: quantity, Status: StockAdjusted, Delta: quantity, Reason: ReasonOpening,
		Reference: product, ItemUID: itemUID,
	})
}

func inventoryUpdated(d Decision, p InventoryUpdatedPayload) Record {
	r, err := seal(Record{
		Seq: d.Seq, Type: InventoryUpdated, Key: p.ProductID, At: d.At, TraceID: d.TraceID, Object: d.Name, UID: d.UID,
	}, p.ProductID, p)
	if err != nil {
		// It has texts and whole numbers alone: nothing that JSON could refuse.
		r.Value = fmt.Appendf(nil, "%q", err.Error())
	}
	return r
}

func stockStatusOf(kind v1alpha1.JournalEntryKind) StockStatus {
	switch kind {
	case v1alpha1.EntryGrant:
		return StockReserved
	case v1alpha1.EntryReject:
		return StockRejected
	case v1alpha1.EntryRelease:
		return StockReleased
	case v1alpha1.EntryCommit:
		return StockCommitted
	case v1alpha1.EntryRestock:
		return StockRestocked
	case v1alpha1.EntryAdjust:
		return StockAdjusted
	default:
		return ""
	}
}

// moves is whether decisions of a kind may change what is on hand.
func moves(kind v1alpha1.JournalEntryKind) bool { return journal.MovesStock(kind) }
