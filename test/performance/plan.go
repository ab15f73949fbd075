package performance

import (
	"fmt"
	"slices"
	"time"
)

// Plan is what a run measures.
type Plan struct {
	Name   string
	Groups []Group
	Rounds Rounds
	// WarmUp of each contender before the first round.
	WarmUp time.Duration
	// Open is what is measured with arrivals of their own, at Rate a second or, when that
	// is 0, below a saturation that is searched.
	Open []Contender
	Rate float64
	// Growth levels, each beside an empty cluster.
	Growth []Level
	// Builds compares builds of the manager instead of contenders.
	Builds bool
	// Mirrored has everything on: Postgres, Kafka, Redis, and the mirror.
	Mirrored bool
	// Absence lets a mirror catch up with this many orders.
	Absence int
	// Profile takes CPU profiles under the load of each group's contenders.
	Profile time.Duration
}

// inFlight orders saturate two cores, and a few more, without queueing much.
const inFlight = 32

func contenders(w ...Contender) []Contender { return w }

func on(m Mode, s Spread, lines, shortPercent int) Contender {
	return Contender{Mode: m, Workload: Workload{Spread: s, Lines: lines, ShortPercent: shortPercent}}
}

// short is the ratios of the budget, in less than ten minutes. A measurement
// has one or two of the API server's collections of garbage, and which of the two is
// chance: what counts is the median of five.
// The gateway has a group of its own, since it costs CPU by merely watching.
func short() Plan {
	return Plan{
		Name: "short",
		Groups: []Group{
			{Name: "one-line", Contenders: contenders(on(Raw, Uniform, 1, 0), on(API, Uniform, 1, 0), on(API, Hot, 1, 0))},
			{Name: "gateway", Contenders: contenders(on(Raw, Uniform, 1, 0), on(Gateway, Uniform, 1, 0))},
		},
		Rounds: Rounds{Count: 5, InFlight: inFlight, Ramp: time.Second, Window: 4 * time.Second},
		WarmUp: 2 * time.Second,
	}
}

// full is every workload in the closed model.
func full() Plan {
	return Plan{
		Name: "full",
		Groups: []Group{
			{Name: "one-line", Contenders: contenders(
				on(Raw, Uniform, 1, 0), on(API, Uniform, 1, 0), on(API, Zipf, 1, 0), on(API, Hot, 1, 0), on(Webhook, Uniform, 1, 0))},
			{Name: "four-lines", Contenders: contenders(
				on(Raw, Uniform, 4, 0), on(API, Uniform, 4, 0), on(API, Zipf, 4, 0), on(API, Hot, 4, 0))},
			{Name: "short", Contenders: contenders(on(Raw, Uniform, 1, 30), on(API, Uniform, 1, 30))},
			{Name: "gateway", Contenders: contenders(
				on(Raw, Uniform, 1, 0), on(Gateway, Uniform, 1, 0), on(Gateway, Hot, 1, 0), on(Gateway, Uniform, 1, 30))},
			{Name: "gateway-four-lines", Contenders: contenders(on(Raw, Uniform, 4, 0), on(Gateway, Uniform, 4, 0))},
		},
		Rounds: Rounds{Count: 6, InFlight: inFlight, Ramp: 2 * time.Second, Window: 10 * time.Second},
		WarmUp: 10 * time.Second,
	}
}

// openPlan is latencies in a steady state, below a saturation that was found in the same.
// The API server keeps the versions of the last 75 seconds in its watch cache: until they
// are there its heap grows, and with it the time each collection takes from the cores.
// The raw writer below its own saturation says what latencies the machine allows.
func openPlan() Plan {
	return Plan{
		Name:   "open",
		Rounds: Rounds{Count: 5, InFlight: inFlight, Ramp: 80 * time.Second, Window: 30 * time.Second},
		Open:   contenders(on(Raw, Uniform, 1, 0), on(API, Uniform, 1, 0), on(API, Hot, 1, 0), on(Gateway, Uniform, 1, 0)),
	}
}

// growth is throughput, memory and start with live orders present. A collection of an API
// server with 100,000 orders takes five CPU seconds, and there is one every eight to twelve
// seconds: a measurement has several.
func growthPlan() Plan {
	return Plan{
		Name:   "growth",
		Rounds: Rounds{Count: 3, InFlight: inFlight, Ramp: 2 * time.Second, Window: 40 * time.Second},
		WarmUp: 5 * time.Second,
		Growth: []Level{{Orders: 10_000}, {Reservations: 50_000}, {Orders: 100_000}},
	}
}

