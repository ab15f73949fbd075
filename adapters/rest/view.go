package rest

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/money"
)

// Commands that may be pending, as pendingCommand shows them.
const (
	pendingCancel  = "CANCEL"
	pendingFulfill = "FULFILL"
	pendingReturn  = "RETURN"
	pendingApprove = "APPROVE_RETURN"
	pendingReject  = "REJECT_RETURN"
)

// statusOf is the contract's word for a phase.
func statusOf(phase v1alpha1.OrderPhase) wire.OrderStatus {
	switch phase {
	case v1alpha1.OrderConfirmed:
		return wire.CONFIRMED
	case v1alpha1.OrderFulfilled:
		return wire.FULFILLED
	case v1alpha1.OrderReturnRequested:
		return wire.RETURNREQUESTED
	case v1alpha1.OrderReturned:
		return wire.RETURNED
	case v1alpha1.OrderCancelled:
		return wire.CANCELLED
	default:
		return wire.PENDING
	}
}

// eventType is the contract's word for an entry of an order's history.
func eventType(t v1alpha1.OrderHistoryType) string {
	switch t {
	case v1alpha1.HistoryCreated:
		return "order.created"
	case v1alpha1.HistoryConfirmed:
		return "order.confirmed"
	case v1alpha1.HistoryCancelRequested:
		return "order.cancel.requested"
	case v1alpha1.HistoryCancelled:
		return "order.cancelled"
	case v1alpha1.HistoryFulfilled:
		return "order.fulfilled"
	case v1alpha1.HistoryReturnRequested:
		return "order.return.requested"
	case v1alpha1.HistoryReturnRejected:
		return "order.return.rejected"
	case v1alpha1.HistoryReturned:
		return "order.returned"
	default:
		return string(t)
	}
}

// newOrderView shows an order as its create is answered: from what never changes,
// so that a repeated create gets the very same answer however far the order has
// come since.
func newOrderView(order *v1alpha1.Order) wire.Order {
	currency := currencyOf(order)
	view := wire.Order{
		OrderId:     order.Name,
		CustomerId:  order.Spec.CustomerID,
		Status:      wire.PENDING,
		Items:       make([]wire.OrderItem, len(order.Spec.Items)),
		TotalAmount: total(order, currency),
		Currency:    currency,
		ShippingAddress: wire.Address{
			Street: order.Spec.ShippingAddress.Street, City: order.Spec.ShippingAddress.City,
			Country: order.Spec.ShippingAddress.Country, Zip: order.Spec.ShippingAddress.Zip,
		},
		CreatedAt: order.CreationTimestamp.UTC(),
		UpdatedAt: order.CreationTimestamp.UTC(),
	}
	for i, item := range order.Spec.Items {
		view.Items[i] = wire.OrderItem{
			ProductId: item.ProductID,
			Quantity:  item.Quantity,
			UnitPrice: amount(item.UnitPrice, currency),
		}
	}
	if contact := order.Spec.Contact; contact != nil {
		view.Contact = &wire.Contact{Email: contact.Email, Phone: contact.Phone}
	}
	return view
}

// listView shows an order as it is now, without its events.
func listView(order *v1alpha1.Order) wire.Order {
	view := newOrderView(order)
	spec, status := &order.Spec, &order.Status
	view.Status = statusOf(status.Phase)
	if n := len(status.History); n > 0 {
		view.UpdatedAt = status.History[n-1].At.UTC()
	}
	view.ConfirmedAt = timeOf(status.ConfirmedAt)
	view.CancelledAt = timeOf(status.CancelledAt)
	view.CancelledReason = string(status.CancelledReason)
	view.FulfilledAt = timeOf(status.FulfilledAt)
	view.ReturnRequestedAt = timeOf(status.ReturnRequestedAt)
	view.ReturnedAt = timeOf(status.ReturnedAt)
	if f := spec.Fulfillment; f != nil {
		view.Carrier, view.TrackingNumber = f.Carrier, f.TrackingNumber
	}
	if r := status.Return; r != nil {
		view.ReturnReason = r.Reason
	}
	if status.RefundAmount != "" {
		refund := amount(status.RefundAmount, view.Currency)
		view.RefundAmount = &refund
	}
	for _, short := range status.Shortages {
		view.Shortages = append(view.Shortages, wire.Shortage{
			ProductId: short.ProductID, Requested: short.Requested,
			Available: short.Available, Reason: string(short.Reason),
		})
	}
	view.PendingCommand = pendingCommand(order)
	if refused := refusal(order); refused != nil {
		view.Refused = refused.Message
	}
	return view
}

