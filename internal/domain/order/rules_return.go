package order

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Rules about returns.

func returnIsAsked(e *evaluation) (Decision, bool) {
	asked, last := e.Order.Spec.Return, e.Order.Status.Return
	if asked == nil || last != nil && last.RequestID == asked.RequestID {
		return Decision{}, false
	}
	items := returnedItems(e.Order, asked)
	worth, err := Refund(e.Order.Spec.Items, e.currency, items)
	why := e.returnIsRefused(asked)
	if why == "" && err != nil {
		why = err.Error()
	}
	c := e.change()
	c.status.Return = &v1alpha1.OrderReturnStatus{RequestID: asked.RequestID, Reason: asked.Reason}
	if why != "" {
		c.status.Return.State = v1alpha1.ReturnRefused
		c.status.Return.DecidedAt = c.now()
		c.status.Return.Message = truncate(why)
		return c.decide(), true
	}
	c.to(v1alpha1.OrderReturnRequested)
	c.status.Return.State = v1alpha1.ReturnRequested
	c.status.Return.Items = items
	c.status.Return.RefundAmount = worth.String()
	c.status.Return.RequestedAt = c.now()
	c.status.ReturnRequestedAt = c.now()
	c.happened(v1alpha1.OrderHistoryEntry{
		Type: v1alpha1.HistoryReturnRequested, Message: asked.Reason, By: byWhom(asked.Requester), RequestID: asked.RequestID,
	})
	return c.decide(), true
}

// returnIsRefused says why a return can't be accepted; "" when it can.
func (e *evaluation) returnIsRefused(asked *v1alpha1.Return) string {
	status := &e.Order.Status
	if deadline := e.returnDeadline(status); e.isOver(deadline) {
		return fmt.Sprintf("the return window of %s ended at %s", e.policy.ReturnWindow, deadline.UTC().Format("2006-01-02T15:04:05Z"))
	}
	for _, entry := range status.History {
		if entry.RequestID == asked.RequestID {
			return fmt.Sprintf("requestID %s was used by an earlier return of this order; ask again with a new one", asked.RequestID)
		}
	}
	// Room for the request and for its answer.
	if len(status.History)+2 > MaxHistory {
		return "this order was returned and refused too often: its history is full; handle the case outside the system"
	}
	return ""
}

// returnedItems is what a return is about, each product once; the whole order
// when the request names nothing.
func returnedItems(o *v1alpha1.Order, asked *v1alpha1.Return) []v1alpha1.ReturnItem {
	wanted := o.Spec.Items
	if len(asked.Items) > 0 {
		wanted = make([]v1alpha1.OrderItem, len(asked.Items))
		for i, item := range asked.Items {
			wanted[i] = v1alpha1.OrderItem{ProductID: item.ProductID, Quantity: item.Quantity}
		}
	}
	lines := StockLines(wanted)
	items := make([]v1alpha1.ReturnItem, len(lines))
	for i, line := range lines {
		items[i] = v1alpha1.ReturnItem{ProductID: line.ProductID, Quantity: line.Quantity}
	}
	return items
}

// decision is the decision about the return that is open, nil when there is none.
func (e *evaluation) decision() *v1alpha1.ReturnDecision {
	asked, open := e.Order.Spec.Return, e.Order.Status.Return
	if asked == nil || open == nil || asked.RequestID != open.RequestID || open.State != v1alpha1.ReturnRequested {
		return nil
	}
	return asked.Decision
}

func (e *evaluation) returnState() v1alpha1.ReturnState {
	if e.Order.Status.Return == nil {
		return ""
	}
	return e.Order.Status.Return.State
}

// returnIsApproved records the approval before anything is put back: this write
// is what a rejection that comes at the same moment loses against.
func returnIsApproved(e *evaluation) (Decision, bool) {
	decision := e.decision()
	if decision == nil || decision.Verdict != v1alpha1.VerdictApprove {
		return Decision{}, false
	}
	return e.approve(decision.Reason), true
}

func returnIsAutoApproved(e *evaluation) (Decision, bool) {
	if e.AutoApproval == nil || !e.AutoApproval.Approved || e.returnState() != v1alpha1.ReturnRequested {
		return Decision{}, false
	}
	return e.approve("approved by the class's autoApproveReturns"), true
}

func (e *evaluation) approve(message string) Decision {
	c := e.change()
	c.status.Return.State = v1alpha1.ReturnApproved
	c.status.Return.DecidedAt = c.now()
	c.status.Return.Message = message
	return c.decide()
}

