package event

import (
	"encoding/json"
	"fmt"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/money"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/domain/trace"
)

// CurrencyUnknown says that an order can't be told yet: nobody knows its currency, and
// with it neither its prices nor its total. Its class says it in a moment.
type CurrencyUnknown struct{ Order string }

func (e *CurrencyUnknown) Error() string {
	return fmt.Sprintf("order %s has no currency yet; it is told once spec.currency or status.currency says it", e.Order)
}

// OfOrder returns the events of the entries of an order's history that come after the
// one numbered after, oldest first: one event an entry. An order without a history has
// the entry that it was created (rule 3 of docs/design/0015-mirror.md). The error is
// *CurrencyUnknown as long as that can't be told.
//
// An event is made of its own entry, of earlier ones, and of what never changes (rule 1):
// spec, a shipment once it was asked for, shortages once the order is over.
func OfOrder(o *v1alpha1.Order, after int64) ([]Record, error) {
	l, err := newLife(o)
	if err != nil {
		return nil, err
	}
	var records []Record
	for _, entry := range order.HistoryOf(o) {
		l.live(&entry)
		if entry.Seq <= after {
			continue
		}
		r, err := l.tell(&entry)
		if err != nil {
			return nil, fmt.Errorf("order %s: %w", o.Name, err)
		}
		records = append(records, r)
	}
	return records, nil
}

// life of an order up to one entry of its history.
type life struct {
	order *v1alpha1.Order
	// currency is empty for an order that ended before it was known.
	currency  v1alpha1.Currency
	items     []Item
	status    Status
	confirmed bool
	// back are the units of each line that came back, as of the entry.
	back []int64
	// moved are the units that the entry is about.
	moved []ReturnedUnits
	// refund for what came back last; empty where nobody knows it.
	refund json.Number
}

func newLife(o *v1alpha1.Order) (*life, error) {
	l := &life{order: o, status: Pending, back: make([]int64, len(o.Spec.Items))}
	if o.Spec.Currency != "" || o.Status.Currency != "" {
		l.currency = order.CurrencyOf(o, nil)
	} else if len(o.Status.History) <= 1 {
		return nil, &CurrencyUnknown{Order: o.Name}
	}
	l.items = ItemsOf(o, l.currency)
	return l, nil
}

// live goes on to the next entry.
func (l *life) live(e *v1alpha1.OrderHistoryEntry) {
	l.moved = nil
	switch e.Type {
	case v1alpha1.HistoryConfirmed:
		l.status, l.confirmed = Confirmed, true
	case v1alpha1.HistoryCancelled:
		l.status = Cancelled
	case v1alpha1.HistoryFulfilled, v1alpha1.HistoryReturnRejected:
		l.status = Fulfilled
	case v1alpha1.HistoryReturnRequested:
		l.status, l.moved = ReturnRequested, l.unitsOf(e)
	case v1alpha1.HistoryReturned:
		l.moved = l.unitsOf(e)
		l.refund = l.refundOf(e)
		l.comeBack()
	default: // it moves the order to no other state
	}
}

// comeBack counts what came back. Once nothing is out any more the order is returned.
func (l *life) comeBack() {
	l.status = Returned
	for _, u := range l.moved {
		l.back[u.Line-1] += u.Quantity
	}
	for i, item := range l.order.Spec.Items {
		if l.back[i] < item.Quantity {
			l.status = Fulfilled
		}
	}
}

// unitsOf are the units that an entry is about: all that is still out where it names none.
func (l *life) unitsOf(e *v1alpha1.OrderHistoryEntry) []ReturnedUnits {
	units := e.Units
	if len(units) == 0 {
		for i, item := range l.order.Spec.Items {
			if left := item.Quantity - l.back[i]; left > 0 {
				units = append(units, v1alpha1.LineUnits{Line: int32(i + 1), Quantity: left})
			}
		}
	}
	moved := make([]ReturnedUnits, 0, len(units))
	for _, u := range units {
		if i := int(u.Line) - 1; i >= 0 && i < len(l.items) {
			moved = append(moved, ReturnedUnits{ProductID: l.items[i].ProductID, Quantity: u.Quantity, Line: u.Line})
		}
	}
	return moved
}

// refundOf is what an entry says is paid back, or what follows from its units where it
// does not say it.
func (l *life) refundOf(e *v1alpha1.OrderHistoryEntry) json.Number {
	currency := string(l.currency)
	if said, err := money.Parse(e.RefundAmount, currency); err == nil {
		return json.Number(said.String())
	}
	lines := make([]money.Line, len(l.order.Spec.Items))
	for i, item := range l.order.Spec.Items {
		lines[i] = money.Line{ProductID: item.ProductID, Quantity: item.Quantity, UnitPrice: item.UnitPrice}
	}
	parts := make([]money.Part, 0, len(l.moved))
	for _, u := range l.moved {
		parts = append(parts, money.Part{Line: int(u.Line) - 1, Before: l.back[u.Line-1], Quantity: u.Quantity})
	}
	refund, err := money.Refund(currency, lines, parts)
	if err != nil {
		return ""
	}
	return json.Number(refund.String())
}

