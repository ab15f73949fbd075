package performance

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func goodReport() *Report {
	uniform, hot := Workload{Spread: Uniform, Lines: 1}.Name(), Workload{Spread: Hot, Lines: 1}.Name()
	return &Report{Groups: []Result{{
		Group: "one-line", HotToUniform: 0.95,
		Contenders: []Summary{
			{Mode: Raw, Workload: uniform, WritesPerOrder: 4, ToRaw: 1, CPUToRaw: 1},
			{Mode: API, Workload: uniform, WritesPerOrder: 4.1, ToRaw: 0.87, CPUToRaw: 1.2},
			{Mode: API, Workload: hot, WritesPerOrder: 4.1, ToRaw: 0.86, CPUToRaw: 1.2},
			{Mode: Gateway, Workload: uniform, WritesPerOrder: 4.1, ToRaw: 0.72, CPUToRaw: 1.4},
		},
	}}}
}

func TestBudgetFindsWhatIsBroken(t *testing.T) {
	budget := Budget{WritesPerOrder: 4.15, APIToRaw: 0.85, GatewayToRaw: 0.7, CPUToRaw: 1.4, HotToUniform: 0.9}
	for name, tc := range map[string]struct {
		change func(*Report)
		want   string
	}{
		"nothing":                {func(*Report) {}, ""},
		"a write too many":       {func(r *Report) { r.Groups[0].Contenders[2].WritesPerOrder = 5.1 }, "writes an order, api hot/1: 5.1, at most 4.15 allowed"},
		"the API is slow":        {func(r *Report) { r.Groups[0].Contenders[1].ToRaw = 0.5 }, "orders a second to raw, api uniform/1: 0.5, at least 0.85 wanted"},
		"the API is costly":      {func(r *Report) { r.Groups[0].Contenders[1].CPUToRaw = 2 }, "CPU to raw, api uniform/1: 2, at most 1.4 allowed"},
		"the gateway is slow":    {func(r *Report) { r.Groups[0].Contenders[3].ToRaw = 0.6 }, "orders a second to raw, gateway uniform/1: 0.6, at least 0.7 wanted"},
		"a hot product is slow":  {func(r *Report) { r.Groups[0].HotToUniform = 0.4 }, "hot to uniform, one-line: 0.4, at least 0.9 wanted"},
		"a ratio is no number":   {func(r *Report) { r.Groups[0].Contenders[1].ToRaw = math.NaN() }, "not measured"},
		"raw writes are not its": {func(r *Report) { r.Groups[0].Contenders[0].WritesPerOrder = 9 }, ""},
		"nothing was measured":   {func(r *Report) { r.Groups = nil }, "measured nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			report := goodReport()
			tc.change(report)
			err := budget.Check(report)
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("within budget, but: %v", err)
			case tc.want != "" && err == nil:
				t.Errorf("want %q, got no error", tc.want)
			case tc.want != "" && !strings.Contains(err.Error(), tc.want):
				t.Errorf("want %q, got: %v", tc.want, err)
			}
		})
	}
}

func TestBudgetNamesEveryFault(t *testing.T) {
	report := goodReport()
	report.Groups[0].HotToUniform = 0.1
	report.Groups[0].Contenders[1].ToRaw = 0.1
	err := Budget{WritesPerOrder: 4.15, APIToRaw: 0.85, GatewayToRaw: 0.7, CPUToRaw: 1.4, HotToUniform: 0.9}.Check(report)
	if err == nil || !strings.Contains(err.Error(), "hot to uniform") || !strings.Contains(err.Error(), "api uniform/1") {
		t.Errorf("want both faults, got: %v", err)
	}
}

func TestReadBudget(t *testing.T) {
	if _, err := ReadBudget("budget.yaml"); err != nil {
		t.Errorf("the budget that CI checks: %v", err)
	}
	for name, tc := range map[string]struct{ text, want string }{
		"a limit is missing": {"writesPerOrder: 4.15\n", "apiToRaw: set a limit above 0"},
		"a limit is unknown": {"writesPerOrder: 4.15\nlatency: 3\n", "latency"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "budget.yaml")
			if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadBudget(file); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want %q, got: %v", tc.want, err)
			}
		})
	}
}
