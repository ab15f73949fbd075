package event_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
)

// Amounts have the decimals of the currency; what is none, or of no currency, is not shown.
func TestTheAmountsOfAView(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		currency             v1alpha1.Currency
		price, total, refund string
		wantPrice, wantTotal string
		wantRefund           string
	}{
		"computed before the controller did":      {"EUR", "19.9", "", "", "19.90", "39.80", ""},
		"as the controller computed it":           {"EUR", "19.9", "39.8", "19.9", "19.90", "39.80", "19.90"},
		"of a currency without decimals":          {"JPY", "1500", "", "0", "1500", "3000", "0"},
		"a price finer than the currency":         {"USD", "0.0125", "", "", "0.0125", "0.03", ""},
		"of an order whose currency nobody knows": {"", "19.9", "39.80", "1.00", "19.9", "", ""},
		"written by hand":                         {"EUR", "19.9", "a lot", "1.999", "19.90", "", ""},
	} {
		o := &v1alpha1.Order{}
		o.Spec.Items = []v1alpha1.OrderItem{{ProductID: "p", Quantity: 2, UnitPrice: c.price}}
		o.Status.TotalAmount, o.Status.RefundAmount = c.total, c.refund
		v := event.ViewOf(o, c.currency)
		if got := string(v.Items[0].UnitPrice); got != c.wantPrice || v.TotalAmount != c.wantTotal || v.RefundAmount != c.wantRefund {
			t.Errorf("%s: price %q, total %q, refund %q", name, got, v.TotalAmount, v.RefundAmount)
		}
	}
}

func TestTheTimesOfAView(t *testing.T) {
	t.Parallel()
	at := func(hour int) metav1.Time {
		return metav1.NewTime(time.Date(2026, 11, 27, hour, 0, 0, 0, time.FixedZone("CET", 3600)))
	}
	utc := func(hour int) *time.Time {
		u := at(hour).UTC()
		return &u
	}
	o := &v1alpha1.Order{}
	o.CreationTimestamp = at(1)
	if diff := cmp.Diff(event.Times{Updated: *utc(1)}, event.ViewOf(o, "EUR").Times); diff != "" {
		t.Errorf("of a new order (-want +got)\n%s", diff)
	}
	confirmed, fulfilled := at(2), at(3)
	o.Status.ConfirmedAt, o.Status.FulfilledAt = &confirmed, &fulfilled
	o.Status.History = []v1alpha1.OrderHistoryEntry{{At: at(2)}, {At: at(3)}}
	want := event.Times{Confirmed: utc(2), Fulfilled: utc(3), Updated: *utc(3)}
	if diff := cmp.Diff(want, event.ViewOf(o, "EUR").Times); diff != "" {
		t.Errorf("of a shipped one (-want +got)\n%s", diff)
	}
}

func TestTheWordsForAReturn(t *testing.T) {
	t.Parallel()
	o := &v1alpha1.Order{}
	if got := event.ReturnStatusOf(o); got != "" {
		t.Errorf("nothing was asked for: %s", got)
	}
	o.Spec.Return = &v1alpha1.Return{RequestID: "r2"}
	for state, want := range map[v1alpha1.ReturnState]event.ReturnStatus{
		v1alpha1.ReturnRequested: "REQUESTED", v1alpha1.ReturnApproved: "APPROVED",
		v1alpha1.ReturnRejected: "REJECTED", v1alpha1.ReturnRefused: "REFUSED",
	} {
		o.Status.Return = &v1alpha1.OrderReturnStatus{RequestID: "r2", State: state}
		if got := event.ReturnStatusOf(o); got != want {
			t.Errorf("%s: %s, want %s", state, got, want)
		}
		o.Status.Return.RequestID = "r1"
		if got := event.ReturnStatusOf(o); got != event.ReturnPending {
			t.Errorf("answered for another request: %s, want PENDING", got)
		}
	}
}

func TestTheWordsForACommand(t *testing.T) {
	t.Parallel()
	fulfilled := func(decision *v1alpha1.ReturnDecision) v1alpha1.Order {
		o := v1alpha1.Order{}
		o.Spec.Return = &v1alpha1.Return{RequestID: "r", Decision: decision}
		o.Status.Phase = v1alpha1.OrderFulfilled
		if decision != nil {
			o.Status.Phase = v1alpha1.OrderReturnRequested
			o.Status.Return = &v1alpha1.OrderReturnStatus{RequestID: "r", State: v1alpha1.ReturnRequested}
		}
		return o
	}
	pending := func(spec v1alpha1.OrderSpec) v1alpha1.Order {
		o := v1alpha1.Order{Spec: spec}
		o.Status.Phase = v1alpha1.OrderPending
		return o
	}
	for want, o := range map[event.Command]v1alpha1.Order{
		"":               pending(v1alpha1.OrderSpec{}),
		"CANCEL":         pending(v1alpha1.OrderSpec{Cancellation: &v1alpha1.Cancellation{}}),
		"FULFILL":        pending(v1alpha1.OrderSpec{Fulfillment: &v1alpha1.Fulfillment{}}),
		"RETURN":         fulfilled(nil),
		"APPROVE_RETURN": fulfilled(&v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove}),
		"REJECT_RETURN":  fulfilled(&v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictReject}),
	} {
		if got := event.PendingCommandOf(&o); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
