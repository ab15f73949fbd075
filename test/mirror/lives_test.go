//go:build linux

package mirror_test

import (
	"encoding/json"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/money"
)

// view is an order in the words of the contract. It is made from the topics alone, from the
// object, and from the row, and must be the same.
type view struct {
	Customer, Status, Total, Currency     string
	Items                                 []item
	Address                               v1alpha1.Address
	CancelledReason                       string
	CancelledAt, ConfirmedAt, FulfilledAt string
	ReturnRequestedAt, ReturnReason       string
	ReturnedAt, RefundAmount              string
	Entries                               int
}

// viewOf is what an object says.
func viewOf(o *v1alpha1.Order) view {
	s := &o.Status
	v := view{
		Customer: o.Spec.CustomerID, Status: string(event.StatusOf(s.Phase)), Total: s.TotalAmount, Currency: string(s.Currency),
		Address: o.Spec.ShippingAddress, CancelledReason: string(s.CancelledReason), Entries: max(len(s.History), 1),
	}
	for i, l := range o.Spec.Items {
		v.Items = append(v.Items, item{Line: i + 1, ProductID: l.ProductID, Quantity: l.Quantity, UnitPrice: json.Number(l.UnitPrice)})
	}
	for _, e := range s.History {
		at := e.At.UTC().Format(time.RFC3339)
		switch e.Type {
		case v1alpha1.HistoryCancelled:
			v.CancelledAt = at
		case v1alpha1.HistoryConfirmed:
			v.ConfirmedAt = at
		case v1alpha1.HistoryFulfilled:
			v.FulfilledAt = at
		case v1alpha1.HistoryReturnRequested:
			v.ReturnRequestedAt, v.ReturnReason = at, e.Message
		case v1alpha1.HistoryReturned:
			v.ReturnedAt = at
		default: // nothing of it is a field of its own
		}
	}
	if s.Return != nil && s.Return.State != v1alpha1.ReturnRefused {
		v.ReturnReason = s.Return.Reason
	}
	v.RefundAmount = s.RefundAmount
	return v
}

// lifeOf is what the topics say of an order, by their events in order of number.
func lifeOf(events []told) (view, error) {
	v := view{Entries: len(events)}
	var left int64
	var refunded []string
	for _, e := range events {
		var at struct {
			OccurredAt string `json:"occurredAt"`
		}
		if err := json.Unmarshal(e.Value, &at); err != nil {
			return v, err
		}
		p := e.Payload
		switch event.Type(e.Type) {
		case event.OrderCreated:
			v.Status, v.Customer, v.Currency, v.Total = "PENDING", p.CustomerID, p.Currency, p.TotalAmount.String()
			for i, l := range p.Items {
				l.Line = i + 1
				v.Items = append(v.Items, l)
				left += l.Quantity
			}
			if err := json.Unmarshal(p.ShippingAddress, &v.Address); err != nil {
				return v, err
			}
		case event.OrderConfirmed:
			v.Status, v.ConfirmedAt = "CONFIRMED", at.OccurredAt
		case event.OrderCancelled:
			v.Status, v.CancelledReason, v.CancelledAt = "CANCELLED", p.Reason, p.CancelledAt
		case event.OrderFulfilled:
			v.Status, v.FulfilledAt = "FULFILLED", at.OccurredAt
		case event.OrderReturnRequested:
			v.Status, v.ReturnReason, v.ReturnRequestedAt = "RETURN_REQUESTED", p.Reason, at.OccurredAt
		case event.OrderReturnRejected:
			v.Status = "FULFILLED"
		case event.OrderReturned:
			for _, l := range p.Items {
				left -= l.Quantity
			}
			v.Status, v.ReturnedAt = "FULFILLED", at.OccurredAt
			if left == 0 {
				v.Status = "RETURNED"
			}
		case event.RefundRequested:
			refunded = append(refunded, p.RefundAmount.String())
		case event.OrderCancelRequested:
		}
	}
	sum, err := sumOf(refunded, v.Currency)
	v.RefundAmount = sum
	return v, err
}

// sumOf adds amounts of a currency exactly; "" when there are none.
func sumOf(amounts []string, currency string) (string, error) {
	if len(amounts) == 0 {
		return "", nil
	}
	sum, err := money.Zero(currency)
	for _, text := range amounts {
		var a money.Amount
		if a, err = money.Parse(text, currency); err != nil {
			return "", err
		}
		if sum, err = sum.Plus(a); err != nil {
			return "", err
		}
	}
	return sum.String(), err
}
