package order_test

import (
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// kstatus is what Flux, kpt and others make of an order, which they know only by
// its common fields.
func kstatus(t *testing.T, o *v1alpha1.Order) status.Status {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Order"))
	result, err := status.Compute(u)
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}

// Orders as they are at one moment of a sequence, and what tools are to think.
func moments() []struct {
	name string
	play func(*sim)
	want status.Status
} {
	return []struct {
		name string
		play func(*sim)
		want status.Status
	}{
		{"just placed", func(s *sim) {
			s.controllerIsAway = true
			s.place()
		}, status.InProgressStatus},
		{"waits for stock", func(s *sim) {
			s.stockIsAway = true
			s.place()
		}, status.InProgressStatus},
		{"confirmed", func(s *sim) { s.place() }, status.CurrentStatus},
		{"short", func(s *sim) {
			s.onHand["prod-001"] = 0
			s.place()
		}, status.CurrentStatus},
		{"cancelled", func(s *sim) {
			s.place()
			s.cancel()
		}, status.CurrentStatus},
		{"cancel is asked", func(s *sim) {
			s.place()
			s.controllerIsAway = true
			s.cancel()
		}, status.InProgressStatus},
		{"shipment is under way", func(s *sim) {
			s.place()
			s.stockIsAway = true
			s.ship()
		}, status.InProgressStatus},
		{"shipment waits for the archive", func(s *sim) {
			s.mirrored = true
			s.place(unasked)
			s.ship()
		}, status.InProgressStatus},
		{"fulfilled", func(s *sim) {
			s.place()
			s.ship()
		}, status.CurrentStatus},
		{"a return waits for a person", func(s *sim) {
			s.place()
			s.ship()
			s.sendBack("r1")
		}, status.CurrentStatus},
		{"an approved return waits for the shelf", func(s *sim) {
			s.place()
			s.ship()
			s.sendBack("r1")
			s.stockIsAway = true
			s.approve()
		}, status.InProgressStatus},
		{"a part came back", func(s *sim) {
			s.place()
			s.ship()
			s.sendBack("r1", ofLine(1, "prod-001", 1))
			s.approve()
		}, status.CurrentStatus},
		{"another part is asked for", func(s *sim) {
			s.place()
			s.ship()
			s.sendBack("r1", ofLine(1, "prod-001", 1))
			s.approve()
			s.controllerIsAway = true
			s.sendBack("r2", ofLine(1, "prod-001", 1))
		}, status.InProgressStatus},
		{"another part waits for the shelf", func(s *sim) {
			s.place()
			s.ship()
			s.sendBack("r1", ofLine(1, "prod-001", 1))
			s.approve()
			s.sendBack("r2", ofLine(1, "prod-001", 1))
			s.stockIsAway = true
			s.approve()
		}, status.InProgressStatus},
		{"units could not be put back", func(s *sim) {
			s.place()
			s.ship()
			s.remake("prod-001")
			s.sendBack("r1")
			s.approve()
		}, status.CurrentStatus},
		{"returned", func(s *sim) {
			s.place()
			s.ship()
			s.sendBack("r1")
			s.approve()
		}, status.CurrentStatus},
		{"an intent was refused", func(s *sim) {
			s.place()
			s.ship()
			s.cancel()
		}, status.CurrentStatus},
		{"stalled when confirmed", func(s *sim) {
			s.place()
			s.meddle("release the reservation", func(r *v1alpha1.StockReservation) { r.Spec.Intent = v1alpha1.IntentRelease })
		}, status.FailedStatus},
		{"stalled when pending", func(s *sim) {
			s.rsv = aReservation(anOrder().order(), v1alpha1.ReservationReserved)
			s.rsv.Spec.OrderRef = nil
			s.place()
		}, status.FailedStatus},
		{"no longer stalled, still pending", func(s *sim) {
			s.rsv = aReservation(anOrder().order(), v1alpha1.ReservationReserved)
			s.rsv.Spec.OrderRef = nil
			s.place()
			s.stockIsAway = true
			s.meddle("delete the basket", nil)
		}, status.InProgressStatus},
		{"deleted", func(s *sim) {
			s.place()
			s.controllerIsAway = true
			s.deleteOrder()
		}, status.TerminatingStatus},
	}
}

func TestToolsUnderstandTheStatus(t *testing.T) {
	phases := map[v1alpha1.OrderPhase]bool{}
	for _, m := range moments() {
		s := newSim(t)
		m.play(s)
		phases[s.order.Status.Phase] = true
		if got := kstatus(t, s.order); got != m.want {
			t.Errorf("%s (%s): %s, want %s", m.name, s.order.Status.Phase, got, m.want)
		}
	}
	for _, phase := range allPhases() {
		if !phases[phase] {
			t.Errorf("no moment in phase %s", phase)
		}
	}
}
