package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// OpenResult is what a contender does when orders arrive on their own.
type OpenResult struct {
	Mode     Mode   `json:"mode"`
	Workload string `json:"workload"`
	// Closed is a round of the closed model under the same conditions; the search begins there.
	Closed Round `json:"closed"`
	// Saturation is the highest rate of arrivals, orders a second, that was kept up with.
	Saturation float64 `json:"saturationPerSecond"`
	// Tried rates, in order, and whether each was kept up with.
	Tried []Trial `json:"tried"`
	// Rounds at 70 % of saturation; Round is the one with the median p99 until decided.
	Rounds []Round `json:"rounds"`
	Round  Round   `json:"round"`
	// Raw are rounds of the raw writer at the same rate under the same conditions, RawRound
	// the one with the median p99.
	Raw      []Round `json:"raw"`
	RawRound Round   `json:"rawRound"`
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
const searchStep = 1.1

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

// mostTrials bounds a search; it needs about four rates.
const mostTrials = 10

// Keeping up: of what arrives in the window, all but this much is decided in it, and
// what waits is never more than arrives in that time, as in a queue that only grows.
const (
	mostBehindPercent = 4
	mostBehind        = 5 * time.Second
)

func keptUp(r Round) bool {
	return r.Dropped == 0 && r.PerSecond*100 >= r.Offered*(100-mostBehindPercent)
}

// shareOfSaturation at which latencies are measured, in percent, and how often:
// a shared machine may be slow just then.
const (
	shareOfSaturation = 70
	timesMeasured     = 5
)

// open finds a contender's saturation, then measures latencies below it, its own and
// the raw writer's. All of it is measured on clusters of their own, after the same
// time of load.
func (b *bench) open(ctx context.Context, contender Contender) error {
	result := OpenResult{Mode: contender.Mode, Workload: contender.Workload.Name()}
	m := openModel{bench: b, contender: contender, plan: b.opts.Plan.Open, name: "open-" + contender.fileName()}
	if err := m.saturation(ctx, &result); err != nil {
		return err
	}
	rate := result.Saturation * shareOfSaturation / 100
	raw := Contender{Mode: Raw, Workload: contender.Workload}
	var err error
	if result.Rounds, err = m.latencies(ctx, "measured", Group{Contenders: contenders(contender)}, contender, rate); err != nil {
		return err
	}
	if result.Raw, err = m.latencies(ctx, "raw", Group{Contenders: contenders(raw, contender)}, raw, rate); err != nil {
		return err
	}
	result.Round, result.RawRound = medianRound(result.Rounds), medianRound(result.Raw)
	b.report.Open = append(b.report.Open, result)
	return nil
}

// openModel is a contender's measurement under way.
type openModel struct {
	bench     *bench
	contender Contender
	plan      OpenPlan
	name      string
}

// saturation searches the highest rate that is kept up with.
func (m openModel) saturation(ctx context.Context, into *OpenResult) error {
	alone := Group{Contenders: contenders(m.contender)}
	err := m.onItsOwn(ctx, "closed", alone, func(c *comparison) (err error) {
		into.Closed, err = c.round(ctx, m.rounder(c, m.plan.WarmUp), m.contender)
		return err
	})
	if err != nil {
		return err
	}
	s := newSearch(into.Closed.PerSecond)
	for n := 0; n < mostTrials && !s.done(); n++ {
		var round Round
		err := m.onItsOwn(ctx, fmt.Sprintf("trial-%d", n+1), alone, func(c *comparison) (err error) {
			round, err = c.openRound(ctx, m.contender, m.rounder(c, m.plan.WarmUp), arrivals{
				rate: s.next, most: int(s.next * mostBehind.Seconds()), seed: uint64(n)}) //nolint:gosec // small
			return err
		})
		if err != nil {
			return err
		}
		into.Tried = append(into.Tried, Trial{Rate: rounded(s.next, 1), KeptUp: keptUp(round), Round: round})
		say(m.bench.opts.Out, "%s at %.1f arrivals/s: kept up: %t", m.contender, s.next, keptUp(round))
		s.learn(keptUp(round))
	}
	if s.low == 0 {
		return fmt.Errorf("%s kept up with no rate down to %.1f orders a second", m.contender, s.next)
	}
	into.Saturation = rounded(s.low, 1)
	return nil
}

// latencies measures a contender of a group at a rate, again and again.
func (m openModel) latencies(ctx context.Context, what string, g Group, contender Contender, rate float64) (rounds []Round, err error) {
	err = m.onItsOwn(ctx, what, g, func(c *comparison) error {
		ramp := m.plan.WarmUp
		for n := range timesMeasured {
			round, err := c.openRound(ctx, contender, m.rounder(c, ramp), arrivals{rate: rate, most: mostInFlight, seed: uint64(mostTrials + n)}) //nolint:gosec // small
			if err != nil {
				return err
			}
			rounds, ramp = append(rounds, round), m.plan.Ramp
		}
		return nil
	})
	return rounds, err
}

// onItsOwn has something measured on a cluster that nothing else was measured on.
func (m openModel) onItsOwn(ctx context.Context, what string, g Group, measure func(*comparison) error) error {
	g.Name = m.name + "-" + what
	return m.bench.compare(ctx, g, 0, measure)
}

func (m openModel) rounder(c *comparison, ramp time.Duration) rounder {
	return rounder{stage: c.stage, ramp: ramp, window: m.plan.Window}
}

func medianRound(rounds []Round) Round {
	byTail := slices.SortedFunc(slices.Values(rounds), func(a, b Round) int { return cmp.Compare(a.Decided.P99, b.Decided.P99) })
	return byTail[len(byTail)/2]
}

func (c *comparison) openRound(ctx context.Context, contender Contender, r rounder, a arrivals) (Round, error) {
	if err := c.stage.quiet(ctx); err != nil {
		return Round{}, err
	}
	round := Round{Mode: contender.Mode, Workload: contender.Workload.Name(), Rate: rounded(a.rate, 1)}
	round, err := r.run(ctx, round, func(ctx context.Context, w window) (load, error) {
		return open(ctx, c.placers[contender.String()], a, w)
	})
	if err != nil {
		return round, err
	}
	say(c.out, "%s at %.1f arrivals/s: %.1f offered, %.1f decided/s, create p99 %.0f ms, decided p50 %.0f p99 %.0f ms, "+
		"%.3f writes/order, %.1f CPU s/1000, %d dropped, %d cache checks", contender, a.rate, round.Offered, round.PerSecond,
		round.Create.P99, round.Decided.P50, round.Decided.P99, round.WritesPerOrder, round.CPUTotal, round.Dropped, round.CacheChecks)
	return round, nil
}
