package argocd_test

import (
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/test/argohealth"
)

func TestHealth(t *testing.T) {
	for _, c := range []struct{ name, kind, object, want, message string }{
		{"nothing decided", "StockReservation", `{spec: {intent: Hold}}`, "Progressing", ""},
		{"pending", "StockReservation", `{spec: {intent: Hold}, status: {phase: Pending}}`, "Progressing", ""},
		{"held", "StockReservation", `{spec: {intent: Hold}, status: {phase: Reserved}}`, "Healthy", "Reserved"},
		{"to be committed", "StockReservation", `{spec: {intent: Commit}, status: {phase: Reserved}}`, "Progressing", "Reserved"},
		{"committed", "StockReservation", `{spec: {intent: Commit}, status: {phase: Committed}}`, "Healthy", "Committed"},
		{"expired", "StockReservation", `{spec: {intent: Hold}, status: {phase: Released}}`, "Healthy", "Released"},
		{
			"short", "StockReservation",
			`{spec: {intent: Hold}, status: {phase: Rejected, shortages: [{productID: p, requested: 3, available: 1}]}}`,
			"Degraded", "Rejected; p: 3 asked, 1 available",
		},
		{"new", "StockAdjustment", `{spec: {}}`, "Progressing", ""},
		{"applied", "StockAdjustment", `{status: {phase: Applied}}`, "Healthy", "Applied"},
		{
			"refused", "StockAdjustment",
			`{status: {phase: Refused, conditions: [{type: Applied, status: "False", message: too old}]}}`, "Degraded", "too old",
		},
		{"new", "Order", `{metadata: {generation: 1}}`, "Progressing", ""},
		{
			"cancelled", "Order",
			`{metadata: {generation: 1}, status: {phase: Cancelled, observedGeneration: 1, cancelledReason: SLA_TIMEOUT}}`,
			"Healthy", "Cancelled: SLA_TIMEOUT",
		},
	} {
		status, message := health(t, c.kind, c.object)
		if status != c.want || c.message != "" && message != c.message {
			t.Errorf("%s, %s: %s %q, want %s %q", c.kind, c.name, status, message, c.want, c.message)
		}
	}
}

func health(t *testing.T, kind, object string) (status, message string) {
	t.Helper()
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(object), &fields); err != nil {
		t.Fatal(err)
	}
	status, message, err := argohealth.Assess("orderplane.dev/"+kind+"/health.lua", fields)
	if err != nil {
		t.Fatal(err)
	}
	return status, message
}
