package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// OpenResult is what a mode does when orders arrive on their own.
type OpenResult struct {
	Mode     Mode   `json:"mode"`
	Workload string `json:"workload"`
	// Saturation is the highest rate of arrivals, orders a second, that was kept up with.
	Saturation float64 `json:"saturationPerSecond"`
	// Tried rates, in order, and whether each was kept up with.
	Tried []Trial `json:"tried"`
	// Rounds at 70 % of saturation, once that load has gone on for a while; Round is
	// the one with the median p99 until decided.
	Rounds []Round `json:"rounds"`
	Round  Round   `json:"round"`
}

// Trial is a rate that was tried.
type Trial struct {
	Rate   float64 `json:"rate"`
	KeptUp bool    `json:"keptUp"`
	Round  Round   `json:"round"`
}

// search finds the highest rate that is kept up with by halving the distance
// between one that was and one that was not.
type search struct {
	low, high float64 // kept up with, and not; 0 when not known yet
	next      float64
}

// searchStep widens the search while only one side of it is known.
const searchStep = 1.25

func newSearch(guess float64) *search { return &search{next: guess} }

// learn takes the outcome of trying next and chooses the next one.
func (s *search) learn(keptUp bool) {
	if keptUp {
		s.low = s.next
	} else {
		s.high = s.next
	}
	switch {
	case s.high == 0:
		s.next = s.low * searchStep
	case s.low == 0:
		s.next = s.high / searchStep
	default:
		s.next = (s.low + s.high) / 2
	}
}

// done reports whether both sides are within 4 % of each other.
func (s *search) done() bool { return s.low > 0 && s.high > 0 && s.high <= s.low*1.04 }

// mostTrials bounds a search; it needs about six rates.
const mostTrials = 10

// trialsToKeepUp is how often in a row a rate must be kept up with: once may be
// luck, when the API server happens to collect no garbage meanwhile, and a search
// does not come back to a rate it took for kept up with.
const trialsToKeepUp = 2

// Keeping up: of what arrives in the window, all but this much is decided in it,
// and nobody waits for seconds, as behind a queue that only grows.
const (
	mostBehindPercent = 4
	mostDecidedMs     = 2000
)

func keptUp(r Round) bool {
	return r.PerSecond*100 >= r.Offered*(100-mostBehindPercent) && r.Decided.P99 <= mostDecidedMs
}

// shareOfSaturation at which latencies are measured, in percent, and how often:
// a shared machine may be slow just then.
const (
	shareOfSaturation = 70
	timesMeasured     = 5
)

// openModel finds a contender's saturation, then measures its latencies below it.
func (c *comparison) openModel(ctx context.Context, contender Contender, guess float64, plan OpenPlan) (OpenResult, error) {
	result := OpenResult{Mode: contender.Mode, Workload: contender.Workload.Name()}
	s, trial := newSearch(guess), rounder{stage: c.stage, ramp: c.turns.Ramp, window: plan.Trial}
	for n := 0; n < mostTrials && !s.done(); n++ {
		kept := true
		for again := 0; kept && again < trialsToKeepUp; again++ {
			round, err := c.openRound(ctx, contender, s.next, trial, uint64(n*trialsToKeepUp+again)) //nolint:gosec // small
			if err != nil {
				return result, err
			}
			kept = keptUp(round)
			result.Tried = append(result.Tried, Trial{Rate: rounded(s.next, 1), KeptUp: kept, Round: round})
			say(c.out, "%s at %.1f arrivals/s: %.1f offered, %.1f decided/s, p99 %.0f ms, kept up: %t, %d cache checks",
				contender, s.next, round.Offered, round.PerSecond, round.Decided.P99, kept, round.CacheChecks)
		}
		s.learn(kept)
	}
	if s.low == 0 {
		return result, fmt.Errorf("%s kept up with no rate down to %.1f orders a second", contender, s.next)
	}
	result.Saturation = rounded(s.low, 1)
	rate, measured := s.low*shareOfSaturation/100, rounder{stage: c.stage, ramp: plan.WarmUp, window: plan.Measure}
	for n := range timesMeasured {
		round, err := c.openRound(ctx, contender, rate, measured, uint64(mostTrials*trialsToKeepUp+n)) //nolint:gosec // small
		if err != nil {
			return result, err
		}
		say(c.out, "%s at %.1f arrivals/s, measured: create p99 %.0f ms, decided p50 %.0f p99 %.0f ms, %.1f CPU s/1000, %d cache checks",
			contender, rate, round.Create.P99, round.Decided.P50, round.Decided.P99, round.CPUTotal, round.CacheChecks)
		result.Rounds, measured.ramp = append(result.Rounds, round), c.turns.Ramp
	}
	byTail := slices.SortedFunc(slices.Values(result.Rounds), func(a, b Round) int { return cmp.Compare(a.Decided.P99, b.Decided.P99) })
	result.Round = byTail[len(byTail)/2]
	return result, nil
}

func (c *comparison) openRound(ctx context.Context, contender Contender, rate float64, r rounder, seed uint64) (Round, error) {
	if err := c.stage.quiet(ctx); err != nil {
		return Round{}, err
	}
	round := Round{Mode: contender.Mode, Workload: contender.Workload.Name(), Rate: rounded(rate, 1)}
	return r.run(ctx, round, func(ctx context.Context, w window) (load, error) {
		return open(ctx, c.placers[contender.String()], rate, w, seed)
	})
}
