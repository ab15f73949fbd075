package event

import (
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// Status is the contract's word for the phase of an order.
type Status string

// The six states of an order.
const (
	Pending         Status = "PENDING"
	Confirmed       Status = "CONFIRMED"
	Fulfilled       Status = "FULFILLED"
	ReturnRequested Status = "RETURN_REQUESTED"
	Returned        Status = "RETURNED"
	Cancelled       Status = "CANCELLED"
)

// StatusOf is the word for a phase. An order that nobody looked at yet is pending.
func StatusOf(phase v1alpha1.OrderPhase) Status {
	switch phase {
	case v1alpha1.OrderConfirmed:
		return Confirmed
	case v1alpha1.OrderFulfilled:
		return Fulfilled
	case v1alpha1.OrderReturnRequested:
		return ReturnRequested
	case v1alpha1.OrderReturned:
		return Returned
	case v1alpha1.OrderCancelled:
		return Cancelled
	default:
		return Pending
	}
}

// Type is the contract's word for something that happened to an order.
type Type string

// What may happen to an order. Those that have a topic of their name are also records
// of Kafka.
const (
	OrderCreated         Type = "order.created"
	OrderConfirmed       Type = "order.confirmed"
	OrderCancelRequested Type = "order.cancel.requested"
	OrderCancelled       Type = "order.cancelled"
	OrderFulfilled       Type = "order.fulfilled"
	OrderReturnRequested Type = "order.return.requested"
	OrderReturnRejected  Type = "order.return.rejected"
	OrderReturned        Type = "order.returned"
	RefundRequested      Type = "refund.requested"
)

// TypeOf is the word for an entry of an order's history. A type that this version does
// not know, since a newer one wrote it, is called as Kubernetes calls it.
func TypeOf(t v1alpha1.OrderHistoryType) Type {
	switch t {
	case v1alpha1.HistoryCreated:
		return OrderCreated
	case v1alpha1.HistoryConfirmed:
		return OrderConfirmed
	case v1alpha1.HistoryCancelRequested:
		return OrderCancelRequested
	case v1alpha1.HistoryCancelled:
		return OrderCancelled
	case v1alpha1.HistoryFulfilled:
		return OrderFulfilled
	case v1alpha1.HistoryReturnRequested:
		return OrderReturnRequested
	case v1alpha1.HistoryReturnRejected:
		return OrderReturnRejected
	case v1alpha1.HistoryReturned:
		return OrderReturned
	case v1alpha1.HistoryRefundRequested:
		return RefundRequested
	default:
		return Type(t)
	}
}

// Event is one thing that happened to an order.
type Event struct {
	// Seq numbers the events of an order without a gap, from 1.
	Seq  int64
	Type Type
	At   time.Time
	// Reason and Message may be empty.
	Reason, Message string
	// Items are what a return is about, by line; of OrderReturnRequested and OrderReturned.
	Items []v1alpha1.ReturnItem
	// RefundAmount of OrderReturned and RefundRequested, in the order's currency: of this
	// part, where an order comes back in several.
	RefundAmount string
}

// Of returns what happened to an order, oldest first. That it was created is always
// the first event, also of an order that nobody looked at yet.
func Of(o *v1alpha1.Order) []Event {
	history := order.HistoryOf(o)
	events := make([]Event, len(history))
	for i, entry := range history {
		events[i] = Event{
			Seq: entry.Seq, Type: TypeOf(entry.Type), At: entry.At.UTC(),
			Reason: entry.Reason, Message: entry.Message,
			Items: itemsOf(o, entry.Units), RefundAmount: entry.RefundAmount,
		}
	}
	return events
}

func itemsOf(o *v1alpha1.Order, units []v1alpha1.LineUnits) []v1alpha1.ReturnItem {
	var items []v1alpha1.ReturnItem
	for _, u := range units {
		if i := int(u.Line) - 1; i >= 0 && i < len(o.Spec.Items) {
			line := u.Line
			items = append(items, v1alpha1.ReturnItem{Line: &line, ProductID: o.Spec.Items[i].ProductID, Quantity: u.Quantity})
		}
	}
	return items
}
