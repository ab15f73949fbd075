package order

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Rules about getting stock, and about the end of an order before shipment.

func cancelIsAsked(e *evaluation) (Decision, bool) {
	asked := e.Order.Spec.Cancellation
	if asked == nil || e.shipmentWon() {
		return Decision{}, false
	}
	c := e.change()
	c.cancel(asked.Reason)
	c.happened(v1alpha1.OrderHistoryEntry{
		Type: v1alpha1.HistoryCancelled, Reason: string(asked.Reason), By: byWhom(asked.Requester),
		Message: "cancelled on request",
	})
	return c.decide(), true
}

// shipmentWon is whether a shipment that was asked for beside a cancellation has
// its intent on the reservation already: that write came first.
func (e *evaluation) shipmentWon() bool {
	return e.Order.Spec.Fulfillment != nil && (e.intent() == v1alpha1.IntentCommit || e.intent() == v1alpha1.IntentRestock)
}

func stockIsReserved(e *evaluation) (Decision, bool) {
	if e.reservationPhase() != v1alpha1.ReservationReserved && e.reservationPhase() != v1alpha1.ReservationCommitted {
		return Decision{}, false
	}
	c := e.change()
	c.to(v1alpha1.OrderConfirmed)
	c.status.ConfirmedAt = c.now()
	c.condition(v1alpha1.OrderConditionConfirmed, metav1.ConditionTrue, "Reserved", "every line was reserved")
	c.happened(v1alpha1.OrderHistoryEntry{Type: v1alpha1.HistoryConfirmed, Message: "every line was reserved"})
	return c.decide(), true
}

func stockIsShort(e *evaluation) (Decision, bool) {
	if e.reservationPhase() != v1alpha1.ReservationRejected {
		return Decision{}, false
	}
	shortages := e.ownReservation.Status.Shortages
	why := journal.DescribeShortages(shortages)
	c := e.change()
	c.cancel(v1alpha1.CancelInsufficientStock)
	c.status.Shortages = append([]v1alpha1.StockShortage(nil), shortages...)
	c.condition(v1alpha1.OrderConditionConfirmed, metav1.ConditionFalse, "InsufficientStock", why)
	reason := string(v1alpha1.CancelInsufficientStock)
	c.happened(v1alpha1.OrderHistoryEntry{Type: v1alpha1.HistoryCancelRequested, Reason: reason, Message: why})
	c.happened(v1alpha1.OrderHistoryEntry{Type: v1alpha1.HistoryCancelled, Reason: reason, Message: why})
	return c.decide(), true
}

func pendingTooLong(e *evaluation) (Decision, bool) {
	if !e.isOver(e.pendingDeadline()) {
		return Decision{}, false
	}
	why := fmt.Sprintf("no stock was reserved within %s", e.policy.PendingTimeout)
	c := e.change()
	c.cancel(v1alpha1.CancelSLATimeout)
	c.condition(v1alpha1.OrderConditionConfirmed, metav1.ConditionFalse, "SLATimeout", why)
	c.happened(v1alpha1.OrderHistoryEntry{
		Type: v1alpha1.HistoryCancelled, Reason: string(v1alpha1.CancelSLATimeout), Message: why,
	})
	d := c.decide()
	d.Verify = VerifyReservation
	return d, true
}

func reservationIsMissing(e *evaluation) (Decision, bool) {
	if e.Reservation != nil {
		return Decision{}, false
	}
	if _, err := Total(e.Order.Spec.Items, e.currency); err != nil {
		return Decision{}, false // stallHasChanged tells
	}
	return Decision{
		Act:          CreateReservation,
		Reservation:  newReservation(e.Order),
		RequeueAfter: e.requeueAfter(&e.Order.Status),
	}, true
}

// lostReservationIsMissing makes the reservation of a Confirmed order again, as
// a deleted Pod is made again. Not once shipment was asked for: nobody can say
// then whether the one that is gone had taken its stock off the shelf, and
// another would take it twice.
func lostReservationIsMissing(e *evaluation) (Decision, bool) {
	if e.Reservation != nil || e.Order.Spec.Fulfillment != nil || !e.stalled() {
		return Decision{}, false
	}
	return Decision{Act: CreateReservation, Reservation: newReservation(e.Order)}, true
}

func cancelledHoldsStock(e *evaluation) (Decision, bool) {
	if e.ownReservation == nil || e.ownReservation.DeletionTimestamp != nil {
		return Decision{}, false
	}
	switch e.intent() {
	case v1alpha1.IntentHold:
		if e.reservationPhase() == v1alpha1.ReservationPending || e.reservationPhase() == v1alpha1.ReservationReserved {
			return e.setIntent(v1alpha1.IntentRelease, nil), true
		}
	case v1alpha1.IntentCommit: // by hand: the order never shipped
		return e.setIntent(v1alpha1.IntentRestock, nil), true
	default: // it is released already, or comes back
	}
	return Decision{}, false
}

func (e *evaluation) setIntent(intent v1alpha1.ReservationIntent, restock *[]v1alpha1.StockLine) Decision {
	return Decision{
		Act:          UpdateReservation,
		Reservation:  withIntent(e.ownReservation, intent, restock),
		RequeueAfter: e.requeueAfter(&e.Order.Status),
	}
}

// Rules about shipment.

func shipmentIsAsked(e *evaluation) (Decision, bool) {
	if e.Order.Spec.Fulfillment == nil || e.shipmentHasToWait() || e.reservationPhase() != v1alpha1.ReservationReserved || e.intent() != v1alpha1.IntentHold {
		return Decision{}, false
	}
	return e.setIntent(v1alpha1.IntentCommit, nil), true
}

func stockIsTaken(e *evaluation) (Decision, bool) {
	asked := e.Order.Spec.Fulfillment
	taken := e.reservationPhase() == v1alpha1.ReservationCommitted || e.reservationPhase() == v1alpha1.ReservationRestocked
	if asked == nil || !taken {
		return Decision{}, false
	}
	message := shipmentText(asked)
	if e.reservationPhase() == v1alpha1.ReservationRestocked {
		message += "; its stock was put back on the shelf by hand before"
	}
	c := e.change()
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
