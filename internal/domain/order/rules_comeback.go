package order

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/money"
)

// Rules about what comes back after a return was approved. What is told of it is what the
// stock side did, not what it was asked to do.

// comeback is an approved return, with what it adds to the order.
type comeback struct {
	book *returnBook
	// returned is what came back of each line once this return is through.
	returned []v1alpha1.OrderReturnedItem
	// restock are the units of this return that go on the shelf.
	restock []v1alpha1.StockLine
}

func (e *evaluation) comeback() comeback {
	earlier := e.Order.Status.ReturnedItems
	book := returnBookOf(e.Order)
	book.accepted(e.Order.Status.Return.Items)
	cb := comeback{book: book, returned: book.returned(earlier, e.isResellable())}
	cb.restock = less(toShelf(cb.returned), toShelf(earlier))
	return cb
}

// approvedStockComesBack asks for the units of this return beside those of earlier ones:
// spec.restock is their sum, and only grows.
func approvedStockComesBack(e *evaluation) (Decision, bool) {
	if e.returnState() != v1alpha1.ReturnApproved || e.ownReservation == nil {
		return Decision{}, false
	}
	wanted := toShelf(e.comeback().returned)
	switch e.intent() {
	case v1alpha1.IntentCommit, v1alpha1.IntentHold:
		return e.setIntent(v1alpha1.IntentRestock, &wanted), true
	case v1alpha1.IntentRestock:
		if grown, grows := grow(e.ownReservation.Spec.Restock, wanted); grows {
			return e.setIntent(v1alpha1.IntentRestock, &grown), true
		}
	case v1alpha1.IntentRelease: // by hand: returnIsComplete tells
	}
	return Decision{}, false
}

// grow is what a reservation is asked to restock, with what is wanted beside; false when
// all of it is asked for already. Nothing there asks for every line.
func grow(there *[]v1alpha1.StockLine, wanted []v1alpha1.StockLine) (grown []v1alpha1.StockLine, grows bool) {
	if there == nil {
		return nil, false
	}
	missing := less(wanted, *there)
	return plus(*there, missing), len(missing) > 0
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

// returnIsComplete ends an approved return once the stock side has decided about all of
// its units. Where the reservation is gone there is nothing to put back by; the customer's
// refund does not wait for that, and the order tells whoever keeps the stock.
func returnIsComplete(e *evaluation) (Decision, bool) {
	if e.returnState() != v1alpha1.ReturnApproved {
		return Decision{}, false
	}
	cb := e.comeback()
	switch e.reservationPhase() {
	case v1alpha1.ReservationRestocked:
		settled, notBack := journal.Restocked(e.ownReservation)
		if _, grows := grow(e.ownReservation.Spec.Restock, toShelf(cb.returned)); grows || !settled {
			return Decision{}, false
		}
		return e.returned(cb, NotRestocked{Lines: less(notBack, e.Order.Status.NotRestocked), Cause: ItemGone}), true
	case "":
		d := e.returned(cb, NotRestocked{Lines: cb.restock, Cause: ReservationGone})
		d.Verify = VerifyReservation
		return d, true
	case v1alpha1.ReservationReleased, v1alpha1.ReservationRejected:
		return e.returned(cb, NotRestocked{Lines: cb.restock, Cause: ReservationGone}), true
	default:
		return Decision{}, false
	}
}

func (e *evaluation) returned(cb comeback, not NotRestocked) Decision {
	reason, by := "AutoApproved", ""
	if approval := e.approval(); approval != nil {
		reason, by = "Approved", byWhom(approval.Requester)
	}
	message := restockText(cb, not)
	c := e.change()
	requestID, refund := c.status.Return.RequestID, c.status.Return.RefundAmount
	c.status.ReturnedAt = c.now()
	c.status.ReturnedItems = cb.returned
	c.status.RefundAmount = sum(e.currency, c.status.RefundAmount, refund)
	c.status.NotRestocked = plus(c.status.NotRestocked, not.Lines)
	about := message
	if earlier := e.Order.Status.NotRestocked; len(earlier) > 0 {
		about += "; of earlier parts could not be put back: " + journal.DescribeUnits(earlier)
	}
	if cb.book.isEmpty() {
		c.to(v1alpha1.OrderReturned)
		c.condition(v1alpha1.OrderConditionReturned, metav1.ConditionTrue, reason, truncate(about))
	} else {
		c.to(v1alpha1.OrderFulfilled)
		c.condition(v1alpha1.OrderConditionReturned, metav1.ConditionFalse, "PartlyReturned", truncate("a part came back, a part is still out; "+about))
	}
	c.happened(v1alpha1.OrderHistoryEntry{
		Type: v1alpha1.HistoryReturned, Reason: reason, Message: message, By: by, RequestID: requestID,
		Units: cb.book.units(), RefundAmount: refund,
	})
	c.happened(v1alpha1.OrderHistoryEntry{
		Type: v1alpha1.HistoryRefundRequested, Message: fmt.Sprintf("%s %s", refund, e.currency), RequestID: requestID, RefundAmount: refund,
	})
	d := c.decide()
	not.Message = message
	d.NotRestocked = not
	return d
}

// restockText says what became of the units of a return.
func restockText(cb comeback, not NotRestocked) string {
	all, asked := int64(0), units(cb.restock)
	for _, n := range cb.book.now {
		all += n
	}
	back := max(asked-units(not.Lines), 0)
	var text string
	switch {
	case back == all:
		text = "put back on the shelf"
	case back == 0 && len(not.Lines) == 0:
		text = "not put back on the shelf"
	case back == 0:
		text = "nothing was put back on the shelf"
	default:
		text = fmt.Sprintf("%d of %d units were put back on the shelf", back, all)
	}
	switch {
	case len(not.Lines) == 0:
		return text
	case not.Cause == ReservationGone:
		return text + ": the order's StockReservation is gone; book what came back with a StockAdjustment of kind Adjusted: " + journal.DescribeUnits(not.Lines)
	case back == 0:
		return journal.DescribeNotRestocked(not.Lines)
	}
	return text + "; " + journal.DescribeNotRestocked(not.Lines)
}

// cancelledStockIsNotBack tells of the units that could not be put back when an order was
// cancelled whose reservation had been committed by hand.
func cancelledStockIsNotBack(e *evaluation) (Decision, bool) {
	if e.reservationPhase() != v1alpha1.ReservationRestocked {
		return Decision{}, false
	}
	settled, notBack := journal.Restocked(e.ownReservation)
	lines := less(notBack, e.Order.Status.NotRestocked)
	if !settled || len(lines) == 0 {
		return Decision{}, false
	}
	c := e.change()
	c.status.NotRestocked = plus(c.status.NotRestocked, lines)
	d := c.decide()
	d.NotRestocked = NotRestocked{Lines: lines, Cause: ItemGone, Message: journal.DescribeNotRestocked(lines)}
	return d, true
}

// sum adds a refund to those before, which are none for the first.
func sum(currency v1alpha1.Currency, before, refund string) string {
	first, err1 := money.Parse(before, string(currency))
	second, err2 := money.Parse(refund, string(currency))
	if err1 != nil || err2 != nil {
		return refund
	}
	both, err := first.Plus(second)
	if err != nil {
		return refund
	}
	return both.String()
}
