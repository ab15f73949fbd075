package performance

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Contender is a mode under a workload.
type Contender struct {
	Mode     Mode
	Workload Workload
	// Build is the binary whose manager decides; the run's own when empty.
	Build string
}

func (c Contender) String() string {
	name := string(c.Mode) + " " + c.Workload.Name()
	if c.Build != "" {
		name += " " + filepath.Base(c.Build)
	}
	return name
}

// fileName is its name in names of files.
func (c Contender) fileName() string {
	return strings.NewReplacer(" ", "-", "/", "-").Replace(c.String())
}

// Group are contenders that are compared with each other. A round measures each of
// them once, all on one control plane, and begins with another one than the round
// before: neither what the machine does meanwhile nor what ran just before favours any.
// The first is what the others are compared to.
type Group struct {
	Name       string
	Contenders []Contender
}

// Rounds say how often a group is measured, and how each measurement is made.
type Rounds struct {
	Count        int
	InFlight     int
	Ramp, Window time.Duration
}

// decideWithin bounds the wait for each order of a measurement.
const decideWithin = 30 * time.Second

// comparison runs groups.
type comparison struct {
	stage      *stage
	rounds     Rounds
	out        io.Writer
	track      *tracker
	submitters map[string]submitter
}

// newComparison makes what its contenders need: the components, a watch, and, for the
// raw writer, samples of what the system writes under each workload.
func newComparison(ctx context.Context, s *stage, g Group, t Rounds, out io.Writer) (*comparison, error) {
	c := &comparison{stage: s, rounds: t, out: out, submitters: map[string]submitter{}}
	track, err := watchOrders(ctx, s.watcher)
	if err != nil {
		return nil, err
	}
	c.track = track
	if slices.ContainsFunc(g.Contenders, func(c Contender) bool { return c.Mode == Gateway }) && s.gateway == nil {
		if err := s.startGateway(ctx); err != nil {
			return nil, err
		}
	}
	for n, contender := range g.Contenders {
		submit, err := c.submitter(ctx, contender, uint64(n))
		if err != nil {
			return nil, err
		}
		c.submitters[contender.String()] = submit.within(decideWithin)
	}
	return c, nil
}

func (c *comparison) submitter(ctx context.Context, contender Contender, seed uint64) (submitter, error) {
	d := newDeck(contender.Workload, c.stage.opts.products, seed)
	switch contender.Mode {
	case Gateway:
		return c.stage.rest(c.track, d), nil
	case Raw:
		templates, err := c.sample(ctx, d)
		if err != nil {
			return nil, err
		}
		return c.stage.raw(templates), nil
	case Webhook:
		return c.stage.webhook(c.track, d), nil
	default:
		return c.stage.api(c.track, d), nil
	}
}

// sample submits a few orders and takes the raw writer's templates from them.
// Beside the gateway they are orders of the gateway's, which carry more.
func (c *comparison) sample(ctx context.Context, d *deck) ([]rawTemplates, error) {
	submit := c.stage.api(c.track, d)
	if c.stage.gateway != nil {
		submit = c.stage.rest(c.track, d)
	}
	names, err := submitSamples(ctx, submit.within(decideWithin))
	if err != nil {
		return nil, err
	}
	return c.stage.sampleOrders(ctx, names)
}

func submitSamples(ctx context.Context, submit submitter) ([]string, error) {
	var names []string
	for range samples {
		p, err := submit(ctx)
		if err != nil {
			return nil, fmt.Errorf("submit a sample: %w", err)
		}
		names = append(names, p.name)
	}
	return names, nil
}

// warmUp runs every contender once without measuring it: caches, connections,
// the journal, the shape of memory.
func (c *comparison) warmUp(ctx context.Context, g Group, d time.Duration) error {
	for _, contender := range g.Contenders {
		end := time.Now().Add(d)
		if _, err := closed(ctx, c.submitters[contender.String()], c.rounds.InFlight, window{begin: end, end: end}); err != nil {
			return fmt.Errorf("warm up %s: %w", contender, err)
		}
	}
	return nil
}

// run measures all rounds of a group.
func (c *comparison) run(ctx context.Context, g Group) (Result, error) {
	result := Result{Group: g.Name, InFlight: c.rounds.InFlight, Rounds: make([][]Measurement, c.rounds.Count)}
	r := measurer{stage: c.stage, ramp: c.rounds.Ramp, window: c.rounds.Window}
	for round := range c.rounds.Count {
		result.Rounds[round] = make([]Measurement, len(g.Contenders))
		for i := range g.Contenders {
			n := (round + i) % len(g.Contenders)
			measured, err := c.measure(ctx, r, g.Contenders[n])
			if err != nil {
				return result, err
			}
			result.Rounds[round][n] = measured
		}
	}
	result.summarize()
	return result, nil
}

func (c *comparison) measure(ctx context.Context, r measurer, contender Contender) (Measurement, error) {
	if contender.Build != "" {
		// Builds differ by their CPU, which others change little. More rounds say more.
		return c.once(ctx, r, contender)
	}
	return undisturbed(func() (Measurement, error) { return c.once(ctx, r, contender) })
}

// A measurement is disturbed when others took more than foreignLimit cores from it, such as the API
// server of the cluster beside it, comparing its caches with etcd. It is made mostTries times at most.
const (
	foreignLimit = 0.15
	mostTries    = 3
)

// undisturbed repeats a measurement until others leave the machine to it, and gives up with the one
// that they disturbed least.
func undisturbed(run func() (Measurement, error)) (Measurement, error) {
	best, err := run()
	for try := 1; err == nil && best.ForeignCores > foreignLimit && try < mostTries; try++ {
		var again Measurement
		if again, err = run(); again.ForeignCores < best.ForeignCores {
			best = again
		}
	}
	return best, err
}

func (c *comparison) once(ctx context.Context, r measurer, contender Contender) (Measurement, error) {
	if err := c.stage.useBuild(ctx, contender.Build); err != nil {
		return Measurement{}, err
	}
	if err := c.stage.quiet(ctx); err != nil {
		return Measurement{}, err
	}
	measured := Measurement{Mode: contender.Mode, Build: buildName(contender.Build), Workload: contender.Workload.Name(), InFlight: c.rounds.InFlight}
	measured, err := r.run(ctx, measured, func(ctx context.Context, w window) (load, error) {
		return closed(ctx, c.submitters[contender.String()], c.rounds.InFlight, w)
	})
	if err != nil {
		return measured, err
	}
	say(c.out, "%-24s %7.1f orders/s  decided p50 %6.1f p99 %6.1f ms  %.3f writes/order  %.2f CPU s/1000 (manager %.3f)  %.2f cores, others %.2f, %d cache checks",
		contender, measured.PerSecond, measured.Decided.P50, measured.Decided.P99, measured.WritesPerOrder, measured.CPUTotal, measured.CPU["manager"], measured.Cores, measured.ForeignCores, measured.CacheChecks)
	measured.Lag.say(c.out)
	return measured, nil
}

func say(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, "bench: "+format+"\n", args...)
}
