package journal

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// MovesStock reports whether an entry of this kind changes onHand of its items.
func MovesStock(kind v1alpha1.JournalEntryKind) bool {
	switch kind {
	case v1alpha1.EntryCommit, v1alpha1.EntryRestock, v1alpha1.EntryAdjust:
		return true
	default:
		return false
	}
}

// Moved is by how many units a line of an entry of that kind changes what is on hand.
func Moved(kind v1alpha1.JournalEntryKind, l *v1alpha1.JournalLine) int64 {
	switch kind {
	case v1alpha1.EntryCommit:
		return l.NotMoved - l.Quantity
	case v1alpha1.EntryRestock, v1alpha1.EntryAdjust:
		return l.Quantity - l.NotMoved
	default:
		return 0
	}
}

// Moves reports whether a line of an entry of that kind is to be carried out on its item.
// A stock document is, also when it changes nothing: the item remembers its name.
func Moves(kind v1alpha1.JournalEntryKind, l *v1alpha1.JournalLine) bool {
	return l.ItemUID != "" && (kind == v1alpha1.EntryAdjust || Moved(kind, l) != 0)
}

// IsDocument reports whether an entry of this kind is about a StockAdjustment.
func IsDocument(kind v1alpha1.JournalEntryKind) bool {
	return kind == v1alpha1.EntryAdjust || kind == v1alpha1.EntryAdjustReject
}

// target is the phase a decision leads to.
func target(kind v1alpha1.JournalEntryKind) v1alpha1.StockReservationPhase {
	switch kind {
	case v1alpha1.EntryGrant:
		return v1alpha1.ReservationReserved
	case v1alpha1.EntryReject:
		return v1alpha1.ReservationRejected
	case v1alpha1.EntryRelease:
		return v1alpha1.ReservationReleased
	case v1alpha1.EntryCommit:
		return v1alpha1.ReservationCommitted
	case v1alpha1.EntryRestock:
		return v1alpha1.ReservationRestocked
	default:
		return "" // it is about a document
	}
}

// carriedOut reports whether a reservation shows a decision. Phases move only forward,
// so that all decisions but one are told by the phase. Restocks come several times: of
// those the history knows the last, by its number.
func carriedOut(e *v1alpha1.JournalEntry, s *v1alpha1.StockReservationStatus) bool {
	if e.Kind == v1alpha1.EntryRestock && s.Phase == v1alpha1.ReservationRestocked {
		return e.Seq <= LastSeq(s)
	}
	return !before(s.Phase, e.Kind)
}

// LastSeq is the number of the last decision that a reservation shows; 0 when there is none.
func LastSeq(s *v1alpha1.StockReservationStatus) int64 {
	if n := len(s.History); n > 0 {
		return s.History[n-1].Seq
	}
	return 0
}

// before reports whether a phase lies strictly before the target of a decision,
// so that the decision is still to be carried out. It is never tested by
// equality with the target: a later decision may have been carried out already.
func before(phase v1alpha1.StockReservationPhase, kind v1alpha1.JournalEntryKind) bool {
	switch phase {
	case v1alpha1.ReservationPending, "":
		return true
	case v1alpha1.ReservationReserved:
		return kind == v1alpha1.EntryRelease || kind == v1alpha1.EntryCommit || kind == v1alpha1.EntryRestock
	case v1alpha1.ReservationCommitted:
		return kind == v1alpha1.EntryRestock
	default:
		return false
	}
}