// orderView shows an order as it is now, with its events.
func orderView(order *v1alpha1.Order) wire.Order {
	view := listView(order)
	if len(order.Status.History) == 0 {
		// Nobody has looked at the order yet. That it was created is its first event.
		view.Events = []wire.OrderEvent{{Seq: 1, Type: eventType(v1alpha1.HistoryCreated), At: view.CreatedAt}}
		return view
	}
	view.Events = make([]wire.OrderEvent, len(order.Status.History))
	for i, entry := range order.Status.History {
		view.Events[i] = wire.OrderEvent{
			Seq: entry.Seq, Type: eventType(entry.Type), At: entry.At.UTC(),
			Reason: entry.Reason, Message: entry.Message,
		}
	}
	return view
}

// returnView shows the last return request of an order, nil when there is none.
func returnView(order *v1alpha1.Order) *wire.Return {
	asked, answer := order.Spec.Return, order.Status.Return
	if asked == nil {
		return nil
	}
	view := &wire.Return{
		OrderId: order.Name, ReturnId: asked.RequestID, Status: "PENDING",
		Reason: asked.Reason, Items: returnItems(asked.Items),
	}
	if answer == nil || answer.RequestID != asked.RequestID {
		return view
	}
	view.Status = returnStatus(answer.State)
	view.Items = returnItems(answer.Items)
	view.RequestedAt, view.DecidedAt = timeOf(answer.RequestedAt), timeOf(answer.DecidedAt)
	view.Message = answer.Message
	if answer.RefundAmount != "" {
		view.Currency = currencyOf(order)
		refund := amount(answer.RefundAmount, view.Currency)
		view.RefundAmount = &refund
	}
	return view
}

func returnItems(items []v1alpha1.ReturnItem) []wire.ReturnItem {
	views := make([]wire.ReturnItem, len(items))
	for i, item := range items {
		views[i] = wire.ReturnItem{ProductId: item.ProductID, Quantity: item.Quantity}
	}
	return views
}

func returnStatus(state v1alpha1.ReturnState) string {
	switch state {
	case v1alpha1.ReturnRequested:
		return "REQUESTED"
	case v1alpha1.ReturnApproved:
		return "APPROVED"
	case v1alpha1.ReturnRejected:
		return "REJECTED"
	default:
		return "REFUSED"
	}
}

// pendingCommand names the intent in spec that status has not answered.
func pendingCommand(order *v1alpha1.Order) string {
	spec, status := &order.Spec, &order.Status
	if status.ObservedGeneration >= order.Generation && refusal(order) != nil {
		return ""
	}
	returnOpen := spec.Return != nil && (status.Return == nil || status.Return.RequestID != spec.Return.RequestID)
	decisionOpen := spec.Return != nil && !returnOpen && spec.Return.Decision != nil &&
		status.Phase == v1alpha1.OrderReturnRequested
	shippable := status.Phase == v1alpha1.OrderPending || status.Phase == v1alpha1.OrderConfirmed
	switch {
	case spec.Cancellation != nil && shippable:
		return pendingCancel
	case spec.Fulfillment != nil && shippable:
		return pendingFulfill
	case returnOpen:
		return pendingReturn
	case decisionOpen && spec.Return.Decision.Verdict == v1alpha1.VerdictApprove:
		return pendingApprove
	case decisionOpen:
		return pendingReject
	}
	return ""
}

// refusal returns the condition that says why an intent was refused, nil when
// none was.
func refusal(order *v1alpha1.Order) *metav1.Condition {
	for i := range order.Status.Conditions {
		c := &order.Status.Conditions[i]
		if c.Type == v1alpha1.OrderConditionIntentRefused && c.Status == metav1.ConditionTrue {
			return c
		}
	}
	return nil
}

// total is what the order controller computed, or what it will compute.
func total(order *v1alpha1.Order, currency string) wire.Number {
	if order.Status.TotalAmount != "" {
		return amount(order.Status.TotalAmount, currency)
	}
	lines := make([]money.Line, len(order.Spec.Items))
	for i, item := range order.Spec.Items {
		lines[i] = money.Line{ProductID: item.ProductID, Quantity: item.Quantity, UnitPrice: item.UnitPrice}
	}
	sum, err := money.Total(currency, lines)
	if err != nil {
		return "0" // not reached: the API server admits no such price
	}
	return wire.Number(sum.String())
}

// amount writes a decimal with the currency's number of decimals.
func amount(decimal, currency string) wire.Number {
	parsed, err := money.Parse(decimal, currency)
	if err != nil {
		return wire.Number(decimal)
	}
	return wire.Number(parsed.String())
}

func timeOf(t *metav1.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}
