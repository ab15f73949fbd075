package performance

import (
	"errors"
	"fmt"
	"math"
	"os"

	"sigs.k8s.io/yaml"
)

// Budget is what the program may cost. It holds ratios and counts only: those
// are the program's, whereas times are the machine's.
type Budget struct {
	// WritesPerOrder at load, to objects of ours of any kind, at most.
	WritesPerOrder float64 `json:"writesPerOrder"`
	// APIToRaw and GatewayToRaw are orders a second to what the machine can do at
	// all, at least; of workloads with one line and nothing short.
	APIToRaw     float64 `json:"apiToRaw"`
	GatewayToRaw float64 `json:"gatewayToRaw"`
	// CPUToRaw is the CPU time an order by API to that of the raw writes, at most.
	CPUToRaw float64 `json:"cpuToRaw"`
	// HotToUniform is orders a second for one product to those over all, at least.
	HotToUniform float64 `json:"hotToUniform"`
}

// ReadBudget reads a budget; a field it does not know is an error, and so is one it lacks.
func ReadBudget(file string) (Budget, error) {
	var b Budget
	data, err := os.ReadFile(file)
	if err != nil {
		return b, fmt.Errorf("read the budget: %w", err)
	}
	if err := yaml.UnmarshalStrict(data, &b); err != nil {
		return b, fmt.Errorf("read the budget %s: %w", file, err)
	}
	var errs []error
	for field, limit := range map[string]float64{
		"writesPerOrder": b.WritesPerOrder, "apiToRaw": b.APIToRaw, "gatewayToRaw": b.GatewayToRaw,
		"cpuToRaw": b.CPUToRaw, "hotToUniform": b.HotToUniform,
	} {
		if limit <= 0 {
			errs = append(errs, fmt.Errorf("%s: set a limit above 0", field))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return b, fmt.Errorf("budget %s: %w", file, err)
	}
	return b, nil
}

// Check tells where a report breaks the budget. What a run did not measure is
// not checked, but a run that measured nothing of it is refused.
func (b Budget) Check(r *Report) error {
	var errs []error
	checks := 0
	limit := func(broken bool, format string, args ...any) {
		checks++
		if broken {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	// A comparison with what is not a number is false, so the good case is asked for.
	atMost := func(what string, got, most float64) {
		limit(!(got <= most), "%s: %s, at most %s allowed", what, figure(got), figure(most))
	}
	atLeast := func(what string, got, least float64) {
		limit(!(got >= least), "%s: %s, at least %s wanted", what, figure(got), figure(least))
	}
	for _, g := range r.Groups {
		for _, c := range g.Contenders {
			if c.Mode == Raw {
				continue
			}
			name := fmt.Sprintf("%s %s", c.Mode, c.Workload)
			atMost("writes an order, "+name, c.WritesPerOrder, b.WritesPerOrder)
			if c.Workload != (Workload{Spread: Uniform, Lines: 1}).Name() {
				continue
			}
			switch c.Mode {
			case Gateway:
				atLeast("orders a second to raw, "+name, c.ToRaw, b.GatewayToRaw)
			case API:
				atLeast("orders a second to raw, "+name, c.ToRaw, b.APIToRaw)
				atMost("CPU to raw, "+name, c.CPUToRaw, b.CPUToRaw)
			default: // the budget is about these two
			}
		}
		if g.HotToUniform != 0 {
			atLeast("hot to uniform, "+g.Group, g.HotToUniform, b.HotToUniform)
		}
	}
	if checks == 0 {
		return errors.New("the run measured nothing the budget is about")
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("over budget:\n%w", err)
	}
	return nil
}

func figure(v float64) string {
	if math.IsNaN(v) {
		return "not measured"
	}
	return fmt.Sprintf("%.3g", v)
}
