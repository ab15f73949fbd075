package event

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/trace"
)

// DecisionOfEntry is the decision that an entry of the journal is. Its order and trace
// are on the object that it is about: About adds them.
func DecisionOfEntry(e *v1alpha1.JournalEntry) Decision {
	d := Decision{Seq: e.Seq, Kind: e.Kind, Name: e.Name, UID: e.UID, At: e.At.Time, Reason: e.Reason}
	for i := range e.Lines {
		l := &e.Lines[i]
		line := DecisionLine{ProductID: l.ProductID, Quantity: l.Quantity, Remaining: l.Remaining, Delta: journal.Moved(e.Kind, l), Shortage: l.Shortage}
		if moves(e.Kind) {
			line.ItemUID = l.ItemUID
		}
		if journal.IsDocument(e.Kind) {
			line.Quantity = 0
		}
		d.Lines = append(d.Lines, line)
	}
	return d
}

// About adds to a decision what only the reservation knows that it is about: its order
// and its trace. A reservation of another uid is another one and adds nothing.
func (d *Decision) About(r *v1alpha1.StockReservation) {
	if string(r.UID) != d.UID {
		return
	}
	d.TraceID = trace.IDOf(r)
	if ref := r.Spec.OrderRef; ref != nil {
		d.OrderID = ref.Name
		if d.TraceID == "" {
			d.TraceID = madeTraceID(ref.UID)
		}
	}
}

// AboutDocument adds to a decision what only the document knows that it is about: its trace.
func (d *Decision) AboutDocument(doc *v1alpha1.StockAdjustment) {
	if string(doc.UID) == d.UID {
		d.TraceID = trace.IDOf(doc)
	}
}

// DecisionsOfReservation are the decisions that a reservation shows, oldest first. Of
// many restocks it shows the last ones only; the journal has the others until they are told.
func DecisionsOfReservation(r *v1alpha1.StockReservation) []Decision {
	items := make(map[string]string, len(r.Status.Allocations))
	for _, a := range r.Status.Allocations {
		items[a.ProductID] = a.ItemUID
	}
	short := make(map[string]v1alpha1.ShortageReason, len(r.Status.Shortages))
	for _, s := range r.Status.Shortages {
		short[s.ProductID] = s.Reason
	}
	decisions := make([]Decision, 0, len(r.Status.History))
	for i := range r.Status.History {
		h := &r.Status.History[i]
		d := Decision{Seq: h.Seq, Kind: kindOf(h.Phase), Name: r.Name, UID: string(r.UID), At: h.At.Time, Reason: h.Reason}
		for _, m := range h.Lines {
			line := DecisionLine{ProductID: m.ProductID, Quantity: m.Quantity, Remaining: m.Remaining}
			line.Delta = journal.Moved(d.Kind, &v1alpha1.JournalLine{Quantity: m.Quantity, NotMoved: m.NotMoved})
			if moves(d.Kind) {
				line.ItemUID = items[m.ProductID]
			}
			if d.Kind == v1alpha1.EntryReject {
				line.Shortage = short[m.ProductID]
			}
			d.Lines = append(d.Lines, line)
		}
		d.About(r)
		decisions = append(decisions, d)
	}
	return decisions
}

// kindOf is the kind of the decision that led to a phase.
func kindOf(phase v1alpha1.StockReservationPhase) v1alpha1.JournalEntryKind {
	switch phase {
	case v1alpha1.ReservationReserved:
		return v1alpha1.EntryGrant
	case v1alpha1.ReservationRejected:
		return v1alpha1.EntryReject
	case v1alpha1.ReservationReleased:
		return v1alpha1.EntryRelease
	case v1alpha1.ReservationCommitted:
		return v1alpha1.EntryCommit
	case v1alpha1.ReservationRestocked:
		return v1alpha1.EntryRestock
	default:
		return ""
	}
}

// DecisionOfDocument is the decision that a stock document shows; false while it waits
// for one.
func DecisionOfDocument(doc *v1alpha1.StockAdjustment) (Decision, bool) {
	s := &doc.Status
	if !journal.Settled(doc) || s.DecidedAt == nil {
		return Decision{}, false
	}
	d := Decision{Seq: s.JournalSeq, Kind: v1alpha1.EntryAdjustReject, Name: doc.Name, UID: string(doc.UID), At: s.DecidedAt.Time}
	if applied := meta.FindStatusCondition(s.Conditions, v1alpha1.AdjustmentConditionApplied); applied != nil {
		d.Reason = applied.Reason
	}
	line := DecisionLine{ProductID: doc.Spec.ProductID}
	if s.AvailableAfter != nil {
		line.Remaining = *s.AvailableAfter
	}
	if s.Phase == v1alpha1.AdjustmentApplied && d.Reason != journal.ReasonAlreadyApplied {
		d.Kind, line.ItemUID, line.Delta = v1alpha1.EntryAdjust, s.ItemUID, deltaOf(doc)
	}
	d.Lines = []DecisionLine{line}
	d.AboutDocument(doc)
	return d, true
}

// deltaOf is what an applied document changed on hand. A version that did not write it
// down added what the document said; of its counts nobody knows it any more, and they
// are told as if they had found what was there.
func deltaOf(doc *v1alpha1.StockAdjustment) int64 {
	switch {
	case doc.Status.Delta != nil:
		return *doc.Status.Delta
	case doc.Spec.Kind == v1alpha1.AdjustmentCounted:
		return 0
	default:
		return doc.Spec.Quantity
	}
}
