package rest

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/money"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// statusOf is the contract's word for a phase.
func statusOf(phase v1alpha1.OrderPhase) wire.OrderStatus {
	return wire.OrderStatus(event.StatusOf(phase))
}

func currencyOf(o *v1alpha1.Order) string { return string(order.CurrencyOf(o, nil)) }

// newOrderView shows an order as its create is answered: from what never changes,
// so that a repeated create gets the very same answer however far the order has
// come since.
func newOrderView(o *v1alpha1.Order) wire.Order {
	currency := currencyOf(o)
	view := wire.Order{
		OrderId:         o.Name,
		CustomerId:      o.Spec.CustomerID,
		Status:          wire.PENDING,
		Items:           make([]wire.OrderItem, len(o.Spec.Items)),
		TotalAmount:     total(o, currency),
		Currency:        currency,
		ShippingAddress: wire.Address(o.Spec.ShippingAddress),
		CreatedAt:       o.CreationTimestamp.UTC(),
		UpdatedAt:       o.CreationTimestamp.UTC(),
	}
	for i, item := range o.Spec.Items {
		view.Items[i] = wire.OrderItem{
			ProductId: item.ProductID,
			Quantity:  item.Quantity,
			UnitPrice: unitPrice(item.UnitPrice, currency),
		}
	}
	if contact := o.Spec.Contact; contact != nil {
		view.Contact = &wire.Contact{Email: contact.Email, Phone: contact.Phone}
	}
	return view
}

// listView shows an order as it is now, without its events.
func listView(o *v1alpha1.Order) wire.Order {
	view := newOrderView(o)
	spec, status := &o.Spec, &o.Status
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
	for _, item := range status.ReturnedItems {
		view.ReturnedItems = append(view.ReturnedItems, wire.ReturnItem{ProductId: item.ProductID, Quantity: item.Quantity, Line: item.Line})
	}
	for _, short := range status.Shortages {
		view.Shortages = append(view.Shortages, wire.Shortage{
			ProductId: short.ProductID, Requested: short.Requested,
			Available: short.Available, Reason: string(short.Reason),
		})
	}
	view.PendingCommand = pendingCommand(o)
	if refused := refusal(o); refused != nil {
		view.Refused = refused.Message
	}
	return view
}

// orderView shows an order as it is now, with its events.
func orderView(o *v1alpha1.Order) wire.Order {
	view := listView(o)
	events := event.Of(o)
	view.Events = make([]wire.OrderEvent, len(events))
	for i, e := range events {
		view.Events[i] = wire.OrderEvent{Seq: e.Seq, Type: string(e.Type), At: e.At, Reason: e.Reason, Message: e.Message}
		if len(e.Items) > 0 {
			view.Events[i].Items = returnItems(e.Items)
		}
		if e.RefundAmount != "" {
			refund := amount(e.RefundAmount, view.Currency)
			view.Events[i].RefundAmount = &refund
		}
	}
	return view
}

// returnView shows the last return request of an order, nil when there is none.
func returnView(o *v1alpha1.Order) *wire.Return {
	asked, answer := o.Spec.Return, o.Status.Return
	if asked == nil {
		return nil
	}
	view := &wire.Return{
		OrderId: o.Name, ReturnId: asked.RequestID, Status: "PENDING",
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
		view.Currency = currencyOf(o)
		refund := amount(answer.RefundAmount, view.Currency)
		view.RefundAmount = &refund
	}
	return view
}

func returnItems(items []v1alpha1.ReturnItem) []wire.ReturnItem {
	views := make([]wire.ReturnItem, len(items))
	for i, item := range items {
		views[i] = wire.ReturnItem{ProductId: item.ProductID, Quantity: item.Quantity}
		if item.Line != nil {
			views[i].Line = *item.Line
		}
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
func pendingCommand(o *v1alpha1.Order) string {
	switch order.Unanswered(o) {
	case order.Cancel:
		return "CANCEL"
	case order.Fulfil:
		return "FULFILL"
	case order.RequestReturn:
		return "RETURN"
	case order.Approve:
		return "APPROVE_RETURN"
	case order.Reject:
		return "REJECT_RETURN"
	default:
		return ""
	}
}

// refusal returns the condition that says why an intent was refused, nil when
// none was.
func refusal(o *v1alpha1.Order) *metav1.Condition {
	for i := range o.Status.Conditions {
		c := &o.Status.Conditions[i]
		if c.Type == v1alpha1.OrderConditionIntentRefused && c.Status == metav1.ConditionTrue {
			return c
		}
	}
	return nil
}

// total is what the order controller computed, or what it will compute.
func total(o *v1alpha1.Order, currency string) wire.Number {
	if o.Status.TotalAmount != "" {
		return amount(o.Status.TotalAmount, currency)
	}
	sum, err := order.Total(o.Spec.Items, v1alpha1.Currency(currency))
	if err != nil {
		return "0" // not reached: the API server admits no such price
	}
	return wire.Number(sum.String())
}

// unitPrice writes a price with at least the currency's number of decimals.
func unitPrice(decimal, currency string) wire.Number {
	exact, err := money.ParsePrice(decimal, currency)
	if err != nil {
		return wire.Number(decimal)
	}
	return wire.Number(exact.String())
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
