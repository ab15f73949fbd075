package argocd_test

import (
	"testing"

	lua "github.com/yuin/gopher-lua"
	"sigs.k8s.io/yaml"
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

// health runs a check as Argo CD does: the object is the global obj.
func health(t *testing.T, kind, object string) (status, message string) {
	t.Helper()
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(object), &fields); err != nil {
		t.Fatal(err)
	}
	l := lua.NewState()
	defer l.Close()
	l.SetGlobal("obj", toLua(l, fields))
	if err := l.DoFile("orderplane.dev/" + kind + "/health.lua"); err != nil {
		t.Fatal(err)
	}
	result, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		t.Fatalf("%s: returned %s", kind, l.Get(-1).Type())
	}
	return result.RawGetString("status").String(), result.RawGetString("message").String()
}

func toLua(l *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case map[string]any:
		table := l.NewTable()
		for key, item := range v {
			table.RawSetString(key, toLua(l, item))
		}
		return table
	case []any:
		table := l.NewTable()
		for _, item := range v {
			table.Append(toLua(l, item))
		}
		return table
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case float64:
		return lua.LNumber(v)
	}
	return lua.LNil
}
