package order

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Judge decides what is to be done about an order. It takes the first rule that
// has something to say: those that hold in every phase, then the phase's own.
func Judge(f Facts) Decision {
	e := newEvaluation(f)
	return e.wantedAgain(e.judge())
}

func (e *evaluation) judge() Decision {
	for _, set := range [...][]rule{rulesBefore(), rulesOf(e.phase()), rulesAfter()} {
		for _, r := range set {
			if d, decided := r.judge(e); decided {
				d.Rule = r.name
				return d
			}
		}
	}
	return Decision{RequeueAfter: e.requeueAfter(&e.Order.Status)}
}

// rule is one sentence of the specification, named by what it finds. It returns
// false when it finds nothing.
type rule struct {
	name  string
	judge func(*evaluation) (Decision, bool)
}

func rulesBefore() []rule {
	return []rule{
		{"OrderIsDeleted", orderIsDeleted},
		{"ReservationIsOfAnEarlierOrder", reservationIsOfAnEarlierOrder},
	}
}

func rulesOf(phase v1alpha1.OrderPhase) []rule {
	switch phase {
	case v1alpha1.OrderPending:
		return []rule{
			{"CancelIsAsked", cancelIsAsked},
			{"StockIsReserved", stockIsReserved},
			{"StockIsShort", stockIsShort},
			{"PendingTooLong", pendingTooLong},
			{"StallHasChanged", stallHasChanged},
			{"ReservationIsMissing", reservationIsMissing},
		}
	case v1alpha1.OrderConfirmed:
		return []rule{
			{"StockIsTaken", stockIsTaken},
			{"CancelIsAsked", cancelIsAsked},
			{"ShipmentIsAsked", shipmentIsAsked},
			{"ShipmentWaits", shipmentWaits},
			{"StallHasChanged", stallHasChanged},
			{"LostReservationIsMissing", lostReservationIsMissing},
		}
	case v1alpha1.OrderFulfilled:
		return []rule{
			{"ReturnIsAsked", returnIsAsked},
		}
	case v1alpha1.OrderReturnRequested:
		return []rule{
			{"ReturnIsComplete", returnIsComplete},
			{"ApprovedStockComesBack", approvedStockComesBack},
			{"ReturnIsApproved", returnIsApproved},
			{"ReturnIsRejected", returnIsRejected},
			{"ReturnIsAutoApproved", returnIsAutoApproved},
			{"AutoApprovalFailed", autoApprovalFailed},
		}
	case v1alpha1.OrderCancelled:
		return []rule{
			{"CancelledHoldsStock", cancelledHoldsStock},
			{"CancelledStockIsNotBack", cancelledStockIsNotBack},
		}
	default:
		return nil
	}
}

func rulesAfter() []rule {
	return []rule{
		{"RetentionIsOver", retentionIsOver},
		{"SpecIsUnanswered", specIsUnanswered},
	}
}

// evaluation is the facts about one order, with what every rule asks of them.
type evaluation struct {
	Facts
	policy   Policy
	currency v1alpha1.Currency
	// ownReservation is the reservation when it belongs to this order, else nil.
	ownReservation *v1alpha1.StockReservation
}

func newEvaluation(f Facts) *evaluation {
	e := &evaluation{Facts: f, policy: PolicyOf(f.Order, f.Class), currency: CurrencyOf(f.Order, f.Class)}
	if f.Reservation != nil && BelongsTo(f.Reservation, f.Order) {
		e.ownReservation = f.Reservation
	}
	return e
}

func (e *evaluation) phase() v1alpha1.OrderPhase {
	if e.Order.Status.Phase == "" {
		return v1alpha1.OrderPending
	}
	return e.Order.Status.Phase
}

// reservationPhase is the phase of the order's reservation, "" when there is none.
func (e *evaluation) reservationPhase() v1alpha1.StockReservationPhase {
	switch {
	case e.ownReservation == nil:
		return ""
	case e.ownReservation.Status.Phase == "":
		return v1alpha1.ReservationPending
	}
	return e.ownReservation.Status.Phase
}

// intent is the reservation's intent, "" when there is no reservation.
func (e *evaluation) intent() v1alpha1.ReservationIntent {
	switch {
	case e.ownReservation == nil:
		return ""
	case e.ownReservation.Spec.Intent == "":
		return v1alpha1.IntentHold
	}
	return e.ownReservation.Spec.Intent
}

func (e *evaluation) stalled() bool {
	return meta.IsStatusConditionTrue(e.Order.Status.Conditions, v1alpha1.OrderConditionStalled)
}

// requeueAfter is how long until a deadline of an order with this status; 0 when
// there is none.
func (e *evaluation) requeueAfter(status *v1alpha1.OrderStatus) time.Duration {
	var deadline time.Time
	if status.Phase == v1alpha1.OrderPending || status.Phase == "" {
		deadline = e.pendingDeadline()
	} else if at, ok := e.retentionDeadline(status); ok && !e.leavesByMirror() {
		deadline = at
	}
	if deadline.IsZero() {
		return 0
	}
	// A deadline that is over but not acted on waits for something else to move;
	// to judge again at once would only spin.
	return max(deadline.Add(resolution).Sub(e.Now), 0)
}

// resolution is how exactly the API keeps times: what is stored as 12:00:00 happened
// before 12:00:01.
const resolution = time.Second

// isOver is whether a deadline, counted from a time that the API keeps, is over for
// sure. In its last second it is not: nobody can tell on which side of it we are, and
// what a deadline takes away does not come back.
func (e *evaluation) isOver(deadline time.Time) bool { return isOverAt(deadline, e.Now) }

func isOverAt(deadline, at time.Time) bool { return !at.Before(deadline.Add(resolution)) }

// pendingDeadline is how long an order may be Pending.
func (e *evaluation) pendingDeadline() time.Time {
	return e.Order.CreationTimestamp.Add(e.policy.PendingTimeout)
}

// returnDeadline is until when a return may be asked for.
func (e *evaluation) returnDeadline(status *v1alpha1.OrderStatus) time.Time {
	if status.FulfilledAt == nil {
		return time.Time{}
	}
	return status.FulfilledAt.Add(e.policy.ReturnWindow)
}

// retentionDeadline is until when a finished order stays; false when it is not
// finished or is kept. A Fulfilled order is finished when nothing can be
// returned any more, and what was asked for in time is decided and back.
func (e *evaluation) retentionDeadline(status *v1alpha1.OrderStatus) (time.Time, bool) {
	if e.policy.Retention == nil {
		return time.Time{}, false
	}
	var finished time.Time
	switch {
	case status.Phase == v1alpha1.OrderCancelled && status.CancelledAt != nil:
		finished = status.CancelledAt.Time
	case status.Phase == v1alpha1.OrderReturned && status.ReturnedAt != nil:
		finished = status.ReturnedAt.Time
	case status.Phase == v1alpha1.OrderFulfilled && status.FulfilledAt != nil:
		finished = e.returnDeadline(status)
		if at := status.ReturnedAt; at != nil && at.After(finished) {
			finished = at.Time
		}
		if r := status.Return; r != nil && r.DecidedAt != nil && r.DecidedAt.After(finished) {
			finished = r.DecidedAt.Time
		}
	default:
		return time.Time{}, false
	}
	return finished.Add(*e.policy.Retention), true
}
