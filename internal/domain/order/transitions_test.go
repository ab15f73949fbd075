package order_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// give puts a command to an order whose facts are otherwise quiet, as its author
// would: a person by an intent, the stock side by the reservation, time by passing.
func give(command order.Command, f *order.Facts) {
	o := f.Order
	o.Generation++
	decide := func(d *v1alpha1.ReturnDecision) {
		if o.Spec.Return == nil {
			o.Spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken"}
		}
		o.Spec.Return.Decision = d
	}
	if o.Status.Phase == v1alpha1.OrderFulfilled && (command == order.Approve || command == order.Reject) {
		// The only return to decide in this phase is one that was answered: "Reject
		// it" is what happened, "approve it after all" is refused.
		o.Spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken"}
		o.Status.Return = &v1alpha1.OrderReturnStatus{RequestID: "r1", State: v1alpha1.ReturnRejected, Reason: "broken"}
	}
	switch command {
	case order.Confirm:
		if f.Reservation.Status.Phase == v1alpha1.ReservationPending {
			f.Reservation = aReservation(o, v1alpha1.ReservationReserved)
		}
	case order.Cancel:
		o.Spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelCustomerRequest}
	case order.TimeOut:
		f.Now = created().Add(15*time.Minute + time.Second)
	case order.RejectStock:
		if f.Reservation.Status.Phase == v1alpha1.ReservationPending {
			f.Reservation = aReservation(o, v1alpha1.ReservationRejected)
		}
	case order.Fulfil:
		o.Spec.Fulfillment = &v1alpha1.Fulfillment{}
	case order.RequestReturn:
		o.Spec.Return = &v1alpha1.Return{RequestID: "r2", Reason: "too small"}
	case order.Approve:
		decide(&v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove})
	case order.Reject:
		decide(&v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictReject, Reason: "worn"})
	}
}

// run judges until nothing is to be done, and does what the decisions say: the
// stock side does what it is told at once.
func run(t *testing.T, f *order.Facts) {
	t.Helper()
	for range 8 {
		d := order.Judge(*f)
		switch d.Act {
		case order.Nothing:
			return
		case order.WriteStatus:
			f.Order = f.Order.DeepCopy()
			f.Order.Status = *d.Status
		case order.CreateReservation:
			f.Reservation = d.Reservation.DeepCopy()
			f.Reservation.Status.Phase = v1alpha1.ReservationPending
		case order.UpdateReservation:
			f.Reservation = d.Reservation.DeepCopy()
			f.Reservation.Status.Phase = obeyed(f.Reservation)
		default:
			t.Fatalf("rule %s wants %s", d.Rule, d.Act)
		}
	}
	t.Fatal("the judge never comes to rest")
}

// obeyed is the phase to which a reservation's intent leads.
func obeyed(r *v1alpha1.StockReservation) v1alpha1.StockReservationPhase {
	switch r.Spec.Intent {
	case v1alpha1.IntentCommit:
		return v1alpha1.ReservationCommitted
	case v1alpha1.IntentRelease:
		return v1alpha1.ReservationReleased
	case v1alpha1.IntentRestock:
		return v1alpha1.ReservationRestocked
	}
	return r.Status.Phase
}

// isAsked is whether a command is an intent of a person, who is told when it is refused.
func isAsked(command order.Command) bool {
	return command != order.Confirm && command != order.TimeOut && command != order.RejectStock
}

func TestEveryPairOfPhaseAndCommand(t *testing.T) {
	for _, from := range allPhases() {
		for _, command := range allCommands() {
			t.Run(strings.ReplaceAll(string(from)+"/"+string(command), " ", "-"), func(t *testing.T) {
				o := anOrder().in(from).order()
				f := order.Facts{Order: o, Reservation: usualReservation(o), Now: created().Add(2 * time.Minute)}
				if from == v1alpha1.OrderFulfilled || from == v1alpha1.OrderReturnRequested {
					f.Now = created().Add(2 * time.Hour)
				}
				give(command, &f)
				before := f.Order.DeepCopy()
				run(t, &f)
				to, err := order.Next(from, command)
				if err != nil {
					isRefused(t, before, f, command)
					return
				}
				if f.Order.Status.Phase != to {
					t.Fatalf("%s, want %s", f.Order.Status.Phase, to)
				}
				if diff := cmp.Diff(promised(from, command), appended(before, f.Order)); diff != "" {
					t.Errorf("history (-want +got)\n%s", diff)
				}
				if f.Order.Status.ObservedGeneration != f.Order.Generation {
					t.Errorf("generation %d is not answered", f.Order.Generation)
				}
				if meta.FindStatusCondition(f.Order.Status.Conditions, v1alpha1.OrderConditionIntentRefused) != nil {
					t.Error("followed, and said to be refused")
				}
			})
		}
	}
}

