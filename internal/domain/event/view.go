package event

import (
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/money"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// View is an order as it is now in the words of the public contract. REST shows it and
// Postgres keeps it, so that both say the same.
type View struct {
	Status Status
	// Items are the lines; prices have at least the decimals of the currency.
	Items []Item
	// TotalAmount is what the order controller computed, or what it will compute, and
	// RefundAmount what was paid back so far, with the decimals of the currency. Each is
	// empty where nobody knows it, or it is none.
	TotalAmount, RefundAmount string
	CancelledReason           v1alpha1.CancelReason
	ReturnReason              string
	Times                     Times
}

// Times are when an order came to its states, UTC; nil where it did not. Updated is when
// something happened to it last.
type Times struct {
	Confirmed, Cancelled, Fulfilled, ReturnRequested, Returned *time.Time
	Updated                                                    time.Time
}

// ViewOf shows an order. The currency is that of its prices, empty when it is not known.
func ViewOf(o *v1alpha1.Order, currency v1alpha1.Currency) View {
	status := &o.Status
	v := View{
		Status: StatusOf(status.Phase), Items: ItemsOf(o, currency),
		TotalAmount: totalOf(o, currency), RefundAmount: AmountOf(status.RefundAmount, currency),
		CancelledReason: status.CancelledReason, Times: timesOf(o),
	}
	if status.Return != nil {
		v.ReturnReason = status.Return.Reason
	}
	return v
}

func timesOf(o *v1alpha1.Order) Times {
	status := &o.Status
	t := Times{
		Confirmed: utc(status.ConfirmedAt), Cancelled: utc(status.CancelledAt), Fulfilled: utc(status.FulfilledAt),
		ReturnRequested: utc(status.ReturnRequestedAt), Returned: utc(status.ReturnedAt), Updated: o.CreationTimestamp.UTC(),
	}
	if n := len(status.History); n > 0 {
		t.Updated = status.History[n-1].At.UTC()
	}
	return t
}

func utc(t *metav1.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC()
	return &at
}

// ItemsOf are the lines of an order. A price that is none of the currency's is shown as it
// was written.
func ItemsOf(o *v1alpha1.Order, currency v1alpha1.Currency) []Item {
	items := make([]Item, len(o.Spec.Items))
	for i, item := range o.Spec.Items {
		price := item.UnitPrice
		if exact, err := money.ParsePrice(price, string(currency)); err == nil {
			price = exact.String()
		}
		items[i] = Item{ProductID: item.ProductID, Quantity: item.Quantity, UnitPrice: json.Number(price)}
	}
	return items
}

func totalOf(o *v1alpha1.Order, currency v1alpha1.Currency) string {
	if o.Status.TotalAmount != "" {
		return AmountOf(o.Status.TotalAmount, currency)
	}
	total, err := order.Total(o.Spec.Items, currency)
	if err != nil {
		return ""
	}
	return total.String()
}

// AmountOf is an amount with the currency's decimals; empty when it is none.
func AmountOf(decimal string, currency v1alpha1.Currency) string {
	parsed, err := money.Parse(decimal, string(currency))
	if err != nil {
		return ""
	}
	return parsed.String()
}

// ReturnStatus is the contract's word for the state of a return.
type ReturnStatus string

// The states of a return. A return is pending until the order controller has looked at it.
const (
	ReturnPending  ReturnStatus = "PENDING"
	ReturnAccepted ReturnStatus = "REQUESTED"
	ReturnApproved ReturnStatus = "APPROVED"
	ReturnRejected ReturnStatus = "REJECTED"
	ReturnRefused  ReturnStatus = "REFUSED"
)

// ReturnStatusOf is the word for the last return that was asked for; empty when none was.
func ReturnStatusOf(o *v1alpha1.Order) ReturnStatus {
	asked, answer := o.Spec.Return, o.Status.Return
	switch {
	case asked == nil:
		return ""
	case answer == nil || answer.RequestID != asked.RequestID:
		return ReturnPending
	}
	switch answer.State {
	case v1alpha1.ReturnRequested:
		return ReturnAccepted
	case v1alpha1.ReturnApproved:
		return ReturnApproved
	case v1alpha1.ReturnRejected:
		return ReturnRejected
	default:
		return ReturnRefused
	}
}

// Command is the contract's word for what an order is asked to do.
type Command string

// The commands.
const (
	Cancel        Command = "CANCEL"
	Fulfill       Command = "FULFILL"
	Return        Command = "RETURN"
	ApproveReturn Command = "APPROVE_RETURN"
	RejectReturn  Command = "REJECT_RETURN"
)

// PendingCommandOf is the word for the command that the order has not answered yet; empty
// when there is none.
func PendingCommandOf(o *v1alpha1.Order) Command {
	switch order.Unanswered(o) {
	case order.Cancel:
		return Cancel
	case order.Fulfil:
		return Fulfill
	case order.RequestReturn:
		return Return
	case order.Approve:
		return ApproveReturn
	case order.Reject:
		return RejectReturn
	default:
		return ""
	}
}
