package order

import (
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// change is a status in the making.
type change struct {
	eval   *evaluation
	status *v1alpha1.OrderStatus
}

func (e *evaluation) change() *change {
	return &change{eval: e, status: e.Order.Status.DeepCopy()}
}

// now is the time of the decision as the API stores it, in whole seconds.
func (c *change) now() *metav1.Time {
	return &metav1.Time{Time: c.eval.Now.Truncate(time.Second)}
}

// to moves to another phase. What stalled the order in the last one is over.
func (c *change) to(phase v1alpha1.OrderPhase) {
	c.status.Phase = phase
	meta.RemoveStatusCondition(&c.status.Conditions, v1alpha1.OrderConditionStalled)
}

func (c *change) cancel(reason v1alpha1.CancelReason) {
	c.to(v1alpha1.OrderCancelled)
	c.status.CancelledAt = c.now()
	c.status.CancelledReason = reason
	if c.status.ConfirmedAt == nil {
		c.condition(v1alpha1.OrderConditionConfirmed, metav1.ConditionFalse, "Cancelled", "the order was cancelled before it was confirmed")
	}
}

// happened appends to the history. The first thing that is told of an order is
// that it was created.
func (c *change) happened(entry v1alpha1.OrderHistoryEntry) {
	if len(c.status.History) == 0 {
		c.status.History = append(c.status.History, created(c.eval.Order))
	}
	entry.Seq = c.status.History[len(c.status.History)-1].Seq + 1
	entry.At = *c.now()
	entry.Message = truncate(entry.Message)
	c.status.History = append(c.status.History, entry)
}

func (c *change) condition(kind string, value metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&c.status.Conditions, metav1.Condition{
		Type: kind, Status: value, Reason: reason, Message: message,
		ObservedGeneration: c.eval.Order.Generation, LastTransitionTime: *c.now(),
	})
}

// decide finishes the status with what every write brings up to date.
func (c *change) decide() Decision {
	order := c.eval.Order
	if c.status.Phase == "" {
		c.status.Phase = v1alpha1.OrderPending
	}
	c.status.ObservedGeneration = order.Generation
	if total, err := Total(order.Spec.Items, c.eval.currency); err == nil && c.status.TotalAmount == "" {
		c.status.TotalAmount = total.String()
		c.status.Currency = c.eval.currency
	}
	c.reservation()
	c.reconciling()
	c.refusals()
	return Decision{Act: WriteStatus, Status: c.status, RequeueAfter: c.eval.requeueAfter(c.status)}
}

// reservation shows the reservation as it was seen. That of an order which was
// cancelled is about to be released: to show it as held would be a lie that no
// later write corrects.
func (c *change) reservation() {
	c.status.Reservation = nil
	if c.eval.ownReservation == nil {
		return
	}
	c.status.Reservation = &v1alpha1.OrderReservation{Name: c.eval.ownReservation.Name, Phase: c.eval.reservationPhase()}
	if c.status.Phase == v1alpha1.OrderCancelled && c.eval.reservationPhase() != v1alpha1.ReservationRejected {
		c.status.Reservation.Phase = ""
	}
}

// reconciling tells tools that know only the common conditions that the order is
// on its way, where the phase was written and does not say so to them. Not beside
// Stalled: of the two, such tools believe the first.
func (c *change) reconciling() {
	waiting := ""
	switch {
	case c.status.Phase == v1alpha1.OrderPending:
		waiting = "waits for its stock to be reserved"
	case c.status.Phase == v1alpha1.OrderConfirmed && c.eval.shipmentHasToWait():
		waiting = waitsForArchive
	case c.status.Phase == v1alpha1.OrderReturnRequested && c.status.Return != nil && c.status.Return.State == v1alpha1.ReturnApproved:
		waiting = "waits for the stock side to decide about what came back"
	}
	if waiting == "" || meta.IsStatusConditionTrue(c.status.Conditions, v1alpha1.OrderConditionStalled) {
		meta.RemoveStatusCondition(&c.status.Conditions, v1alpha1.OrderConditionReconciling)
		return
	}
	c.condition(v1alpha1.OrderConditionReconciling, metav1.ConditionTrue, "Progressing", waiting)
}

// byWhom names who asked for something.
func byWhom(r v1alpha1.Requester) string {
	switch {
	case r.OnBehalfOf == "":
		return r.RequestedBy
	case r.RequestedBy == "":
		return "for " + r.OnBehalfOf
	}
	return r.RequestedBy + " for " + r.OnBehalfOf
}

// maxMessage is how many characters a message in status may have (the schema's limit).
const maxMessage = 1024

func truncate(message string) string {
	if utf8.RuneCountInString(message) <= maxMessage {
		return message
	}
	return string([]rune(message)[:maxMessage-1]) + "…"
}
