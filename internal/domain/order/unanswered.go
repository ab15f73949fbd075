package order

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Unanswered is the command whose intent stands in an order's spec and that its status
// has not answered yet; empty when there is none. A command that was refused is answered.
func Unanswered(o *v1alpha1.Order) Command {
	spec, status := &o.Spec, &o.Status
	refused := meta.IsStatusConditionTrue(status.Conditions, v1alpha1.OrderConditionIntentRefused)
	if status.ObservedGeneration >= o.Generation && refused {
		return ""
	}
	returnOpen := spec.Return != nil && (status.Return == nil || status.Return.RequestID != spec.Return.RequestID)
	decisionOpen := spec.Return != nil && !returnOpen && spec.Return.Decision != nil &&
		status.Phase == v1alpha1.OrderReturnRequested
	shippable := status.Phase == v1alpha1.OrderPending || status.Phase == v1alpha1.OrderConfirmed
	switch {
	case spec.Cancellation != nil && shippable:
		return Cancel
	case spec.Fulfillment != nil && shippable:
		return Fulfil
	case returnOpen:
		return RequestReturn
	case decisionOpen && spec.Return.Decision.Verdict == v1alpha1.VerdictApprove:
		return Approve
	case decisionOpen:
		return Reject
	}
	return ""
}