// isRefused demands that a command changed nothing but what is told of it.
func isRefused(t *testing.T, before *v1alpha1.Order, f order.Facts, command order.Command) {
	t.Helper()
	ignored := before.Status.DeepCopy()
	ignored.Conditions = f.Order.Status.Conditions
	ignored.ObservedGeneration = f.Order.Status.ObservedGeneration
	ignored.Reservation = f.Order.Status.Reservation
	ignored.TotalAmount, ignored.Currency = f.Order.Status.TotalAmount, f.Order.Status.Currency
	if diff := cmp.Diff(*ignored, f.Order.Status); diff != "" {
		t.Errorf("%s in %s changes the order (-before +after)\n%s", command, before.Status.Phase, diff)
	}
	told := meta.FindStatusCondition(f.Order.Status.Conditions, v1alpha1.OrderConditionIntentRefused)
	if !isAsked(command) || satisfied(before.Status.Phase, command) {
		if told != nil {
			t.Errorf("nobody asked for what was refused: %s", told.Message)
		}
		return
	}
	if told == nil {
		t.Fatalf("%s in %s is refused in silence", command, before.Status.Phase)
	}
	if told.Reason != order.ReasonInvalidTransition && told.Reason != order.ReasonAlreadyDecided {
		t.Errorf("refused as %s: %s", told.Reason, told.Message)
	}
}

// satisfied is whether a command asks for what the order already is.
func satisfied(phase v1alpha1.OrderPhase, command order.Command) bool {
	switch phase {
	case v1alpha1.OrderCancelled:
		return command == order.Cancel
	case v1alpha1.OrderFulfilled:
		return command == order.Fulfil || command == order.Reject
	case v1alpha1.OrderReturnRequested:
		return command == order.Fulfil
	case v1alpha1.OrderReturned:
		return command == order.Fulfil || command == order.Approve
	}
	return false
}

func promised(from v1alpha1.OrderPhase, command order.Command) []v1alpha1.OrderHistoryType {
	for _, tr := range order.Transitions() {
		if tr.From == from && tr.Command == command {
			return tr.History
		}
	}
	return nil
}

// appended is what a history gained, without the Created with which every history begins.
func appended(before, after *v1alpha1.Order) []v1alpha1.OrderHistoryType {
	var types []v1alpha1.OrderHistoryType
	for _, entry := range after.Status.History[len(before.Status.History):] {
		if entry.Type != v1alpha1.HistoryCreated {
			types = append(types, entry.Type)
		}
	}
	return types
}

func TestInvalidTransitionSaysWhatWouldBeAllowed(t *testing.T) {
	_, err := order.Next(v1alpha1.OrderFulfilled, order.Cancel)
	if want := "cancel: the order is Fulfilled, and this goes only when it is Pending or Confirmed"; err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
}

// The table names every phase and command, and leads out of every phase that is
// not final.
func TestTableIsComplete(t *testing.T) {
	final := map[v1alpha1.OrderPhase]bool{v1alpha1.OrderReturned: true, v1alpha1.OrderCancelled: true}
	used := map[order.Command]bool{}
	leads := map[v1alpha1.OrderPhase]bool{}
	for _, tr := range order.Transitions() {
		used[tr.Command], leads[tr.From] = true, true
		if strings.TrimSpace(tr.Guard) == "" || strings.TrimSpace(tr.Effect) == "" {
			t.Errorf("%s %s says nothing of guard or effect", tr.From, tr.Command)
		}
	}
	for _, phase := range allPhases() {
		if leads[phase] == final[phase] {
			t.Errorf("phase %s: leads on %t, final %t", phase, leads[phase], final[phase])
		}
	}
	for _, command := range allCommands() {
		if !used[command] {
			t.Errorf("command %s is in no transition", command)
		}
	}
}

// allCommands are all there are.
func allCommands() []order.Command {
	return []order.Command{
		order.Confirm, order.Cancel, order.TimeOut, order.RejectStock,
		order.Fulfil, order.RequestReturn, order.Approve, order.Reject,
	}
}

// allPhases are all there are, in the order of a life.
func allPhases() []v1alpha1.OrderPhase {
	return []v1alpha1.OrderPhase{
		v1alpha1.OrderPending, v1alpha1.OrderConfirmed, v1alpha1.OrderFulfilled,
		v1alpha1.OrderReturnRequested, v1alpha1.OrderReturned, v1alpha1.OrderCancelled,
	}
}