// ApplyToReservation carries a decision out on the reservation it is about and
// reports whether that changed it. A reservation with another uid, or one that
// is already there, is left alone.
func ApplyToReservation(e *v1alpha1.JournalEntry, r *v1alpha1.StockReservation) (changed bool) {
	if IsDocument(e.Kind) || string(r.UID) != e.UID || carriedOut(e, &r.Status) {
		return false
	}
	s := &r.Status
	answered := Answered(r)
	s.Phase = target(e.Kind)
	s.ObservedGeneration = r.Generation
	condition := metav1.Condition{
		Type: v1alpha1.ReservationConditionReserved, Status: metav1.ConditionFalse,
		Reason: string(s.Phase), ObservedGeneration: r.Generation, LastTransitionTime: e.At,
	}
	switch e.Kind {
	case v1alpha1.EntryGrant:
		s.Allocations = allocations(e.Lines)
		condition.Status = metav1.ConditionTrue
	case v1alpha1.EntryReject:
		s.Shortages = shortages(e.Lines)
		condition.Message = DescribeShortages(s.Shortages)
	case v1alpha1.EntryCommit:
		s.Allocations = allocations(e.Lines)
		condition.Status = metav1.ConditionTrue
		condition.Message = describeNotTaken(e.Lines)
	case v1alpha1.EntryRelease:
		s.Allocations = nil
		condition.Message = releaseMessage(e.Reason)
	default:
		s.Restocked = AddRestock(answered, e.Lines)
		condition.Message = DescribeNotRestocked(notRestocked(s.Restocked))
	}
	meta.SetStatusCondition(&s.Conditions, condition)
	s.History = trimHistory(append(slices.Clone(s.History), v1alpha1.ReservationHistoryEntry{
		Seq: e.Seq, Phase: s.Phase, At: e.At, Reason: e.Reason, Lines: movements(e),
	}))
	return true
}

func releaseMessage(reason string) string {
	switch reason {
	case ReasonExpired:
		return "spec.expiresAt passed; what was held was given back"
	case ReasonDeleted:
		return "the reservation is being deleted; what was held was given back"
	case ReasonTakenOver:
		return "another reservation took it over (its spec.takeOver); what was held counted for that one"
	}
	return "what was held was given back, as asked for"
}

func allocations(lines []v1alpha1.JournalLine) []v1alpha1.StockAllocation {
	out := make([]v1alpha1.StockAllocation, 0, len(lines))
	for _, l := range lines {
		out = append(out, v1alpha1.StockAllocation{ProductID: l.ProductID, ItemUID: l.ItemUID, Quantity: l.Quantity})
	}
	return out
}

func shortages(lines []v1alpha1.JournalLine) []v1alpha1.StockShortage {
	var out []v1alpha1.StockShortage
	for _, l := range lines {
		if l.Shortage != "" {
			out = append(out, v1alpha1.StockShortage{ProductID: l.ProductID, Requested: l.Quantity, Available: l.Remaining, Reason: l.Shortage})
		}
	}
	return out
}

func movements(e *v1alpha1.JournalEntry) []v1alpha1.StockMovementLine {
	out := make([]v1alpha1.StockMovementLine, 0, len(e.Lines))
	for _, l := range e.Lines {
		out = append(out, v1alpha1.StockMovementLine{ProductID: l.ProductID, Quantity: l.Quantity, Remaining: l.Remaining, NotMoved: l.NotMoved})
	}
	return out
}

// OnHand is what an item's object says is on hand: its opening quantity until
// its status was first written.
func OnHand(o *v1alpha1.StockItem) int64 {
	if o.Status.OnHand != nil {
		return *o.Status.OnHand
	}
	return o.Spec.OpeningQuantity
}

// SetOnHand writes what is on hand on an item, and what it began with: spec need
// not say that any more once it was counted. It reports whether that was news.
func SetOnHand(o *v1alpha1.StockItem, onHand int64) (changed bool) {
	s := &o.Status
	if began := o.Spec.OpeningQuantity; s.OpeningQuantity == nil && (s.OnHand == nil || began != 0) {
		s.OpeningQuantity, changed = &began, true
	}
	changed = changed || s.OnHand == nil || *s.OnHand != onHand
	s.OnHand = &onHand
	return changed
}

// ApplyToItem carries out on an item what the decisions do to it, in the order
// of their seq, and reports whether that changed it. Decisions that the item
// already contains (journalSeq) and lines of an item with another uid are
// passed over. Entries must be in order of seq.
func ApplyToItem(entries []*v1alpha1.JournalEntry, o *v1alpha1.StockItem) (changed bool) {
	s := &o.Status
	for _, e := range entries {
		if !MovesStock(e.Kind) || e.Seq <= s.JournalSeq {
			continue
		}
		for _, line := range e.Lines {
			if line.ItemUID != string(o.UID) || !Moves(e.Kind, &line) {
				continue
			}
			SetOnHand(o, OnHand(o)+Moved(e.Kind, &line))
			s.JournalSeq, changed = e.Seq, true
			if e.Kind == v1alpha1.EntryAdjust {
				s.AppliedDocuments = RecordDocument(s.AppliedDocuments, e)
			}
			var last metav1.Time
			if s.LastMovementAt != nil {
				last = *s.LastMovementAt
			}
			at := metav1.NewTime(MovedAt(last.Time, e))
			s.LastMovementAt = &at
		}
	}
	return changed
}

