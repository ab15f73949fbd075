package order_test

import (
	"encoding/json"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/argohealth"
)

const orderHealth = "../../../config/argocd/orderplane.dev/Order/health.lua"

// What Argo CD shows agrees with kstatus, except that it has a word of its own
// for what waits for a person.
func TestArgoCDUnderstandsTheStatus(t *testing.T) {
	words := map[status.Status]string{
		status.InProgressStatus: "Progressing", status.CurrentStatus: "Healthy", status.FailedStatus: "Degraded",
	}
	for _, m := range moments() {
		if m.want == status.TerminatingStatus {
			continue // Argo CD sees to that itself
		}
		s := newSim(t)
		m.play(s)
		want := words[m.want]
		if m.name == "a return waits for a person" {
			want = "Suspended"
		}
		if got := argoHealth(t, s.order); got != want {
			t.Errorf("%s (%s): %s, want %s", m.name, s.order.Status.Phase, got, want)
		}
	}
}

// Argo CD says in words what a phase alone does not.
func TestArgoCDSaysWhatCameBack(t *testing.T) {
	s := newSim(t)
	s.place()
	s.ship()
	s.remake("prod-001")
	for _, c := range []struct {
		play func()
		want string
	}{
		{func() {}, "Fulfilled"},
		{func() { s.sendBack("r1", ofLine(2, "prod-002", 1)); s.approve() }, "Fulfilled: a part came back"},
		{func() { s.sendBack("r2"); s.approve() }, "Returned; some units could not be put back on the shelf"},
	} {
		c.play()
		raw, err := json.Marshal(s.order)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(raw, &fields); err != nil {
			t.Fatal(err)
		}
		if _, message, err := argohealth.Assess(orderHealth, fields); err != nil || message != c.want {
			t.Errorf("%s: %q, %v; want %q", s.order.Status.Phase, message, err, c.want)
		}
	}
}

func argoHealth(t *testing.T, o *v1alpha1.Order) string {
	t.Helper()
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	health, _, err := argohealth.Assess(orderHealth, fields)
	if err != nil {
		t.Fatal(err)
	}
	return health
}
