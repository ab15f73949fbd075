package stock

import (
	"slices"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Clocks differ. A count may be dated so far ahead of the controller's clock. Up to one
// second is what rounding comes to; whoever is further ahead may have counted as long before
// the time they say as clocks may differ.
const (
	clockSkew = 5 * time.Minute
	rounding  = time.Second
)

// isAfter reports whether a count was surely made after the last movement. Both are told in
// whole seconds: within one second nobody knows which came first.
func isAfter(countedAt, lastMovement, now time.Time) bool {
	countedAt = countedAt.Truncate(time.Second)
	if countedAt.Sub(now) > rounding {
		countedAt = countedAt.Add(-clockSkew)
	}
	return countedAt.After(lastMovement)
}

// DecideDocument decides a document, remembers it and returns its journal
// entry. The entry is nil when the document is settled, and when its product
// does not exist or is withheld: then waits is true, and it is to be offered
// again when the item appears.
//
// A document that is being deleted is withdrawn, whether or not its product exists. It may
// be kept until it is decided (protocol rule 22 in docs/design/0015-mirror.md).
//
// A correction may not take what is reserved. A count may: it says what is
// there, and the item is Oversold until stock is back.
func (l *Ledger) DecideDocument(d *v1alpha1.StockAdjustment, now time.Time) (e *v1alpha1.JournalEntry, waits bool) {
	if l.Settled(d.UID) {
		return nil, false
	}
	it := l.products[d.Spec.ProductID]
	if d.DeletionTimestamp != nil {
		return l.withdraw(d, it, now), false
	}
	if it == nil || it.deleting || it.withheld {
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
	if reason != journal.ReasonApplied {
		kind, delta = v1alpha1.EntryAdjustReject, 0
	}
	e = l.entry(kind, d.Name, d.UID, now)
	e.Reason, e.CountedAt, e.Generated = reason, d.Spec.CountedAt, generated
	e.Lines = []v1alpha1.JournalLine{{ProductID: it.product, ItemUID: string(it.uid), Quantity: delta}}
	if kind == v1alpha1.EntryAdjust {
		l.move(e)
		it.applied = journal.RecordDocument(it.applied, e)
	}
	l.showLevel(e, it)
	return e, false
}

// withdraw refuses a document that was deleted before it was decided. it is its item, nil
// when there is none.
func (l *Ledger) withdraw(d *v1alpha1.StockAdjustment, it *item, now time.Time) *v1alpha1.JournalEntry {
	l.documents[d.UID] = true
	e := l.entry(v1alpha1.EntryAdjustReject, d.Name, d.UID, now)
	e.Reason = journal.ReasonWithdrawn
	e.Lines = []v1alpha1.JournalLine{{ProductID: d.Spec.ProductID}}
	if it != nil && !it.withheld {
		e.Lines[0].ItemUID = string(it.uid)
		l.showLevel(e, it)
	}
	return e
}

// showLevel notes in the entry of a document what there is of its item afterwards.
func (l *Ledger) showLevel(e *v1alpha1.JournalEntry, it *item) {
	l.remaining(e)
	onHand := it.onHand
	e.Lines[0].OnHand = &onHand
}

// refusal is the first rule a document breaks, or journal.ReasonApplied.
func (l *Ledger) refusal(it *item, d *v1alpha1.StockAdjustment, delta int64, generated bool, now time.Time) string {
	counted := d.Spec.Kind == v1alpha1.AdjustmentCounted
	after := it.onHand + delta // both are bounded far below 2^62
	switch {
	case !generated && slices.Contains(it.applied, d.Name):
		return journal.ReasonAlreadyApplied
	case counted && d.Spec.CountedAt != nil && d.Spec.CountedAt.After(now.Add(clockSkew)):
		return journal.ReasonCountInFuture
	case counted && d.Spec.CountedAt != nil && !isAfter(d.Spec.CountedAt.Time, it.lastMovement, now):
		return journal.ReasonStaleCount
	case counted && d.Spec.ExpectedOnHand != nil && *d.Spec.ExpectedOnHand != it.onHand:
		return journal.ReasonUnexpectedOnHand
	case after < 0:
		return journal.ReasonBelowZero
	case after > journal.MaxOnHand:
		return journal.ReasonQuantityOverflow
	case !counted && delta < 0 && after < it.reserved:
		return journal.ReasonBelowReserved
	}
	return journal.ReasonApplied
}
