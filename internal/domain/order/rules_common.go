package order

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Rules that hold in every phase, and what stalls an order.

// orderIsDeleted gives the stock of a deleted order back by deleting its
// reservation, whatever became of it, and then lets the order go. What a mirror keeps
// has its last word first.
func orderIsDeleted(e *evaluation) (Decision, bool) {
	switch {
	case e.Order.DeletionTimestamp == nil:
		return Decision{}, false
	case !hasFinalizer(e.Order, v1alpha1.OrderFinalizer): // held by somebody else
		return Decision{}, true
	}
	if d, ends := e.deletedOrderEnds(); ends {
		return d, true
	}
	switch {
	case e.ownReservation == nil:
		return Decision{Act: DropFinalizer, Verify: VerifyReservation}, true
	case e.ownReservation.DeletionTimestamp == nil:
		return Decision{Act: DeleteReservation, Reservation: e.ownReservation}, true
	}
	return Decision{}, true // its deletion wakes us
}

// WithoutFinalizer returns the order as it is written to let it go.
func WithoutFinalizer(o *v1alpha1.Order) *v1alpha1.Order {
	o = o.DeepCopy()
	kept := o.Finalizers[:0]
	for _, f := range o.Finalizers {
		if f != v1alpha1.OrderFinalizer {
			kept = append(kept, f)
		}
	}
	o.Finalizers = kept
	return o
}

// reservationIsOfAnEarlierOrder clears away what an earlier order of the same
// name left behind.
func reservationIsOfAnEarlierOrder(e *evaluation) (Decision, bool) {
	r := e.Reservation
	if r == nil || e.ownReservation != nil || r.Spec.OrderRef == nil || r.Spec.OrderRef.Name != e.Order.Name || r.DeletionTimestamp != nil {
		return Decision{}, false
	}
	return Decision{Act: DeleteReservation, Reservation: r, Verify: VerifyOrderAbsent}, true
}

// Orphan decides about a reservation that is named as an order which is not
// there: one that was made for it is deleted. Anything else is somebody's own.
func Orphan(r *v1alpha1.StockReservation) Decision {
	if r == nil || r.Spec.OrderRef == nil || r.Spec.OrderRef.Name != r.Name || r.DeletionTimestamp != nil {
		return Decision{}
	}
	return Decision{Rule: "OrderIsGone", Act: DeleteReservation, Reservation: r, Verify: VerifyOrderAbsent}
}

func retentionIsOver(e *evaluation) (Decision, bool) {
	at, finite := e.retentionDeadline(&e.Order.Status)
	if !finite || !e.isOver(at) || e.leavesByMirror() {
		return Decision{}, false
	}
	return Decision{Act: DeleteOrder}, true
}

// specIsUnanswered answers a change of spec that moved nothing: the generation
// is observed, and an intent that came too late is refused. Where a write is on
// its way that will observe the generation anyway, only a refusal is worth one.
func specIsUnanswered(e *evaluation) (Decision, bool) {
	observed := e.Order.Status.ObservedGeneration == e.Order.Generation || e.isUnderWay()
	if observed && !refusalsDiffer(e.Order) {
		return Decision{}, false
	}
	return e.change().decide(), true
}

// isUnderWay is whether a status write is on its way that will answer for spec.
func (e *evaluation) isUnderWay() bool {
	switch e.phase() {
	case v1alpha1.OrderPending:
		return true
	case v1alpha1.OrderConfirmed:
		return e.Order.Spec.Fulfillment != nil && !e.stalled()
	default:
		return false
	}
}

// stallHasChanged writes that an order can't go on without a person, or that it
// can again.
func stallHasChanged(e *evaluation) (Decision, bool) {
	reason, message := e.stall()
	was := meta.FindStatusCondition(e.Order.Status.Conditions, v1alpha1.OrderConditionStalled)
	switch {
	case reason == "" && was == nil:
		return Decision{}, false
	case reason == "":
		c := e.change()
		meta.RemoveStatusCondition(&c.status.Conditions, v1alpha1.OrderConditionStalled)
		return c.decide(), true
	case was != nil && was.Reason == reason && was.Message == message && e.Order.Status.ObservedGeneration == e.Order.Generation:
		return Decision{}, false
	}
	c := e.change()
	c.condition(v1alpha1.OrderConditionStalled, metav1.ConditionTrue, reason, message)
	d := c.decide()
	if undecided := e.reservationPhase() == v1alpha1.ReservationPending; e.phase() == v1alpha1.OrderConfirmed && (e.Reservation == nil || undecided) {
		d.Verify = VerifyReservation
	}
	return d, true
}

// stall says why an order that waits for stock, or should have it, can't go on;
// "" when it can.
func (e *evaluation) stall() (reason, message string) {
	if e.phase() == v1alpha1.OrderPending {
		return e.stallOfPending()
	}
	return e.stallOfConfirmed()
}

func (e *evaluation) stallOfPending() (reason, message string) {
	if _, err := Total(e.Order.Spec.Items, e.currency); err != nil {
		return "InvalidPrice", err.Error() + "; the lines of an order never change: delete it and create another"
	}
	switch {
	case e.Reservation != nil && e.ownReservation == nil && e.Reservation.DeletionTimestamp == nil:
		return "NameTaken", fmt.Sprintf("StockReservation %s stands in the way and is not this order's; delete it, or create the order under another name", e.Reservation.Name)
	case e.reservationPhase() == v1alpha1.ReservationReleased, e.reservationPhase() == v1alpha1.ReservationRestocked:
		return "ReservationReleased", fmt.Sprintf("StockReservation %s was released by hand; delete it and the order reserves again, or cancel the order", e.ownReservation.Name)
	}
	return "", ""
}

// stallOfConfirmed finds a Confirmed order that no longer holds what it was
// confirmed with.
func (e *evaluation) stallOfConfirmed() (reason, message string) {
	name := e.Order.Name
	switch e.reservationPhase() {
	case v1alpha1.ReservationReserved:
		return "", ""
	case v1alpha1.ReservationCommitted:
		return "CommittedByHand", fmt.Sprintf("StockReservation %s was committed by hand: its stock left the shelf; set spec.fulfillment if it was shipped, or cancel the order to put it back", name)
	case v1alpha1.ReservationPending:
		return "ReservationLost", fmt.Sprintf("StockReservation %s was lost and is being reserved again; until then nothing is held", name)
	case v1alpha1.ReservationRejected:
		return "ReservationLost", fmt.Sprintf("StockReservation %s was lost and its stock is gone: %s; bring stock in and delete it to try again, or cancel the order", name, journal.DescribeShortages(e.ownReservation.Status.Shortages))
	case "":
		if e.Order.Spec.Fulfillment != nil {
			return "ReservationLost", fmt.Sprintf("StockReservation %s is gone, and whether its stock was taken off the shelf before that is not known; count its products, then create it again with this order's name and uid in spec.orderRef", name)
		}
		return "ReservationLost", fmt.Sprintf("StockReservation %s is gone; it is made again, and until it is reserved nothing is held", name)
	default:
		return "ReservationLost", fmt.Sprintf("StockReservation %s was released by hand: nothing is held; delete it and the order reserves again, or cancel the order", name)
	}
}
