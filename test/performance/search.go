package performance

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
	// Saturation is the highest rate of arrivals, orders a second, that was kept up with;
	// 0 when it was not searched.
	Saturation float64 `json:"saturationPerSecond,omitempty"`
	// Tried rates, in order, and whether each was kept up with.
	Tried []Trial `json:"tried"`
	// Rounds at 70 % of saturation or at the plan's rate; Round is the one with the median p99 until decided.
	Rounds []Round `json:"rounds"`
	Round  Round   `json:"round"`
	// Raw are rounds of the raw writer at the same rate under the same conditions, RawRound
	// the one with the median p99. There are none beside the raw writer itself.
	Raw      []Round `json:"raw,omitempty"`
	RawRound Round   `json:"rawRound,omitzero"`
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

// shareOfSaturation at which latencies are measured, in percent.
const shareOfSaturation = 70

// open finds a contender's saturation, if the plan has no rate, then measures latencies
// below it, its own and the raw writer's, turn about. Each round has a cluster of its own
// and the same time of load before it: what orders are there is the same in all.
func (b *bench) open(ctx context.Context, contender Contender) error {
	result := OpenResult{Mode: contender.Mode, Workload: contender.Workload.Name()}
	m := openModel{bench: b, contender: contender, turns: b.opts.Plan.Turns, name: "open-" + contender.fileName()}
	rate := b.opts.Plan.Rate
	if rate == 0 {
		if err := m.saturation(ctx, &result); err != nil {
			return err
		}
		rate = result.Saturation * shareOfSaturation / 100
	}
	if err := m.latencies(ctx, rate, &result); err != nil {
		return err
	}
	b.report.Open = append(b.report.Open, result)
	return nil
}

// openModel is a contender's measurement under way.
type openModel struct {
	bench     *bench
	contender Contender
	turns     Turns
	name      string
}

// saturation searches the highest rate that is kept up with.
func (m openModel) saturation(ctx context.Context, into *OpenResult) error {
	alone := Group{Contenders: contenders(m.contender)}
	err := m.onItsOwn(ctx, "closed", alone, func(c *comparison) (err error) {
		into.Closed, err = c.round(ctx, m.rounder(c), m.contender)
		return err
	})
	if err != nil {
		return err
	}
	s := newSearch(into.Closed.PerSecond)
	for n := 0; n < mostTrials && !s.done(); n++ {
		round, err := m.round(ctx, fmt.Sprintf("trial-%d", n+1), alone, m.contender, arrivals{
			rate: s.next, most: int(s.next * mostBehind.Seconds()), seed: uint64(n)}) //nolint:gosec // small
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

// latencies measures the contender and the raw writer at a rate.
func (m openModel) latencies(ctx context.Context, rate float64, into *OpenResult) error {
	type side struct {
		contender Contender
		group     Group
		rounds    *[]Round
	}
	sides := []side{{m.contender, Group{Contenders: contenders(m.contender)}, &into.Rounds}}
	if m.contender.Mode != Raw {
		raw := Contender{Mode: Raw, Workload: m.contender.Workload}
		sides = append(sides, side{raw, Group{Contenders: contenders(raw, m.contender)}, &into.Raw}) // with the gateway, if that is the contender
	}
	for turn := range m.turns.Count {
		for _, c := range sides {
			what := fmt.Sprintf("%s-%d", c.contender.Mode, turn+1)
			round, err := m.round(ctx, what, c.group, c.contender, arrivals{rate: rate, most: mostInFlight, seed: uint64(mostTrials + turn)}) //nolint:gosec // small
			if err != nil {
				return err
			}
			*c.rounds = append(*c.rounds, round)
		}
	}
	into.Round, into.RawRound = medianRound(into.Rounds), medianRound(into.Raw)
	return nil
}

// round measures a contender of a group as orders arrive.
func (m openModel) round(ctx context.Context, what string, g Group, contender Contender, a arrivals) (round Round, err error) {
	err = m.onItsOwn(ctx, what, g, func(c *comparison) error {
		round, err = c.openRound(ctx, contender, m.rounder(c), a)
		return err
	})
	return round, err
}

// onItsOwn has something measured on a cluster that nothing else was measured on.
func (m openModel) onItsOwn(ctx context.Context, what string, g Group, measure func(*comparison) error) error {
	g.Name = m.name + "-" + what
	return m.bench.compare(ctx, g, 0, measure)
}

func (m openModel) rounder(c *comparison) rounder {
	return rounder{stage: c.stage, ramp: m.turns.Ramp, window: m.turns.Window}
}

// medianRound is the round with the median p99 until decided, the zero Round of none.
func medianRound(rounds []Round) Round {
	if len(rounds) == 0 {
		return Round{}
	}
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
