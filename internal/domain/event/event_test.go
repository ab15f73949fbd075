package event_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/order"
)

func TestStatusOf(t *testing.T) {
	words := map[v1alpha1.OrderPhase]event.Status{
		"":                            "PENDING",
		v1alpha1.OrderPending:         "PENDING",
		v1alpha1.OrderConfirmed:       "CONFIRMED",
		v1alpha1.OrderFulfilled:       "FULFILLED",
		v1alpha1.OrderReturnRequested: "RETURN_REQUESTED",
		v1alpha1.OrderReturned:        "RETURNED",
		v1alpha1.OrderCancelled:       "CANCELLED",
	}
	for phase, want := range words {
		if got := event.StatusOf(phase); got != want {
			t.Errorf("%q is %s, want %s", phase, got, want)
		}
	}
	for _, moves := range order.Transitions() {
		for _, phase := range []v1alpha1.OrderPhase{moves.From, moves.To} {
			if _, has := words[phase]; !has {
				t.Errorf("phase %s has no word here", phase)
			}
		}
	}
}

func TestTypeOf(t *testing.T) {
	words := map[v1alpha1.OrderHistoryType]event.Type{
		v1alpha1.HistoryCreated:         "order.created",
		v1alpha1.HistoryConfirmed:       "order.confirmed",
		v1alpha1.HistoryCancelRequested: "order.cancel.requested",
		v1alpha1.HistoryCancelled:       "order.cancelled",
		v1alpha1.HistoryFulfilled:       "order.fulfilled",
		v1alpha1.HistoryReturnRequested: "order.return.requested",
		v1alpha1.HistoryReturnRejected:  "order.return.rejected",
		v1alpha1.HistoryReturned:        "order.returned",
		v1alpha1.HistoryRefundRequested: "refund.requested",
		"Repacked":                      "Repacked",
	}
	for kind, want := range words {
		if got := event.TypeOf(kind); got != want {
			t.Errorf("%s is %s, want %s", kind, got, want)
		}
	}
	for _, transition := range order.Transitions() {
		for _, kind := range transition.History {
			if _, has := words[kind]; !has {
				t.Errorf("history type %s has no word here", kind)
			}
		}
	}
}

func TestOf(t *testing.T) {
	created := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	paris := time.FixedZone("Paris", 3600)
	first, second := int32(1), int32(2)
	for name, tc := range map[string]struct {
		history []v1alpha1.OrderHistoryEntry
		want    []event.Event
	}{
		"an order that nobody looked at yet was created": {
			want: []event.Event{{Seq: 1, Type: event.OrderCreated, At: created}},
		},
		"an order with a history": {
			history: []v1alpha1.OrderHistoryEntry{
				{Seq: 1, Type: v1alpha1.HistoryCreated, At: metav1.NewTime(created)},
				{Seq: 2, Type: v1alpha1.HistoryCancelled, At: metav1.NewTime(created.Add(time.Minute).In(paris)), Reason: "CUSTOMER_REQUEST", Message: "cancelled on request"},
			},
			want: []event.Event{
				{Seq: 1, Type: event.OrderCreated, At: created},
				{Seq: 2, Type: event.OrderCancelled, At: created.Add(time.Minute), Reason: "CUSTOMER_REQUEST", Message: "cancelled on request"},
			},
		},
		"an order of which two parts came back": {
			history: []v1alpha1.OrderHistoryEntry{
				{Seq: 1, Type: v1alpha1.HistoryCreated, At: metav1.NewTime(created)},
				{Seq: 2, Type: v1alpha1.HistoryReturned, At: metav1.NewTime(created), Units: []v1alpha1.LineUnits{{Line: 2, Quantity: 3}}, RefundAmount: "3.00"},
				{Seq: 3, Type: v1alpha1.HistoryRefundRequested, At: metav1.NewTime(created), RefundAmount: "3.00"},
				{Seq: 4, Type: v1alpha1.HistoryReturned, At: metav1.NewTime(created), Units: []v1alpha1.LineUnits{{Line: 1, Quantity: 1}, {Line: 9, Quantity: 1}}, RefundAmount: "1.00"},
				{Seq: 5, Type: v1alpha1.HistoryRefundRequested, At: metav1.NewTime(created), RefundAmount: "1.00"},
			},
			want: []event.Event{
				{Seq: 1, Type: event.OrderCreated, At: created},
				{Seq: 2, Type: event.OrderReturned, At: created, Items: []v1alpha1.ReturnItem{{Line: &second, ProductID: "mug", Quantity: 3}}, RefundAmount: "3.00"},
				{Seq: 3, Type: event.RefundRequested, At: created, RefundAmount: "3.00"},
				{Seq: 4, Type: event.OrderReturned, At: created, Items: []v1alpha1.ReturnItem{{Line: &first, ProductID: "tea", Quantity: 1}}, RefundAmount: "1.00"},
				{Seq: 5, Type: event.RefundRequested, At: created, RefundAmount: "1.00"},
			},
		},
	} {
		o := &v1alpha1.Order{}
		o.Spec.Items = []v1alpha1.OrderItem{{ProductID: "tea"}, {ProductID: "mug"}}
		o.CreationTimestamp = metav1.NewTime(created.In(paris))
		o.Status.History = tc.history
		if diff := cmp.Diff(tc.want, event.Of(o)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
