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
