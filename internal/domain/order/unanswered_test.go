package order_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
)

func TestUnanswered(t *testing.T) {
	asked := func(verdict v1alpha1.ReturnVerdict) *v1alpha1.Return {
		r := &v1alpha1.Return{RequestID: "r1"}
		if verdict != "" {
			r.Decision = &v1alpha1.ReturnDecision{Verdict: verdict}
		}
		return r
	}
	answered := &v1alpha1.OrderReturnStatus{RequestID: "r1"}
	refused := []metav1.Condition{{Type: v1alpha1.OrderConditionIntentRefused, Status: metav1.ConditionTrue}}
	for name, tc := range map[string]struct {
		spec   v1alpha1.OrderSpec
		status v1alpha1.OrderStatus
		want   order.Command
	}{
		"nothing is asked": {
			status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderPending},
		},
		"cancel": {
			spec:   v1alpha1.OrderSpec{Cancellation: &v1alpha1.Cancellation{}, Fulfillment: &v1alpha1.Fulfillment{}},
			status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderConfirmed},
			want:   order.Cancel,
		},
		"cancel that was carried out": {
			spec:   v1alpha1.OrderSpec{Cancellation: &v1alpha1.Cancellation{}},
			status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderCancelled},
		},
		"fulfil": {
			spec:   v1alpha1.OrderSpec{Fulfillment: &v1alpha1.Fulfillment{}},
			status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderPending},
			want:   order.Fulfil,
		},
		"a return": {
			spec:   v1alpha1.OrderSpec{Fulfillment: &v1alpha1.Fulfillment{}, Return: asked("")},
			status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderFulfilled},
			want:   order.RequestReturn,
		},
		"a second return": {
			spec:   v1alpha1.OrderSpec{Return: asked("")},
			status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderFulfilled, Return: &v1alpha1.OrderReturnStatus{RequestID: "r0"}},
			want:   order.RequestReturn,
		},
		"a return that waits for a person": {
			spec:   v1alpha1.OrderSpec{Return: asked("")},
			status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderReturnRequested, Return: answered},
		},
		"approve": {
			spec:   v1alpha1.OrderSpec{Return: asked(v1alpha1.VerdictApprove)},
			status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderReturnRequested, Return: answered},
			want:   order.Approve,
		},
		"reject": {
			spec:   v1alpha1.OrderSpec{Return: asked(v1alpha1.VerdictReject)},
			status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderReturnRequested, Return: answered},
			want:   order.Reject,
		},
		"approve that was carried out": {
			spec:   v1alpha1.OrderSpec{Return: asked(v1alpha1.VerdictApprove)},
			status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderReturned, Return: answered},
		},
		"a return that was refused": {
			spec:   v1alpha1.OrderSpec{Return: asked("")},
			status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderConfirmed, ObservedGeneration: 2, Conditions: refused},
		},
		"a return after another intent was refused": {
			spec:   v1alpha1.OrderSpec{Return: asked("")},
			status: v1alpha1.OrderStatus{Phase: v1alpha1.OrderFulfilled, ObservedGeneration: 1, Conditions: refused},
			want:   order.RequestReturn,
		},
	} {
		o := &v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Spec: tc.spec, Status: tc.status}
		if got := order.Unanswered(o); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
