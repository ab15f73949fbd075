package performance

import (
	"slices"
	"strings"
)

// Result is what came of a group: every measurement, and their medians.
type Result struct {
	Group    string `json:"group"`
	InFlight int    `json:"inFlight"`
	// Rounds, each with a measurement of every contender in the order of the group.
	Rounds [][]Measurement `json:"rounds"`
	// Contenders are the medians over the rounds.
	Contenders []Summary `json:"contenders"`
	// HotToUniform is the median ratio of orders a second of the hot workload to
	// the uniform one of the same mode and lines; 0 when the group has no such pair.
	HotToUniform float64 `json:"hotToUniform,omitempty"`
}

// Summary of a contender: medians over its measurements.
type Summary struct {
	Mode     Mode   `json:"mode"`
	Workload string `json:"workload"`

	PerSecond float64   `json:"ordersPerSecond"`
	Lowest    float64   `json:"ordersPerSecondLowest"`
	Highest   float64   `json:"ordersPerSecondHighest"`
	Create    latencies `json:"createMs"`
	Decided   latencies `json:"decidedMs"`

	WritesPerOrder float64            `json:"writesPerOrder"`
	Writes         map[string]float64 `json:"writes"`
	CPU            map[string]float64 `json:"cpuSecondsPer1000Orders"`
	CPUTotal       float64            `json:"cpuSecondsPer1000OrdersTotal"`

	// Cores that were busy for it, and for processes that are no part of the run.
	Cores        float64 `json:"cores"`
	ForeignCores float64 `json:"foreignCores"`

	// ToRaw is the median of orders a second to those of the raw measurement of the same
	// round, CPUToRaw that of the CPU time an order.
	ToRaw    float64 `json:"ordersPerSecondToRaw"`
	CPUToRaw float64 `json:"cpuToRaw"`

	// CreateToAPI is the median of its p50 until the create was answered to that of mode api under
	// the same workload in the same round; 0 when the group has none.
	CreateToAPI float64 `json:"createToApi,omitempty"`
}

// of is the values of a contender over the rounds.
func (r *Result) of(contender int, value func(Measurement) float64) []float64 {
	out := make([]float64, 0, len(r.Rounds))
	for _, round := range r.Rounds {
		out = append(out, value(round[contender]))
	}
	return out
}

// ratios of two contenders, round by round.
func (r *Result) ratios(a, b int, value func(Measurement) float64) []float64 {
	out := make([]float64, 0, len(r.Rounds))
	for _, round := range r.Rounds {
		if below := value(round[b]); below > 0 {
			out = append(out, value(round[a])/below)
		}
	}
	return out
}

func perSecond(r Measurement) float64 { return r.kept() }
func cpuTotal(r Measurement) float64  { return r.CPUTotal }
func createP50(r Measurement) float64 { return r.Create.P50 }

// bare is the contender that writes the orders of a workload at the API server; -1 when there is none.
func (r *Result) bare(workload string) int {
	return slices.IndexFunc(r.Rounds[0], func(m Measurement) bool { return m.Mode == API && m.Workload == workload })
}

// summarize works out the medians from the rounds.
func (r *Result) summarize() {
	r.Contenders = nil
	for n, first := range r.Rounds[0] {
		rates := r.of(n, perSecond)
		s := Summary{
			Mode: first.Mode, Workload: first.Workload,
			PerSecond: rounded(median(rates), 1), Lowest: slices.Min(rates), Highest: slices.Max(rates),
			Create:         r.latencies(n, func(x Measurement) latencies { return x.Create }),
			Decided:        r.latencies(n, func(x Measurement) latencies { return x.Decided }),
			WritesPerOrder: rounded(median(r.of(n, func(x Measurement) float64 { return x.WritesPerOrder })), 4),
			Writes:         r.maps(n, 4, func(x Measurement) map[string]float64 { return x.Writes }),
			CPU:            r.maps(n, 3, func(x Measurement) map[string]float64 { return x.CPU }),
			CPUTotal:       rounded(median(r.of(n, cpuTotal)), 3),
			Cores:          rounded(median(r.of(n, func(x Measurement) float64 { return x.Cores })), 2),
			ForeignCores:   rounded(median(r.of(n, func(x Measurement) float64 { return x.ForeignCores })), 2),
			ToRaw:          rounded(median(r.ratios(n, 0, perSecond)), 4),
			CPUToRaw:       rounded(median(r.ratios(n, 0, cpuTotal)), 4),
		}
		if bare := r.bare(s.Workload); bare >= 0 {
			s.CreateToAPI = rounded(median(r.ratios(n, bare, createP50)), 4)
		}
		r.Contenders = append(r.Contenders, s)
	}
	r.HotToUniform = r.hotToUniform()
}

func (r *Result) latencies(n int, of func(Measurement) latencies) latencies {
	middle := func(one func(latencies) float64) float64 {
		return rounded(median(r.of(n, func(x Measurement) float64 { return one(of(x)) })), 2)
	}
	return latencies{
		P50: middle(func(l latencies) float64 { return l.P50 }), P90: middle(func(l latencies) float64 { return l.P90 }),
		P99: middle(func(l latencies) float64 { return l.P99 }), Max: middle(func(l latencies) float64 { return l.Max }),
	}
}

// maps are the medians of a map's values, key by key; what a measurement lacks is zero there.
func (r *Result) maps(n, decimals int, of func(Measurement) map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for _, round := range r.Rounds {
		for key := range of(round[n]) {
			out[key] = rounded(median(r.of(n, func(x Measurement) float64 { return of(x)[key] })), decimals)
		}
	}
	return out
}

// hotToUniform is the lowest of the medians over the pairs of the group.
func (r *Result) hotToUniform() float64 {
	lowest := 0.0
	for a, hot := range r.Rounds[0] {
		for b, uniform := range r.Rounds[0] {
			if hot.Mode == Raw || hot.Mode != uniform.Mode || !isHotOf(hot.Workload, uniform.Workload) {
				continue
			}
			if m := rounded(median(r.ratios(a, b, perSecond)), 4); lowest == 0 || m < lowest {
				lowest = m
			}
		}
	}
	return lowest
}

// isHotOf tells whether two workloads differ in nothing but hot and uniform.
func isHotOf(hot, uniform string) bool {
	h, okH := cutSpread(hot, Hot)
	u, okU := cutSpread(uniform, Uniform)
	return okH && okU && h == u
}

func cutSpread(name string, s Spread) (rest string, ok bool) {
	return strings.CutPrefix(name, string(s)+"/")
}