// ApplyToDocument writes on a document what was decided about it and reports
// whether that changed it. A settled document, or one with another uid, is left alone.
func ApplyToDocument(e *v1alpha1.JournalEntry, d *v1alpha1.StockAdjustment) (changed bool) {
	if !IsDocument(e.Kind) || string(d.UID) != e.UID || Settled(d) {
		return false
	}
	s := &d.Status
	at, line := e.At, e.Lines[0]
	s.ObservedGeneration = d.Generation
	s.JournalSeq, s.ItemUID, s.DecidedAt = e.Seq, line.ItemUID, &at
	if s.OnHandAfter = line.OnHand; line.OnHand != nil {
		s.AvailableAfter = &line.Remaining
	}
	s.Phase = v1alpha1.AdjustmentApplied
	applied := metav1.ConditionTrue
	if e.Kind == v1alpha1.EntryAdjustReject && e.Reason != ReasonAlreadyApplied {
		s.Phase, applied = v1alpha1.AdjustmentRefused, metav1.ConditionFalse
	} else {
		s.Delta = new(Moved(e.Kind, &line))
	}
	message := documentMessage(e, d)
	meta.SetStatusCondition(&s.Conditions, metav1.Condition{
		Type: v1alpha1.AdjustmentConditionApplied, Status: applied, Reason: e.Reason, Message: message,
		ObservedGeneration: d.Generation, LastTransitionTime: at,
	})
	if s.Phase == v1alpha1.AdjustmentRefused {
		meta.SetStatusCondition(&s.Conditions, metav1.Condition{
			Type: conditionStalled, Status: metav1.ConditionTrue, Reason: e.Reason, Message: message,
			ObservedGeneration: d.Generation, LastTransitionTime: at,
		})
	}
	return true
}

// conditionStalled is kstatus' name for "a person has to do something".
const conditionStalled = "Stalled"

// documentMessage says what became of a document and, when it was refused, the way out.
func documentMessage(e *v1alpha1.JournalEntry, d *v1alpha1.StockAdjustment) string {
	line := e.Lines[0]
	onHand := int64(0)
	if line.OnHand != nil {
		onHand = *line.OnHand
	}
	switch e.Reason {
	case ReasonApplied:
		return fmt.Sprintf("%d on hand, %d available afterwards", onHand, line.Remaining)
	case ReasonAlreadyApplied:
		return fmt.Sprintf("a document named %s already counts in StockItem %s and did not count again; give a new document a new name", d.Name, line.ProductID)
	case ReasonBelowReserved:
		return fmt.Sprintf("spec.quantity %d would leave less than is reserved (%d on hand, %d available); release reservations first, or use kind Counted if the stock is really gone", d.Spec.Quantity, onHand, line.Remaining)
	case ReasonBelowZero:
		return fmt.Sprintf("spec.quantity %d would leave less than nothing: %d on hand; correct the quantity in a new document", d.Spec.Quantity, onHand)
	case ReasonStaleCount:
		if d.Spec.CountedAt != nil && d.Spec.CountedAt.After(e.At.Add(time.Second)) {
			return fmt.Sprintf("spec.countedAt is ahead of the stock controller's clock, so that nobody can tell whether StockItem %s moved after the count; set the clock of who counts, and count again", line.ProductID)
		}
		return fmt.Sprintf("spec.countedAt is not later than the last movement of StockItem %s, in whole seconds, so the count may no longer say what is there; count again", line.ProductID)
	case ReasonCountInFuture:
		return "spec.countedAt is in the future; make a new document with the time the shelf was counted"
	case ReasonUnexpectedOnHand:
		return fmt.Sprintf("spec.expectedOnHand does not hold: %d on hand; look again and make a new document", onHand)
	case ReasonWithdrawn:
		return "it was deleted before it was decided and counts nowhere; if the stock did move, make a new document"
	case ReasonQuantityOverflow:
		return fmt.Sprintf("spec.quantity %d would make more than %d units on hand; correct the quantity in a new document", d.Spec.Quantity, MaxOnHand)
	}
	return ""
}

