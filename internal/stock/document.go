package stock

import (
	"slices"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Reasons a document was settled for, shown in its Applied condition.
const (
	// ReasonApplied: it counts in onHand.
	ReasonApplied = "Applied"
	// ReasonAlreadyApplied: a document of its name already counts in onHand; this
	// one, made again after that was deleted, does not count a second time.
	ReasonAlreadyApplied = "AlreadyApplied"
	// ReasonBelowReserved: what would be left is less than what is reserved.
	ReasonBelowReserved = "BelowReserved"
	// ReasonBelowZero: less than nothing would be left.
	ReasonBelowZero = "BelowZero"
	// ReasonStaleCount: stock moved after the shelf was counted.
	ReasonStaleCount = "StaleCount"
	// ReasonCountInFuture: countedAt is later than now.
	ReasonCountInFuture = "CountInFuture"
	// ReasonUnexpectedOnHand: expectedOnHand is not what is on hand.
	ReasonUnexpectedOnHand = "UnexpectedOnHand"
	// ReasonQuantityOverflow: more than MaxOnHand would be on hand.
	ReasonQuantityOverflow = "QuantityOverflow"
	// ReasonUnknownProduct: there is no such StockItem yet; the document waits.
	ReasonUnknownProduct = "UnknownProduct"
)

// clockSkew is how far ahead of the controller's clock a count may be dated.
const clockSkew = 5 * time.Minute

// DecideDocument decides a document, remembers it and returns its journal
// entry. The entry is nil when the document is settled, and when its product
// does not exist: then waits is true, and it is to be offered again when the
// item appears.
//
// A correction may not take what is reserved. A count may: it says what is
// there, and the item is Oversold until stock is back.
func (l *Ledger) DecideDocument(d *v1alpha1.StockAdjustment, now time.Time) (e *v1alpha1.JournalEntry, waits bool) {
	if l.Settled(d.UID) {
		return nil, false
	}
	it := l.products[d.Spec.ProductID]
	if it == nil || it.deleting {
		return nil, true
	}
	delta := d.Spec.Quantity
	if d.Spec.Kind == v1alpha1.AdjustmentCounted {
		delta -= it.onHand
	}
	generated := d.GenerateName != ""
	reason := l.refusal(it, d, delta, generated, now)
	l.documents[d.UID] = true

	kind := v1alpha1.EntryAdjust
	if reason != ReasonApplied {
		kind, delta = v1alpha1.EntryAdjustReject, 0
	}
	e = l.entry(kind, d, now)
	e.Reason, e.CountedAt, e.Generated = reason, d.Spec.CountedAt, generated
	e.Lines = []v1alpha1.JournalLine{{ProductID: it.product, ItemUID: string(it.uid), Quantity: delta}}
	if kind == v1alpha1.EntryAdjust {
		l.move(e, +1)
		it.applied = recordDocument(it.applied, e)
	}
	l.remaining(e)
	onHand := it.onHand
	e.Lines[0].OnHand = &onHand
	return e, false
}

// refusal is the first rule a document breaks, or ReasonApplied.
func (l *Ledger) refusal(it *item, d *v1alpha1.StockAdjustment, delta int64, generated bool, now time.Time) string {
	counted := d.Spec.Kind == v1alpha1.AdjustmentCounted
	after := it.onHand + delta // both are bounded far below 2^62
	switch {
	case !generated && slices.Contains(it.applied, d.Name):
		return ReasonAlreadyApplied
	case counted && d.Spec.CountedAt != nil && d.Spec.CountedAt.After(now.Add(clockSkew)):
		return ReasonCountInFuture
	case counted && d.Spec.CountedAt != nil && d.Spec.CountedAt.Time.Before(it.lastMovement):
		return ReasonStaleCount
	case counted && d.Spec.ExpectedOnHand != nil && *d.Spec.ExpectedOnHand != it.onHand:
		return ReasonUnexpectedOnHand
	case after < 0:
		return ReasonBelowZero
	case after > MaxOnHand:
		return ReasonQuantityOverflow
	case !counted && delta < 0 && after < it.reserved:
		return ReasonBelowReserved
	}
	return ReasonApplied
}

// maxAppliedDocuments is how many names an item remembers; the schema's limit.
const maxAppliedDocuments = 512

// recordDocument appends the name of an applied document, dropping the oldest
// beyond the limit. A name the server generated can't be applied again, so it
// takes no place.
func recordDocument(names []string, e *v1alpha1.JournalEntry) []string {
	if e.Generated {
		return names
	}
	if over := len(names) + 1 - maxAppliedDocuments; over > 0 {
		names = names[over:]
	}
	return append(slices.Clone(names), e.Name)
}