// tell makes the event of the entry that the life has come to.
func (l *life) tell(e *v1alpha1.OrderHistoryEntry) (Record, error) {
	o, id, customer, at := l.order, l.order.Name, l.order.Spec.CustomerID, timestamp(e.At.Time)
	r := Record{
		Seq: e.Seq, Type: TypeOf(e.Type), Key: id, At: e.At.Time,
		TraceID: trace.IDOf(o), Object: id, UID: string(o.UID),
	}
	if told := e.Type == v1alpha1.HistoryReturned || e.Type == v1alpha1.HistoryRefundRequested; told && l.refund == "" {
		return Record{}, fmt.Errorf("history entry %d (%s) does not say what is paid back, and it does not follow from the order's prices", e.Seq, e.Type)
	}
	switch e.Type {
	case v1alpha1.HistoryCreated:
		return seal(r, "", l.created(e))
	case v1alpha1.HistoryConfirmed:
		return seal(r, "", OrderConfirmedPayload{
			OrderID: id, CustomerID: customer, ConfirmedAt: at, Seq: e.Seq, Status: l.status, Message: e.Message,
		})
	case v1alpha1.HistoryCancelRequested:
		return seal(r, "", OrderCancelRequestedPayload{
			OrderID: id, Reason: v1alpha1.CancelReason(e.Reason), FailedProducts: failedProducts(o.Status.Shortages),
			CustomerID: customer, Seq: e.Seq, Status: l.status, Message: e.Message,
		})
	case v1alpha1.HistoryCancelled:
		return seal(r, "", OrderCancelledPayload{
			OrderID: id, CustomerID: customer, Reason: v1alpha1.CancelReason(e.Reason), CancelledAt: at,
			WasConfirmed: l.confirmed, Items: l.items, Seq: e.Seq, Status: l.status, Message: e.Message,
		})
	case v1alpha1.HistoryFulfilled:
		return seal(r, "", l.fulfilled(e))
	case v1alpha1.HistoryReturnRequested:
		return seal(r, "", OrderReturnRequestedPayload{
			OrderID: id, CustomerID: customer, Reason: e.Message, Items: l.moved, ReturnID: e.RequestID, Seq: e.Seq, Status: l.status,
		})
	case v1alpha1.HistoryReturnRejected:
		return seal(r, "", OrderReturnRejectedPayload{
			OrderID: id, CustomerID: customer, Reason: e.Message, ReturnID: e.RequestID, Seq: e.Seq, Status: l.status,
		})
	case v1alpha1.HistoryReturned:
		return seal(r, "", OrderReturnedPayload{
			OrderID: id, CustomerID: customer, Items: l.moved, RefundAmount: l.refund, Currency: l.currency,
			ReturnID: e.RequestID, Reason: e.Reason, Seq: e.Seq, Status: l.status, Message: e.Message,
		})
	case v1alpha1.HistoryRefundRequested:
		return seal(r, "", RefundRequestedPayload{
			OrderID: id, CustomerID: customer, RefundAmount: l.refund, Currency: l.currency, ReturnID: e.RequestID, Seq: e.Seq, Status: l.status,
		})
	default:
		return seal(r, "", UnknownPayload{OrderID: id, CustomerID: customer, Reason: e.Reason, Message: e.Message, ReturnID: e.RequestID, Seq: e.Seq})
	}
}

func (l *life) created(e *v1alpha1.OrderHistoryEntry) OrderCreatedPayload {
	spec := &l.order.Spec
	p := OrderCreatedPayload{
		OrderID: l.order.Name, CustomerID: spec.CustomerID, Items: l.items, Currency: l.currency,
		ShippingAddress: Address(spec.ShippingAddress), Seq: e.Seq, Status: l.status,
	}
	if total, err := order.Total(spec.Items, l.currency); err == nil {
		p.TotalAmount = json.Number(total.String())
	}
	if c := spec.Contact; c != nil && *c != (v1alpha1.Contact{}) {
		p.Contact = &Contact{Email: c.Email, Phone: c.Phone, Language: c.Language}
	}
	return p
}

func (l *life) fulfilled(e *v1alpha1.OrderHistoryEntry) OrderFulfilledPayload {
	p := OrderFulfilledPayload{
		OrderID: l.order.Name, CustomerID: l.order.Spec.CustomerID, FulfilledAt: timestamp(e.At.Time),
		Seq: e.Seq, Status: l.status, Message: e.Message,
	}
	if f := l.order.Spec.Fulfillment; f != nil {
		p.Carrier, p.TrackingNumber = f.Carrier, f.TrackingNumber
	}
	return p
}

func failedProducts(shortages []v1alpha1.StockShortage) []FailedProduct {
	failed := make([]FailedProduct, 0, len(shortages))
	for _, s := range shortages {
		failed = append(failed, FailedProduct{ProductID: s.ProductID, Requested: s.Requested, Available: s.Available, Reason: s.Reason})
	}
	return failed
}