func autoApprovalFailed(e *evaluation) (Decision, bool) {
	if e.AutoApproval == nil || e.AutoApproval.Problem == "" || e.returnState() != v1alpha1.ReturnRequested {
		return Decision{}, false
	}
	message := truncate("autoApproveReturns gave no answer, so a person decides: " + e.AutoApproval.Problem)
	if e.Order.Status.Return.Message == message {
		return Decision{}, false
	}
	c := e.change()
	c.status.Return.Message = message
	return c.decide(), true
}

func returnIsRejected(e *evaluation) (Decision, bool) {
	decision := e.decision()
	if decision == nil || decision.Verdict != v1alpha1.VerdictReject {
		return Decision{}, false
	}
	c := e.change()
	c.to(v1alpha1.OrderFulfilled)
	c.status.Return.State = v1alpha1.ReturnRejected
	c.status.Return.DecidedAt = c.now()
	c.status.Return.Message = decision.Reason
	c.happened(v1alpha1.OrderHistoryEntry{
		Type: v1alpha1.HistoryReturnRejected, Message: decision.Reason,
		By: byWhom(decision.Requester), RequestID: e.Order.Status.Return.RequestID,
	})
	return c.decide(), true
}

func approvedStockComesBack(e *evaluation) (Decision, bool) {
	if e.returnState() != v1alpha1.ReturnApproved || e.ownReservation == nil {
		return Decision{}, false
	}
	if e.intent() != v1alpha1.IntentCommit && e.intent() != v1alpha1.IntentHold {
		return Decision{}, false
	}
	lines := []v1alpha1.StockLine{}
	if e.isResellable() {
		for _, item := range e.Order.Status.Return.Items {
			lines = append(lines, v1alpha1.StockLine{ProductID: item.ProductID, Quantity: item.Quantity})
		}
	}
	return e.setIntent(v1alpha1.IntentRestock, &lines), true
}

// isResellable is whether what comes back goes on the shelf again.
func (e *evaluation) isResellable() bool {
	approval := e.approval()
	return approval == nil || approval.Restock == nil || *approval.Restock
}

// approval is the decision of a person that approved the return; nil when the
// class's rule did.
func (e *evaluation) approval() *v1alpha1.ReturnDecision {
	asked := e.Order.Spec.Return
	if asked == nil || asked.Decision == nil || asked.Decision.Verdict != v1alpha1.VerdictApprove {
		return nil
	}
	return asked.Decision
}

// returnIsComplete ends an approved return: its stock is back. Where the
// reservation is gone there is nothing to put back by; the customer's refund
// does not wait for that, and the history tells whoever keeps the stock.
func returnIsComplete(e *evaluation) (Decision, bool) {
	if e.returnState() != v1alpha1.ReturnApproved {
		return Decision{}, false
	}
	message, verify := "put back on the shelf", VerifyNothing
	switch e.reservationPhase() {
	case v1alpha1.ReservationRestocked:
		if e.ownReservation.Spec.Restock != nil && len(*e.ownReservation.Spec.Restock) == 0 {
			message = "not put back on the shelf"
		}
	case "":
		message, verify = lostOnReturn, VerifyReservation
	case v1alpha1.ReservationReleased, v1alpha1.ReservationRejected:
		message = lostOnReturn
	default:
		return Decision{}, false
	}
	return e.returned(message, verify), true
}

const lostOnReturn = "nothing was put back on the shelf: the order's StockReservation is gone; " +
	"book what came back with a StockAdjustment of kind Adjusted"

func (e *evaluation) returned(message string, verify Verify) Decision {
	reason, by := "AutoApproved", ""
	if approval := e.approval(); approval != nil {
		reason, by = "Approved", byWhom(approval.Requester)
	}
	c := e.change()
	c.to(v1alpha1.OrderReturned)
	c.status.ReturnedAt = c.now()
	c.status.RefundAmount = c.status.Return.RefundAmount
	c.condition(v1alpha1.OrderConditionReturned, metav1.ConditionTrue, reason, message)
	c.happened(v1alpha1.OrderHistoryEntry{
		Type: v1alpha1.HistoryReturned, Reason: reason, Message: message, By: by, RequestID: c.status.Return.RequestID,
	})
	d := c.decide()
	d.Verify = verify
	return d
}
