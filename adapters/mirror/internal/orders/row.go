package orders

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
	"github.com/orderplane/orderplane/internal/domain/money"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
)

// rowOf is the row of an order, as the rules want it.
func rowOf(o *v1alpha1.Order, to orders.Row) (orderdb.Row, error) {
	spec, status := &o.Spec, &o.Status
	currency := currencyOf(o)
	r := orderdb.Row{
		Version: orderdb.Version{
			ID: o.Name, UID: to.Identity, ObjectUID: string(o.UID), RV: to.RV, Seq: to.Seq,
			Told: toldSum(o, to.Seq), State: to.State, MirroredAt: to.MirroredAt,
		},
		CustomerID: spec.CustomerID, Status: string(event.StatusOf(status.Phase)), Currency: currency,
		TotalAmount: totalOf(o, currency), RefundAmount: decimal(status.RefundAmount, currency),
		CancelledReason: string(status.CancelledReason), CancelledAt: timeOf(status.CancelledAt),
		FulfilledAt: timeOf(status.FulfilledAt), ReturnRequestedAt: timeOf(status.ReturnRequestedAt), ReturnedAt: timeOf(status.ReturnedAt),
		CreatedAt: v1alpha1.CreatedAt(o).UTC(), UpdatedAt: o.CreationTimestamp.UTC(),
	}
	if isByGateway(o) {
		r.IdempotencyKey = o.Name
	}
	if status.Return != nil {
		r.ReturnReason = status.Return.Reason
	}
	if n := len(status.History); n > 0 {
		r.UpdatedAt = status.History[n-1].At.UTC()
	}
	stored := *o
	stored.ManagedFields = nil
	stored.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Order"))
	for _, part := range []struct {
		of   any
		into *json.RawMessage
	}{{itemsOf(o, currency), &r.Items}, {event.Address(spec.ShippingAddress), &r.ShippingAddress}, {&stored, &r.Object}} {
		text, err := json.Marshal(part.of)
		if err != nil {
			return orderdb.Row{}, fmt.Errorf("write order %s as JSON: %w", o.Name, err)
		}
		*part.into = withoutNUL(text)
	}
	return r, nil
}

// currencyOf is the currency of an order's prices, empty for one that ended before it was known.
func currencyOf(o *v1alpha1.Order) string {
	if o.Spec.Currency == "" && o.Status.Currency == "" {
		return ""
	}
	return string(order.CurrencyOf(o, nil))
}

// totalOf is what the order controller computed, or what it will compute.
func totalOf(o *v1alpha1.Order, currency string) string {
	if o.Status.TotalAmount != "" {
		return decimal(o.Status.TotalAmount, currency)
	}
	total, err := order.Total(o.Spec.Items, v1alpha1.Currency(currency))
	if err != nil {
		return ""
	}
	return total.String()
}

// decimal is an amount with the currency's decimals; empty when it is none.
func decimal(amount, currency string) string {
	parsed, err := money.Parse(amount, currency)
	if err != nil {
		return ""
	}
	return parsed.String()
}

// itemsOf are the lines as the REST API shows them.
func itemsOf(o *v1alpha1.Order, currency string) []event.Item {
	items := make([]event.Item, len(o.Spec.Items))
	for i, item := range o.Spec.Items {
		price := item.UnitPrice
		if exact, err := money.ParsePrice(price, currency); err == nil {
			price = exact.String()
		}
		items[i] = event.Item{ProductID: item.ProductID, Quantity: item.Quantity, UnitPrice: json.Number(price)}
	}
	return items
}

func timeOf(t *metav1.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}

// withoutNUL replaces the one character that JSON can say and Postgres' JSONB can't hold. An
// annotation may have it.
func withoutNUL(text []byte) []byte {
	const escaped = `\u0000`
	if !bytes.Contains(text, []byte(escaped)) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\' || i+1 == len(text):
			out = append(out, text[i])
		case bytes.HasPrefix(text[i:], []byte(escaped)):
			out = append(out, `\ufffd`...)
			i += len(escaped) - 1
		default: // an escape of two characters, or the start of a longer one
			out = append(out, text[i], text[i+1])
			i++
		}
	}
	return out
}
