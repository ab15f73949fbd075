package order_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// What the rules leave alone.
func TestWhatIsNotTheOrdersIsLeftAlone(t *testing.T) {
	held := anOrder().in(v1alpha1.OrderConfirmed).with(func(o *v1alpha1.Order) {
		now := metav1.NewTime(created())
		o.DeletionTimestamp, o.Finalizers = &now, []string{"somebody/else"}
	}).order()
	placed := anOrder().order()
	foreign := aReservation(placed, v1alpha1.ReservationReserved)
	foreign.Spec.OrderRef = &v1alpha1.OrderReference{Name: "o-2", UID: "uid-2"}
	answered := anOrder().in(v1alpha1.OrderReturnRequested).with(func(o *v1alpha1.Order) {
		o.Spec.Return.RequestID = "r2"
		o.Spec.Return.Decision = &v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove}
	}).order()
	for name, c := range map[string]struct {
		facts order.Facts
		want  order.Decision
	}{
		"a deleted order that only somebody else holds": {order.Facts{Order: held, Reservation: aReservation(held, v1alpha1.ReservationReserved)}, order.Decision{Rule: "OrderIsDeleted"}},
		"a reservation of this name for another order":  {order.Facts{Order: placed, Reservation: foreign}, order.Decision{Rule: "StallHasChanged", Act: order.WriteStatus}},
		"a decision about another return than is open":  {order.Facts{Order: answered, Reservation: usualReservation(answered)}, order.Decision{Rule: "SpecIsUnanswered", Act: order.WriteStatus}},
	} {
		c.facts.Now = created()
		if d := order.Judge(c.facts); d.Rule != c.want.Rule || d.Act != c.want.Act {
			t.Errorf("%s: rule %q, act %q; want %q, %q", name, d.Rule, d.Act, c.want.Rule, c.want.Act)
		}
	}
	foreign.Spec.OrderRef.Name = "o-2"
	if d := order.Orphan(foreign); d.Act != order.Nothing {
		t.Errorf("a reservation that names an order of another name: %+v", d)
	}
}
