package orders

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
)

// rowOf is the row of an order, as the rules want it.
func rowOf(o *v1alpha1.Order, to orders.Row) (orderdb.Row, error) {
	spec := &o.Spec
	currency := currencyOf(o)
	shown := event.ViewOf(o, currency)
	r := orderdb.Row{
		Version: orderdb.Version{
			ID: o.Name, UID: to.Identity, ObjectUID: string(o.UID), RV: to.RV, Seq: to.Seq,
			Told: toldSum(o, to.Seq), State: to.State, MirroredAt: to.MirroredAt,
		},
		CustomerID: spec.CustomerID, Status: string(shown.Status), Currency: string(currency),
		TotalAmount: shown.TotalAmount, RefundAmount: shown.RefundAmount,
		CancelledReason: string(shown.CancelledReason), ReturnReason: shown.ReturnReason,
		CancelledAt: shown.Times.Cancelled, FulfilledAt: shown.Times.Fulfilled,
		ReturnRequestedAt: shown.Times.ReturnRequested, ReturnedAt: shown.Times.Returned,
		CreatedAt: v1alpha1.ListedAt(o), UpdatedAt: shown.Times.Updated,
	}
	if isByGateway(o) {
		r.IdempotencyKey = o.Name
	}
	stored := *o
	stored.ManagedFields = nil
	stored.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Order"))
	for _, part := range []struct {
		of   any
		into *json.RawMessage
	}{{shown.Items, &r.Items}, {event.Address(spec.ShippingAddress), &r.ShippingAddress}, {&stored, &r.Object}} {
		text, err := json.Marshal(part.of)
		if err != nil {
			return orderdb.Row{}, fmt.Errorf("write order %s as JSON: %w", o.Name, err)
		}
		*part.into = withoutNUL(text)
	}
	return r, nil
}

// currencyOf is the currency of an order's prices, empty for one that ended before it was known.
func currencyOf(o *v1alpha1.Order) v1alpha1.Currency {
	if o.Spec.Currency == "" && o.Status.Currency == "" {
		return ""
	}
	return order.CurrencyOf(o, nil)
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
