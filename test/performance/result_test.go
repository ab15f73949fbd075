package performance

import (
	"slices"
	"testing"
	"time"
)

// The machine halves its speed after the first round: rates do, ratios do not.
func TestRatiosAreTakenRoundByRound(t *testing.T) {
	round := func(speed float64) []Measurement {
		return []Measurement{
			{Mode: Raw, Workload: "uniform/1", PerSecond: 200 * speed, CPUTotal: 10},
			{Mode: API, Workload: "uniform/1", PerSecond: 170 * speed, CPUTotal: 12, Writes: map[string]float64{"POST orders": 1}},
			{Mode: API, Workload: "hot/1", PerSecond: 153 * speed, CPUTotal: 12},
		}
	}
	r := Result{Rounds: [][]Measurement{round(1), round(0.5), round(0.5)}}
	r.summarize()
	api := r.Contenders[1]
	if api.PerSecond != 85 || api.Lowest != 85 || api.Highest != 170 {
		t.Errorf("orders a second: got %v (%v to %v)", api.PerSecond, api.Lowest, api.Highest)
	}
	if api.ToRaw != 0.85 || api.CPUToRaw != 1.2 || r.HotToUniform != 0.9 {
		t.Errorf("ratios: got %v, %v, %v", api.ToRaw, api.CPUToRaw, r.HotToUniform)
	}
	if api.Writes["POST orders"] != 1 {
		t.Errorf("writes: got %v", api.Writes)
	}
}

// A create is compared with the bare write of the same orders in the same round.
func TestACreateIsComparedWithTheBareWrite(t *testing.T) {
	round := func(slow float64) []Measurement {
		return []Measurement{
			{Mode: Raw, Workload: "uniform/1", Create: latencies{P50: 9}},
			{Mode: API, Workload: "uniform/1", Create: latencies{P50: 4 * slow}},
			{Mode: Gateway, Workload: "uniform/1", Create: latencies{P50: 5 * slow}},
			{Mode: Gateway, Workload: "uniform/4", Create: latencies{P50: 7}},
		}
	}
	r := Result{Rounds: [][]Measurement{round(1), round(3), round(1)}}
	r.summarize()
	if got := r.Contenders[2].CreateToAPI; got != 1.25 {
		t.Errorf("through the gateway a create takes %v of the bare write, want 1.25", got)
	}
	if got := r.Contenders[3].CreateToAPI; got != 0 {
		t.Errorf("nobody writes those orders at the API server, and still a create takes %v of that", got)
	}
}

func TestHotToUniformNeedsAPairOfOneModeAndLines(t *testing.T) {
	r := Result{Rounds: [][]Measurement{{
		{Mode: Raw, Workload: "uniform/1", PerSecond: 200},
		{Mode: API, Workload: "uniform/4", PerSecond: 100},
		{Mode: API, Workload: "hot/1", PerSecond: 50},
		{Mode: Gateway, Workload: "hot/4", PerSecond: 50},
	}}}
	r.summarize()
	if r.HotToUniform != 0 {
		t.Errorf("got %v from contenders that differ in more than hot and uniform", r.HotToUniform)
	}
}

func TestTheMedianRoundIsThatOfTheTail(t *testing.T) {
	tail := func(p99 float64) Measurement { return Measurement{Decided: latencies{P50: 1000 - p99, P99: p99}} }
	if got := medianMeasurement([]Measurement{tail(700), tail(400), tail(500)}); got.Decided.P99 != 500 {
		t.Errorf("the median of 700, 400 and 500 ms is %v", got.Decided.P99)
	}
	if got := medianMeasurement(nil); got.Decided != (latencies{}) {
		t.Errorf("the median of nothing is %+v", got.Decided)
	}
}

func TestLatencies(t *testing.T) {
	var values []time.Duration
	for n := range 1000 {
		values = append(values, time.Duration(1000-n)*time.Millisecond)
	}
	got := latenciesOf(values)
	if want := (latencies{P50: 500, P90: 900, P99: 990, Max: 1000}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := latenciesOf(nil); got != (latencies{}) {
		t.Errorf("latencies of nothing: %+v", got)
	}
	if !slices.IsSortedFunc(values, func(a, b time.Duration) int { return int(b - a) }) {
		t.Error("the caller's values were sorted")
	}
}

func TestSearchFindsTheCapacity(t *testing.T) {
	for name, tc := range map[string]struct{ guess, capacity float64 }{
		"from above": {120, 90}, "from below": {100, 140}, "close": {100, 101}, "far above": {180, 100},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSearch(tc.guess)
			n := 0
			for ; n < mostTrials && !s.done(); n++ {
				s.learn(s.next <= tc.capacity)
			}
			if s.low > tc.capacity || s.low < 0.95*tc.capacity {
				t.Errorf("after %d trials: %.1f, want just below %.1f", n, s.low, tc.capacity)
			}
		})
	}
}

func TestKeepingUp(t *testing.T) {
	for name, tc := range map[string]struct {
		measured Measurement
		want     bool
	}{
		"all of it, fast":  {Measurement{Offered: 100, PerSecond: 99, Decided: latencies{P99: 200}}, true},
		"falling behind":   {Measurement{Offered: 100, PerSecond: 90, Decided: latencies{P99: 200}}, false},
		"some dropped":     {Measurement{Offered: 100, PerSecond: 100, Dropped: 1}, false},
		"catching up even": {Measurement{Offered: 100, PerSecond: 103, Decided: latencies{P99: 400}}, true},
	} {
		if got := keptUp(tc.measured); got != tc.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
