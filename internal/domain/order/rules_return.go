package order

import (
	"fmt"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Rules about returns.

func returnIsAsked(e *evaluation) (Decision, bool) {
	asked, last := e.Order.Spec.Return, e.Order.Status.Return
	if asked == nil || last != nil && last.RequestID == asked.RequestID {
		return Decision{}, false
	}
	book := returnBookOf(e.Order)
	why := e.returnIsRefused(asked)
	if why == "" {
		why = book.ask(asked.Items)
	}
	worth, err := book.refund(e.currency)
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
	c.status.Return.Items = book.returning()
	c.status.Return.RefundAmount = worth.String()
	c.status.Return.RequestedAt = c.now()
	c.status.ReturnRequestedAt = c.now()
	c.happened(v1alpha1.OrderHistoryEntry{
		Type: v1alpha1.HistoryReturnRequested, Message: asked.Reason, By: byWhom(asked.Requester), RequestID: asked.RequestID,
		Units: book.units(),
	})
	return c.decide(), true
}

// returnIsRefused says why a return can't be accepted; "" when it can.
func (e *evaluation) returnIsRefused(asked *v1alpha1.Return) string {
	status := &e.Order.Status
	if deadline := e.returnDeadline(status); isOverAt(deadline, e.askedAt(asked)) {
		return fmt.Sprintf("the return window of %s ended at %s", e.policy.ReturnWindow, deadline.UTC().Format("2006-01-02T15:04:05Z"))
	}
	if returnBookOf(e.Order).isEmpty() {
		return "everything came back already"
	}
	for _, entry := range status.History {
		if entry.RequestID == asked.RequestID {
			return fmt.Sprintf("requestID %s was used by an earlier return of this order; ask again with a new one", asked.RequestID)
		}
	}
	// Room for the request, and for its answer and refund.
	if len(status.History)+3 > MaxHistory {
		return "this order was returned and refused too often: its history is full; handle the case outside the system"
	}
	return ""
}

// askedAt is when a return was asked for: as admission wrote it down, else now. What was
// asked for in time is in time, however late it is judged.
func (e *evaluation) askedAt(asked *v1alpha1.Return) time.Time {
	if asked.RequestedAt != nil && asked.RequestedAt.Time.Before(e.Now) {
		return asked.RequestedAt.Time
	}
	return e.Now
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
