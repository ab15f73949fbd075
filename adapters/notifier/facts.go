package notifier

import (
	"encoding/json"
	"fmt"

	"github.com/orderplane/orderplane/adapters/notifier/internal/render"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
)

// payload is what of all events is said to a customer.
type payload struct {
	Reason       string                `json:"reason"`
	WasConfirmed bool                  `json:"wasConfirmed"`
	Carrier      string                `json:"carrier"`
	Tracking     string                `json:"trackingNumber"`
	Items        []event.ReturnedUnits `json:"items"`
	RefundAmount json.Number           `json:"refundAmount"`
}

// factsOf are the facts of an event: what the event says, and what never changes of its order. In particular, of
// what was said or done later there is nothing in it.
func factsOf(e *event.Record, order *v1alpha1.Order, currency v1alpha1.Currency) (render.Facts, error) {
	var said event.Envelope[payload]
	if err := json.Unmarshal(e.Value, &said); err != nil {
		return render.Facts{}, fmt.Errorf("read event %s: %w", e.ID, err)
	}
	p := &said.Payload
	f := render.Facts{
		OrderID: order.Name, Name: order.Spec.ShippingAddress.Name, Address: addressOf(order.Spec.ShippingAddress),
		Total: event.ViewOf(order, currency).TotalAmount, Currency: string(currency),
		Reason: p.Reason, WasConfirmed: p.WasConfirmed, Carrier: p.Carrier, Tracking: p.Tracking, Refund: p.RefundAmount.String(),
		At: e.At, Ordered: v1alpha1.ListedAt(order),
	}
	for _, item := range event.ItemsOf(order, currency) {
		f.Items = append(f.Items, render.Item{ProductID: item.ProductID, Quantity: item.Quantity, UnitPrice: item.UnitPrice.String()})
	}
	switch e.Type {
	case event.OrderReturnRequested, event.OrderReturned:
		for _, u := range p.Items {
			f.Returned = append(f.Returned, render.Item{ProductID: u.ProductID, Quantity: u.Quantity})
		}
	case event.OrderCancelled:
		if p.Reason == string(v1alpha1.CancelInsufficientStock) {
			for _, s := range order.Status.Shortages { // they are set before, and never change
				f.Short = append(f.Short, render.Item{ProductID: s.ProductID, Quantity: s.Available})
			}
		}
	default: // the others say nothing of products
	}
	if e.Type == event.OrderReturned && p.Reason != "" {
		f.Reason = "" // who approved it is nothing to a customer
	}
	return f, nil
}

func addressOf(a v1alpha1.Address) (lines []string) {
	for _, line := range []string{a.Company, a.Street, a.Street2, join(a.Zip, a.City), a.State, a.Country} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func join(zip, city string) string {
	if zip == "" {
		return city
	}
	return zip + " " + city
}
