package rest

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// statusOf is the contract's word for a phase.
func statusOf(phase v1alpha1.OrderPhase) wire.OrderStatus {
	return wire.OrderStatus(event.StatusOf(phase))
}

// viewOf shows an order in its currency, or in the default one until that is known.
func viewOf(o *v1alpha1.Order) (event.View, v1alpha1.Currency) {
	currency := order.CurrencyOf(o, nil)
	return event.ViewOf(o, currency), currency
}

// newOrderView shows an order as its create is answered: from what never changes,
// so that a repeated create gets the very same answer however far the order has
// come since.
func newOrderView(o *v1alpha1.Order) wire.Order {
	shown, currency := viewOf(o)
	view := wire.Order{
		OrderId:         o.Name,
		CustomerId:      o.Spec.CustomerID,
		Status:          wire.PENDING,
		Items:           make([]wire.OrderItem, len(shown.Items)),
		TotalAmount:     "0", // of an order whose prices make no total
		Currency:        string(currency),
		ShippingAddress: wire.Address(o.Spec.ShippingAddress),
		CreatedAt:       o.CreationTimestamp.UTC(),
		UpdatedAt:       o.CreationTimestamp.UTC(),
	}
	if shown.TotalAmount != "" {
		view.TotalAmount = wire.Number(shown.TotalAmount)
	}
	for i, item := range shown.Items {
		view.Items[i] = wire.OrderItem{ProductId: item.ProductID, Quantity: item.Quantity, UnitPrice: wire.Number(item.UnitPrice)}
	}
	if contact := o.Spec.Contact; contact != nil {
		view.Contact = &wire.Contact{Email: contact.Email, Phone: contact.Phone, Language: contact.Language}
	}
	return view
}

// listView shows an order as it is now, without its events.
func listView(o *v1alpha1.Order) wire.Order {
	view := newOrderView(o)
	spec, status := &o.Spec, &o.Status
	shown, currency := viewOf(o)
	view.Status = wire.OrderStatus(shown.Status)
	view.UpdatedAt = shown.Times.Updated
	view.ConfirmedAt = shown.Times.Confirmed
	view.CancelledAt = shown.Times.Cancelled
	view.CancelledReason = string(shown.CancelledReason)
	view.FulfilledAt = shown.Times.Fulfilled
	view.ReturnRequestedAt = shown.Times.ReturnRequested
	view.ReturnedAt = shown.Times.Returned
	view.ReturnReason = shown.ReturnReason
	view.RefundAmount = amount(status.RefundAmount, currency)
	if f := spec.Fulfillment; f != nil {
		view.Carrier, view.TrackingNumber = f.Carrier, f.TrackingNumber
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
	view.PendingCommand = string(event.PendingCommandOf(o))
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
		view.Events[i].RefundAmount = amount(e.RefundAmount, v1alpha1.Currency(view.Currency))
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
		OrderId: o.Name, ReturnId: asked.RequestID, Status: string(event.ReturnStatusOf(o)),
		Reason: asked.Reason, Items: returnItems(asked.Items),
	}
	if answer == nil || answer.RequestID != asked.RequestID {
		return view
	}
	view.Items = returnItems(answer.Items)
	view.RequestedAt, view.DecidedAt = timeOf(answer.RequestedAt), timeOf(answer.DecidedAt)
	view.Message = answer.Message
	if answer.RefundAmount != "" {
		currency := order.CurrencyOf(o, nil)
		view.Currency, view.RefundAmount = string(currency), amount(answer.RefundAmount, currency)
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

// amount writes a decimal with the currency's number of decimals; nil when it is none.
func amount(decimal string, currency v1alpha1.Currency) *wire.Number {
	text := event.AmountOf(decimal, currency)
	if text == "" {
		return nil
	}
	number := wire.Number(text)
	return &number
}

func timeOf(t *metav1.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}
