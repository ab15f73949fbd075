package order

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Reasons of the condition IntentRefused.
const (
	// ReasonInvalidTransition: the phase does not allow what an intent asks.
	ReasonInvalidTransition = "InvalidTransition"
	// ReasonReturnRefused: a return broke a rule; status.return says which.
	ReasonReturnRefused = "ReturnRefused"
	// ReasonAlreadyDecided: a decision came after another was made.
	ReasonAlreadyDecided = "AlreadyDecided"
)

type refusal struct{ reason, message string }

// refused returns the intents in spec that an order of this status will never
// follow. An intent that was followed, or that the next decision will follow,
// is not among them.
func refused(spec *v1alpha1.OrderSpec, status *v1alpha1.OrderStatus) []refusal {
	var all []refusal
	phase := status.Phase
	if phase == "" {
		phase = v1alpha1.OrderPending
	}
	invalid := func(command Command) {
		if _, err := Next(phase, command); err != nil {
			all = append(all, refusal{ReasonInvalidTransition, err.Error()})
		}
	}
	if spec.Cancellation != nil && status.CancelledAt == nil {
		invalid(Cancel)
	}
	if spec.Fulfillment != nil && status.FulfilledAt == nil {
		invalid(Fulfil)
	}
	asked := spec.Return
	if asked == nil {
		return all
	}
	last := status.Return
	switch {
	case last == nil || last.RequestID != asked.RequestID:
		invalid(RequestReturn)
	case last.State == v1alpha1.ReturnRefused:
		all = append(all, refusal{ReasonReturnRefused, "request return: " + last.Message})
	case asked.Decision != nil:
		all = append(all, refusedDecision(asked.Decision.Verdict, last.State)...)
	}
	return all
}

func refusedDecision(verdict v1alpha1.ReturnVerdict, state v1alpha1.ReturnState) []refusal {
	switch {
	case verdict == v1alpha1.VerdictReject && state == v1alpha1.ReturnApproved:
		return []refusal{{ReasonAlreadyDecided, "reject: this return was already approved"}}
	case verdict == v1alpha1.VerdictApprove && state == v1alpha1.ReturnRejected:
		return []refusal{{ReasonAlreadyDecided, "approve: this return was already rejected; ask again with a new requestID"}}
	}
	return nil
}

// refusals sets the condition that tells of refused intents, or takes it away.
func (c *change) refusals() {
	all := refused(&c.eval.Order.Spec, c.status)
	if len(all) == 0 {
		meta.RemoveStatusCondition(&c.status.Conditions, v1alpha1.OrderConditionIntentRefused)
		return
	}
	c.condition(v1alpha1.OrderConditionIntentRefused, metav1.ConditionTrue, all[0].reason, refusalText(all))
}

func refusalText(all []refusal) string {
	messages := make([]string, len(all))
	for i, r := range all {
		messages[i] = r.message
	}
	return strings.Join(messages, "; ")
}

// refusalsDiffer is whether the condition does not tell what is refused now.
func refusalsDiffer(o *v1alpha1.Order) bool {
	all := refused(&o.Spec, &o.Status)
	told := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.OrderConditionIntentRefused)
	if len(all) == 0 || told == nil {
		return len(all) > 0 || told != nil
	}
	return told.Reason != all[0].reason || told.Message != refusalText(all)
}