// profile takes CPU profiles of each component and the API server under load.
func profile() Plan {
	return Plan{
		Name: "profile",
		Groups: []Group{
			{Name: "api", Contenders: contenders(on(API, Uniform, 1, 0), on(Raw, Uniform, 1, 0))},
			{Name: "four-lines", Contenders: contenders(on(API, Uniform, 4, 0), on(Raw, Uniform, 4, 0))},
			{Name: "gateway", Contenders: contenders(on(Gateway, Uniform, 1, 0))},
		},
		Rounds:  Rounds{Count: 1, InFlight: inFlight, Ramp: time.Second, Window: 5 * time.Second},
		WarmUp:  5 * time.Second,
		Profile: 20 * time.Second,
	}
}

// buildsPlan compares builds of the manager: under load, and at a start with live orders. It is
// for before and after a change.
func buildsPlan() Plan {
	return Plan{
		Name:   "builds",
		Rounds: Rounds{Count: 3, InFlight: inFlight, Ramp: 2 * time.Second, Window: 10 * time.Second},
		Builds: true,
	}
}

// mirrorPlan is what the mirror leaves of the raw limit: orders a second with everything on.
func mirrorPlan() Plan {
	return Plan{
		Name: "mirror",
		Groups: []Group{
			{Name: "everything", Contenders: contenders(on(Raw, Uniform, 1, 0), on(API, Uniform, 1, 0), on(Gateway, Uniform, 1, 0))},
		},
		Rounds:   Rounds{Count: 3, InFlight: inFlight, Ramp: 2 * time.Second, Window: 10 * time.Second},
		WarmUp:   5 * time.Second,
		Mirrored: true,
	}
}

// createPlan is what a create through the gateway takes beside the bare write of such an order,
// with everything on. Few orders are in flight: none waits for another's turn on the cores.
func createPlan() Plan {
	return Plan{
		Name: "create",
		Groups: []Group{
			{Name: "create", Contenders: contenders(on(Raw, Uniform, 1, 0), on(API, Uniform, 1, 0), on(Gateway, Uniform, 1, 0))},
		},
		Rounds:   Rounds{Count: 7, InFlight: 2, Ramp: time.Second, Window: 5 * time.Second},
		WarmUp:   5 * time.Second,
		Mirrored: true,
	}
}

// lagPlan is how far the topics are behind in a steady state with everything on, below a
// saturation that was found in the same.
func lagPlan() Plan {
	return Plan{
		Name:     "lag",
		Rounds:   Rounds{Count: 3, InFlight: inFlight, Ramp: 80 * time.Second, Window: 30 * time.Second},
		Open:     contenders(on(API, Uniform, 1, 0), on(Gateway, Uniform, 1, 0)),
		Mirrored: true,
	}
}

// mirrorProfile takes CPU profiles with everything on.
func mirrorProfile() Plan {
	p := profile()
	p.Name, p.Mirrored = "mirror-profile", true
	p.Groups = []Group{{Name: "everything", Contenders: contenders(on(Gateway, Uniform, 1, 0))}}
	return p
}

// absencePlan is a mirror that was away for days and comes back to what has waited.
func absencePlan() Plan {
	return Plan{Name: "absence", Rounds: Rounds{Count: 1, InFlight: inFlight, Window: time.Second}, Mirrored: true, Absence: 50_000}
}

func plans() []Plan {
	return []Plan{short(), full(), openPlan(), growthPlan(), profile(), buildsPlan(), mirrorPlan(), createPlan(), lagPlan(), mirrorProfile(), absencePlan()}
}

// PlanNames are the plans there are.
func PlanNames() []string {
	var names []string
	for _, p := range plans() {
		names = append(names, p.Name)
	}
	return names
}

// PlanNamed finds a plan.
func PlanNamed(name string) (Plan, error) {
	for _, p := range plans() {
		if p.Name == name {
			return p, nil
		}
	}
	return Plan{}, fmt.Errorf("plan %q: there are %v", name, PlanNames())
}

// Only keeps what is named of a plan's groups, open contenders and levels, so that
// one thing can be measured again.
func (p Plan) Only(names []string) (Plan, error) {
	if len(names) == 0 {
		return p, nil
	}
	p.Groups = named(p.Groups, names, func(g Group) string { return g.Name })
	p.Open = named(p.Open, names, Contender.fileName)
	p.Growth = named(p.Growth, names, Level.Name)
	if len(p.Groups)+len(p.Open)+len(p.Growth) != len(names) {
		return p, fmt.Errorf("groups: the plan %s has not all of %v", p.Name, names)
	}
	return p, nil
}

func named[T any](all []T, names []string, name func(T) string) []T {
	return slices.DeleteFunc(slices.Clone(all), func(t T) bool { return !slices.Contains(names, name(t)) })
}