// Settled reports whether a document was decided: it is Applied or Refused, for good.
func Settled(d *v1alpha1.StockAdjustment) bool {
	return d.Status.Phase == v1alpha1.AdjustmentApplied || d.Status.Phase == v1alpha1.AdjustmentRefused
}

// Overlay carries pending decisions out on listed copies of the objects they are about. A
// new leader needs it for those that the API server refuses to have written: one such object
// must not keep the rest of the namespace waiting. The pending decisions are in order of seq.
// The objects may share memory with a cache: what is changed is copied first.
func Overlay(pending []*Pending, items []v1alpha1.StockItem, reservations []v1alpha1.StockReservation, documents []v1alpha1.StockAdjustment) {
	if len(pending) == 0 {
		return
	}
	about, entries := map[string][]*v1alpha1.JournalEntry{}, make([]*v1alpha1.JournalEntry, 0, len(pending))
	for _, p := range pending {
		about[p.Entry.UID] = append(about[p.Entry.UID], p.Entry)
		entries = append(entries, p.Entry)
	}
	for i := range reservations {
		if decided := about[string(reservations[i].UID)]; len(decided) > 0 {
			reservations[i] = *reservations[i].DeepCopy()
			for _, e := range decided {
				ApplyToReservation(e, &reservations[i])
			}
		}
	}
	for i := range documents {
		if decided := about[string(documents[i].UID)]; len(decided) > 0 {
			documents[i] = *documents[i].DeepCopy()
			for _, e := range decided {
				ApplyToDocument(e, &documents[i])
			}
		}
	}
	for i := range items {
		items[i] = *items[i].DeepCopy()
		ApplyToItem(entries, &items[i])
	}
}

// Acknowledge notes on a reservation that a change of its spec was seen which
// leaves nothing to decide, such as a later expiresAt, and reports whether that
// changed it. generation is that of the spec that was seen.
func Acknowledge(r *v1alpha1.StockReservation, generation int64) (changed bool) {
	if r.Generation != generation || r.Status.ObservedGeneration == generation {
		return false
	}
	r.Status.ObservedGeneration = generation
	return true
}

// MarkWaiting notes on a document that its product does not exist yet and
// reports whether that changed it. A document that was settled meanwhile, by a
// leader that replaced this one, is left alone.
func MarkWaiting(d *v1alpha1.StockAdjustment, now metav1.Time) (changed bool) {
	if Settled(d) {
		return false
	}
	d.Status.ObservedGeneration = d.Generation
	return meta.SetStatusCondition(&d.Status.Conditions, metav1.Condition{
		Type: v1alpha1.AdjustmentConditionApplied, Status: metav1.ConditionFalse, Reason: ReasonUnknownProduct,
		Message:            fmt.Sprintf("waits for a StockItem named %s (spec.productID)", d.Spec.ProductID),
		ObservedGeneration: d.Generation, LastTransitionTime: now,
	})
}

// MovedAt is when an item last moved once e is carried out: a count speaks for the moment
// the shelf was counted, which is before it was decided, whatever its clock said; everything
// else for when it was decided.
func MovedAt(last time.Time, e *v1alpha1.JournalEntry) time.Time {
	at := e.At.Time
	if e.CountedAt != nil && e.CountedAt.Before(&e.At) {
		at = e.CountedAt.Time
	}
	if at.After(last) {
		return at
	}
	return last
}

// maxAppliedDocuments is how many names an item remembers; the schema's limit.
const maxAppliedDocuments = 512

// RecordDocument appends the name of an applied document, dropping the oldest
// beyond the limit. A name the server generated can't be applied again, so it
// takes no place.
func RecordDocument(names []string, e *v1alpha1.JournalEntry) []string {
	if e.Generated {
		return names
	}
	if over := len(names) + 1 - maxAppliedDocuments; over > 0 {
		names = names[over:]
	}
	return append(slices.Clone(names), e.Name)
}
