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
	// Closed is a measurement of the closed model under the same conditions; the search begins there.
	Closed Measurement `json:"closed"`
	// Saturation is the highest rate of arrivals, orders a second, that was kept up with;
	// 0 when it was not searched.
	Saturation float64 `json:"saturationPerSecond,omitempty"`
	// Tried rates, in order, and whether each was kept up with.
	Tried []Trial `json:"tried"`
	// Rounds are measurements at 70 % of saturation or at the plan's rate; Median is the one with the
	// median p99 until decided.
	Rounds []Measurement `json:"rounds"`
	Median Measurement   `json:"median"`
	// Raw are measurements of the raw writer at the same rate under the same conditions, RawMedian
	// the one with the median p99. There are none beside the raw writer itself, and none with a mirror.
	Raw       []Measurement `json:"raw,omitempty"`
	RawMedian Measurement   `json:"rawMedian,omitzero"`
}

// Trial is a rate that was tried.
type Trial struct {
	Rate        float64     `json:"rate"`
	KeptUp      bool        `json:"keptUp"`
	Measurement Measurement `json:"measurement"`
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

// Keeping up: of what arrives in the window, all but this much is decided in it, and told, and
// what waits is never more than arrives in that time, as in a queue that only grows.
const (
	mostBehindPercent = 4
	mostBehind        = 5 * time.Second
)

func keptUp(r Measurement) bool {
	return r.Dropped == 0 && r.kept()*100 >= r.Offered*(100-mostBehindPercent)
}

// shareOfSaturation at which latencies are measured, in percent.
const shareOfSaturation = 70

// open finds a contender's saturation, if the plan has no rate, then measures latencies
// below it, its own and the raw writer's, in rounds. Each measurement has a cluster of its own
// and the same time of load before it: what orders are there is the same in all.
func (b *bench) open(ctx context.Context, contender Contender) error {
	result := OpenResult{Mode: contender.Mode, Workload: contender.Workload.Name()}
	m := openModel{bench: b, contender: contender, rounds: b.opts.Plan.Rounds, name: "open-" + contender.fileName()}
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

// openModel is a contender's measurements under way.
type openModel struct {
	bench     *bench
	contender Contender
	rounds    Rounds
	name      string
}

// saturation searches the highest rate that is kept up with.
func (m openModel) saturation(ctx context.Context, into *OpenResult) error {
	alone := Group{Contenders: contenders(m.contender)}
	err := m.onItsOwn(ctx, "closed", alone, func(c *comparison) (err error) {
		into.Closed, err = c.measure(ctx, m.measurer(c), m.contender)
		return err
	})
	if err != nil {
		return err
	}
	s := newSearch(into.Closed.PerSecond)
	for n := 0; n < mostTrials && !s.done(); n++ {
		measured, err := m.measure(ctx, fmt.Sprintf("trial-%d", n+1), alone, m.contender, arrivals{
			rate: s.next, most: int(s.next * mostBehind.Seconds()), seed: uint64(n)})
		if err != nil {
			return err
		}
		into.Tried = append(into.Tried, Trial{Rate: rounded(s.next, 1), KeptUp: keptUp(measured), Measurement: measured})
		say(m.bench.opts.Out, "%s at %.1f arrivals/s: kept up: %t", m.contender, s.next, keptUp(measured))
		s.learn(keptUp(measured))
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
		into      *[]Measurement
	}
	sides := []side{{m.contender, Group{Contenders: contenders(m.contender)}, &into.Rounds}}
	if m.contender.Mode != Raw && !m.bench.opts.Plan.Mirrored {
		raw := Contender{Mode: Raw, Workload: m.contender.Workload}
		sides = append(sides, side{raw, Group{Contenders: contenders(raw, m.contender)}, &into.Raw}) // with the gateway, if that is the contender
	}
	for round := range m.rounds.Count {
		for _, c := range sides {
			what := fmt.Sprintf("%s-%d", c.contender.Mode, round+1)
			measured, err := m.measure(ctx, what, c.group, c.contender, arrivals{rate: rate, most: mostInFlight, seed: uint64(mostTrials + round)})
			if err != nil {
				return err
			}
			*c.into = append(*c.into, measured)
		}
	}
	into.Median, into.RawMedian = medianMeasurement(into.Rounds), medianMeasurement(into.Raw)
	return nil
}

// measure measures a contender of a group as orders arrive.
func (m openModel) measure(ctx context.Context, what string, g Group, contender Contender, a arrivals) (measured Measurement, err error) {
	err = m.onItsOwn(ctx, what, g, func(c *comparison) error {
		measured, err = c.measureOpen(ctx, contender, m.measurer(c), a)
		return err
	})
	return measured, err
}

// onItsOwn has something measured on a cluster that nothing else was measured on.
func (m openModel) onItsOwn(ctx context.Context, what string, g Group, measure func(*comparison) error) error {
	g.Name = m.name + "-" + what
	return m.bench.compare(ctx, g, 0, measure)
}

func (m openModel) measurer(c *comparison) measurer {
	return measurer{stage: c.stage, ramp: m.rounds.Ramp, window: m.rounds.Window}
}

// medianMeasurement is the measurement with the median p99 until decided, the zero Measurement of none.
func medianMeasurement(all []Measurement) Measurement {
	if len(all) == 0 {
		return Measurement{}
	}
	byTail := slices.SortedFunc(slices.Values(all), func(a, b Measurement) int { return cmp.Compare(a.Decided.P99, b.Decided.P99) })
	return byTail[len(byTail)/2]
}

func (c *comparison) measureOpen(ctx context.Context, contender Contender, r measurer, a arrivals) (Measurement, error) {
	if err := c.stage.quiet(ctx); err != nil {
		return Measurement{}, err
	}
	measured := Measurement{Mode: contender.Mode, Workload: contender.Workload.Name(), Rate: rounded(a.rate, 1)}
	measured, err := r.run(ctx, measured, func(ctx context.Context, w window) (load, error) {
		return open(ctx, c.submitters[contender.String()], a, w)
	})
	if err != nil {
		return measured, err
	}
	say(c.out, "%s at %.1f arrivals/s: %.1f offered, %.1f decided/s, create p99 %.0f ms, decided p50 %.0f p99 %.0f ms, "+
		"%.3f writes/order, %.1f CPU s/1000, %d dropped, %d cache checks", contender, a.rate, measured.Offered, measured.PerSecond,
		measured.Create.P99, measured.Decided.P50, measured.Decided.P99, measured.WritesPerOrder, measured.CPUTotal, measured.Dropped, measured.CacheChecks)
	measured.Lag.say(c.out)
	return measured, nil
}
