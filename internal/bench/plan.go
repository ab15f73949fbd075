package bench

import (
	"fmt"
	"time"
)

// Plan is what a run measures.
type Plan struct {
	Name   string
	Groups []Group
	Turns  Turns
	// WarmUp of each contender before the first turn.
	WarmUp time.Duration
}

// inFlight orders saturate two cores, and a few more, without queueing much.
const inFlight = 32

func contenders(w ...Contender) []Contender { return w }

func on(m Mode, s Spread, lines, shortPercent int) Contender {
	return Contender{Mode: m, Workload: Workload{Spread: s, Lines: lines, ShortPercent: shortPercent}}
}

// Short is the plan for CI: the ratios of the budget, in less than four minutes.
func Short() Plan {
	return Plan{
		Name: "short",
		Groups: []Group{{Name: "one-line", Contenders: contenders(
			on(Raw, Uniform, 1, 0), on(API, Uniform, 1, 0), on(API, Hot, 1, 0), on(Gateway, Uniform, 1, 0),
		)}},
		Turns:  Turns{Count: 4, InFlight: inFlight, Ramp: time.Second, Window: 5 * time.Second},
		WarmUp: 3 * time.Second,
	}
}

// PlanNamed finds a plan.
func PlanNamed(name string) (Plan, error) {
	switch name {
	case "short":
		return Short(), nil
	}
	return Plan{}, fmt.Errorf("plan %q: there is short", name)
}
