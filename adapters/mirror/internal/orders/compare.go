package orders

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
)

// Compare says in what a row is not as the mirror writes it for an order; nothing when it is. row is
// the zero value when there is none. An order that can't be told is an error.
func Compare(o *v1alpha1.Order, row orderdb.Row, found bool) (differences []string, err error) {
	v, err := versionOf(o, false)
	if err != nil {
		return nil, err
	}
	switch {
	case v.Entries == 0:
		return nil, nil // it is told once its currency is known (rule 3)
	case v.Unasked && (!found || row.ObjectUID != v.UID):
		return nil, nil // whether it is a repeat is decided yet (rule 38)
	case !found:
		return []string{"it has no row"}, nil
	case row.ObjectUID != v.UID:
		return []string{fmt.Sprintf("its row is of another object, with uid %s", row.ObjectUID)}, nil
	case row.State == orderdb.Archived && v.Leaving:
		return nil, nil // between the steps to the archive (rule 27)
	case row.State != orderdb.Live:
		return []string{fmt.Sprintf("its row says %s", row.State)}, nil
	}
	if row.Seq < v.Entries {
		differences = append(differences, fmt.Sprintf("%d of its %d entries were not told", v.Entries-row.Seq, v.Entries))
	}
	want, err := rowOf(o, orders.Row{Identity: row.UID, RV: v.RV, Seq: v.Entries, State: row.State, MirroredAt: row.MirroredAt})
	if err != nil {
		return nil, err
	}
	for _, c := range columnsOf(&want, &row) {
		if !same(c.want, c.got) {
			differences = append(differences, fmt.Sprintf("its row has another %s", c.name))
		}
	}
	return differences, nil
}

// column is one of a row: as it should be, and as it is.
type column struct {
	name      string
	want, got any
}

func columnsOf(want, got *orderdb.Row) []column {
	return []column{
		{"rv", want.RV, got.RV}, {"told", want.Told, got.Told},
		{"customer_id", want.CustomerID, got.CustomerID}, {"status", want.Status, got.Status},
		{"items", want.Items, got.Items}, {"shipping_address", want.ShippingAddress, got.ShippingAddress},
		{"total_amount", want.TotalAmount, got.TotalAmount}, {"refund_amount", want.RefundAmount, got.RefundAmount}, {"currency", want.Currency, got.Currency},
		{"idempotency_key", want.IdempotencyKey, got.IdempotencyKey},
		{"cancelled_reason", want.CancelledReason, got.CancelledReason}, {"cancelled_at", want.CancelledAt, got.CancelledAt},
		{"fulfilled_at", want.FulfilledAt, got.FulfilledAt}, {"return_requested_at", want.ReturnRequestedAt, got.ReturnRequestedAt},
		{"return_reason", want.ReturnReason, got.ReturnReason}, {"returned_at", want.ReturnedAt, got.ReturnedAt},
		{"created_at", &want.CreatedAt, &got.CreatedAt}, {"updated_at", &want.UpdatedAt, &got.UpdatedAt},
		{"object", want.Object, got.Object},
	}
}

func same(want, got any) bool {
	switch want := want.(type) {
	case *time.Time:
		got, ok := got.(*time.Time)
		return ok && (want == nil) == (got == nil) && (want == nil || want.Truncate(time.Microsecond).Equal(*got)) // Postgres has microseconds
	case json.RawMessage:
		got, ok := got.(json.RawMessage)
		var w, g any
		return ok && json.Unmarshal(want, &w) == nil && json.Unmarshal(got, &g) == nil && reflect.DeepEqual(w, g)
	default:
		return want == got
	}
}
