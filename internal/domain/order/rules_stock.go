package order

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Rules about getting stock, and about the end of an order before shipment.

func cancelIsAsked(s *scene) (Decision, bool) {
	asked := s.Order.Spec.Cancellation
	if asked == nil || s.shipmentWon() {
		return Decision{}, false
	}
	c := s.change()
	c.cancel(asked.Reason)
	c.happened(v1alpha1.OrderHistoryEntry{
		Type: v1alpha1.HistoryCancelled, Reason: string(asked.Reason), By: byWhom(asked.Requester),
		Message: "cancelled on request",
	})
	return c.decide(), true
}

// shipmentWon is whether a shipment that was asked for beside a cancellation has
// its intent on the reservation already: that write came first.
func (s *scene) shipmentWon() bool {
	return s.Order.Spec.Fulfillment != nil && (s.intent() == v1alpha1.IntentCommit || s.intent() == v1alpha1.IntentRestock)
}

func stockIsReserved(s *scene) (Decision, bool) {
	if s.reservation() != v1alpha1.ReservationReserved && s.reservation() != v1alpha1.ReservationCommitted {
		return Decision{}, false
	}
	c := s.change()
	c.to(v1alpha1.OrderConfirmed)
	c.status.ConfirmedAt = c.now()
	c.condition(v1alpha1.OrderConditionConfirmed, metav1.ConditionTrue, "Reserved", "every line is reserved")
	c.happened(v1alpha1.OrderHistoryEntry{Type: v1alpha1.HistoryConfirmed, Message: "every line is reserved"})
	return c.decide(), true
}

func stockIsShort(s *scene) (Decision, bool) {
	if s.reservation() != v1alpha1.ReservationRejected {
		return Decision{}, false
	}
	shortages := s.mine.Status.Shortages
	why := journal.DescribeShortages(shortages)
	c := s.change()
	c.cancel(v1alpha1.CancelInsufficientStock)
	c.status.Shortages = append([]v1alpha1.StockShortage(nil), shortages...)
	c.condition(v1alpha1.OrderConditionConfirmed, metav1.ConditionFalse, "InsufficientStock", why)
	reason := string(v1alpha1.CancelInsufficientStock)
	c.happened(v1alpha1.OrderHistoryEntry{Type: v1alpha1.HistoryCancelRequested, Reason: reason, Message: why})
	c.happened(v1alpha1.OrderHistoryEntry{Type: v1alpha1.HistoryCancelled, Reason: reason, Message: why})
	return c.decide(), true
}

func pendingTooLong(s *scene) (Decision, bool) {
	if s.Now.Before(s.pendingDeadline()) {
		return Decision{}, false
	}
	why := fmt.Sprintf("no stock was reserved within %s", s.policy.PendingTimeout)
	c := s.change()
	c.cancel(v1alpha1.CancelSLATimeout)
	c.condition(v1alpha1.OrderConditionConfirmed, metav1.ConditionFalse, "SLATimeout", why)
	c.happened(v1alpha1.OrderHistoryEntry{
		Type: v1alpha1.HistoryCancelled, Reason: string(v1alpha1.CancelSLATimeout), Message: why,
	})
	return c.decide(), true
}

func reservationIsMissing(s *scene) (Decision, bool) {
	if s.Reservation != nil {
		return Decision{}, false
	}
	if _, err := Total(s.Order.Spec.Items, s.currency); err != nil {
		return Decision{}, false // stallHasChanged tells
	}
	return Decision{
		Act:          CreateReservation,
		Reservation:  newReservation(s.Order),
		RequeueAfter: s.nextLook(&s.Order.Status),
	}, true
}

// lostReservationIsMissing makes the reservation of a Confirmed order again, as
// a deleted Pod is made again. Not once shipment was asked for: nobody can say
// then whether the one that is gone had taken its stock off the shelf, and
// another would take it twice.
func lostReservationIsMissing(s *scene) (Decision, bool) {
	if s.Reservation != nil || s.Order.Spec.Fulfillment != nil || !s.stalled() {
		return Decision{}, false
	}
	return Decision{Act: CreateReservation, Reservation: newReservation(s.Order)}, true
}

func cancelledHoldsStock(s *scene) (Decision, bool) {
	if s.mine == nil || s.mine.DeletionTimestamp != nil {
		return Decision{}, false
	}
	switch s.intent() {
	case v1alpha1.IntentHold:
		if s.reservation() == v1alpha1.ReservationPending || s.reservation() == v1alpha1.ReservationReserved {
			return s.setIntent(v1alpha1.IntentRelease, nil), true
		}
	case v1alpha1.IntentCommit: // by hand: the order never shipped
		return s.setIntent(v1alpha1.IntentRestock, nil), true
	}
	return Decision{}, false
}

func (s *scene) setIntent(intent v1alpha1.ReservationIntent, restock *[]v1alpha1.StockLine) Decision {
	return Decision{
		Act:          UpdateReservation,
		Reservation:  withIntent(s.mine, intent, restock),
		RequeueAfter: s.nextLook(&s.Order.Status),
	}
}

// Rules about shipment.

func shipmentIsAsked(s *scene) (Decision, bool) {
	if s.Order.Spec.Fulfillment == nil || s.reservation() != v1alpha1.ReservationReserved || s.intent() != v1alpha1.IntentHold {
		return Decision{}, false
	}
	return s.setIntent(v1alpha1.IntentCommit, nil), true
}

func stockIsTaken(s *scene) (Decision, bool) {
	asked := s.Order.Spec.Fulfillment
	taken := s.reservation() == v1alpha1.ReservationCommitted || s.reservation() == v1alpha1.ReservationRestocked
	if asked == nil || !taken {
		return Decision{}, false
	}
	message := shipmentText(asked)
	c := s.change()
	c.to(v1alpha1.OrderFulfilled)
	c.status.FulfilledAt = c.now()
	c.condition(v1alpha1.OrderConditionFulfilled, metav1.ConditionTrue, "Shipped", message)
	c.happened(v1alpha1.OrderHistoryEntry{Type: v1alpha1.HistoryFulfilled, Message: message, By: byWhom(asked.Requester)})
	return c.decide(), true
}

func shipmentText(f *v1alpha1.Fulfillment) string {
	text := "shipped"
	if f.Carrier != "" {
		text += " with " + f.Carrier
	}
	if f.TrackingNumber != "" {
		text += ", tracking number " + f.TrackingNumber
	}
	return text
}
