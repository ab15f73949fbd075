package order

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Judge decides what is to be done about an order. It takes the first rule that
// has something to say: those that hold in every phase, then the phase's own.
func Judge(f Facts) Decision {
	s := newScene(f)
	for _, set := range [...][]rule{rulesBefore(), rulesOf(s.phase()), rulesAfter()} {
		for _, r := range set {
			if d, decided := r.judge(s); decided {
				d.Rule = r.name
				return d
			}
		}
	}
	return Decision{RequeueAfter: s.nextLook(&s.Order.Status)}
}

// rule is one sentence of the specification, named by what it finds. It returns
// false when it finds nothing.
type rule struct {
	name  string
	judge func(*scene) (Decision, bool)
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
		}
	}
	return nil
}

func rulesAfter() []rule {
	return []rule{
		{"RetentionIsOver", retentionIsOver},
		{"SpecIsUnanswered", specIsUnanswered},
	}
}

// scene is the facts with what every rule asks of them.
type scene struct {
	Facts
	policy   Policy
	currency v1alpha1.Currency
	// mine is the reservation when it belongs to this order, else nil.
	mine *v1alpha1.StockReservation
}

func newScene(f Facts) *scene {
	s := &scene{Facts: f, policy: PolicyOf(f.Order, f.Class), currency: CurrencyOf(f.Order, f.Class)}
	if f.Reservation != nil && BelongsTo(f.Reservation, f.Order) {
		s.mine = f.Reservation
	}
	return s
}

func (s *scene) phase() v1alpha1.OrderPhase {
	if s.Order.Status.Phase == "" {
		return v1alpha1.OrderPending
	}
	return s.Order.Status.Phase
}

// reservation is the phase of the order's reservation, "" when there is none.
func (s *scene) reservation() v1alpha1.StockReservationPhase {
	switch {
	case s.mine == nil:
		return ""
	case s.mine.Status.Phase == "":
		return v1alpha1.ReservationPending
	}
	return s.mine.Status.Phase
}

// intent is the reservation's intent, "" when there is no reservation.
func (s *scene) intent() v1alpha1.ReservationIntent {
	switch {
	case s.mine == nil:
		return ""
	case s.mine.Spec.Intent == "":
		return v1alpha1.IntentHold
	}
	return s.mine.Spec.Intent
}

func (s *scene) stalled() bool {
	return meta.IsStatusConditionTrue(s.Order.Status.Conditions, v1alpha1.OrderConditionStalled)
}

// nextLook is how long until a deadline of an order with this status; 0 when
// there is none.
func (s *scene) nextLook(status *v1alpha1.OrderStatus) time.Duration {
	var deadline time.Time
	if status.Phase == v1alpha1.OrderPending || status.Phase == "" {
		deadline = s.pendingDeadline()
	} else if at, ok := s.retentionDeadline(status); ok {
		deadline = at
	}
	if deadline.IsZero() {
		return 0
	}
	// A deadline that is due but not acted on waits for something else to move;
	// looking again at once would only spin.
	return max(deadline.Sub(s.Now), 0)
}

// pendingDeadline is when an order that is still Pending is cancelled.
func (s *scene) pendingDeadline() time.Time {
	return s.Order.CreationTimestamp.Add(s.policy.PendingTimeout)
}

// returnDeadline is the last moment at which a return may be asked for.
func (s *scene) returnDeadline(status *v1alpha1.OrderStatus) time.Time {
	if status.FulfilledAt == nil {
		return time.Time{}
	}
	return status.FulfilledAt.Add(s.policy.ReturnWindow)
}

// retentionDeadline is when a finished order is deleted; false when it is not
// finished or is kept. A Fulfilled order is finished when nothing can be
// returned any more.
func (s *scene) retentionDeadline(status *v1alpha1.OrderStatus) (time.Time, bool) {
	if s.policy.Retention == nil {
		return time.Time{}, false
	}
	var finished time.Time
	switch {
	case status.Phase == v1alpha1.OrderCancelled && status.CancelledAt != nil:
		finished = status.CancelledAt.Time
	case status.Phase == v1alpha1.OrderReturned && status.ReturnedAt != nil:
		finished = status.ReturnedAt.Time
	case status.Phase == v1alpha1.OrderFulfilled && status.FulfilledAt != nil:
		finished = s.returnDeadline(status)
		if r := status.Return; r != nil && r.DecidedAt != nil && r.DecidedAt.After(finished) {
			finished = r.DecidedAt.Time
		}
	default:
		return time.Time{}, false
	}
	return finished.Add(*s.policy.Retention), true
}
