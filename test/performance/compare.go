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

// Group are contenders that are compared with each other: they take turns on one
// control plane, and each turn begins with another of them, so that neither what
// the machine does meanwhile nor what ran just before favours any. The first is
// what the others are compared to.
type Group struct {
	Name       string
	Contenders []Contender
}

// Turns are what a group is measured with.
type Turns struct {
	Count        int
	InFlight     int
	Ramp, Window time.Duration
}

// decideWithin bounds the wait for each order of a round.
const decideWithin = 30 * time.Second

// comparison runs groups.
type comparison struct {
	stage   *stage
	turns   Turns
	out     io.Writer
	track   *tracker
	placers map[string]placer
}

// newComparison makes what its contenders need: the roles, a watch, and, for the
// raw writer, samples of what the system writes under each workload.
func newComparison(ctx context.Context, s *stage, g Group, t Turns, out io.Writer) (*comparison, error) {
	c := &comparison{stage: s, turns: t, out: out, placers: map[string]placer{}}
	track, err := watchOrders(ctx, s.watcher, ordersNamespace)
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
		place, err := c.placer(ctx, contender, uint64(n)) //nolint:gosec // small
		if err != nil {
			return nil, err
		}
		c.placers[contender.String()] = place.within(decideWithin)
	}
	return c, nil
}

func (c *comparison) placer(ctx context.Context, contender Contender, seed uint64) (placer, error) {
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

// sample places a few orders and takes the raw writer's templates from them.
// Beside the gateway they are orders of the gateway's, which carry more.
func (c *comparison) sample(ctx context.Context, d *deck) ([]rawTemplates, error) {
	place := c.stage.api(c.track, d)
	if c.stage.gateway != nil {
		place = c.stage.rest(c.track, d)
	}
	names, err := placeSamples(ctx, place.within(decideWithin))
	if err != nil {
		return nil, err
	}
	return c.stage.sampleOrders(ctx, names)
}

func placeSamples(ctx context.Context, place placer) ([]string, error) {
	var names []string
	for range samples {
		p, err := place(ctx)
		if err != nil {
			return nil, fmt.Errorf("place a sample: %w", err)
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
		if _, err := closed(ctx, c.placers[contender.String()], c.turns.InFlight, window{begin: end, end: end}); err != nil {
			return fmt.Errorf("warm up %s: %w", contender, err)
		}
	}
	return nil
}

// run takes all turns of a group.
func (c *comparison) run(ctx context.Context, g Group) (Result, error) {
	result := Result{Group: g.Name, InFlight: c.turns.InFlight, Turns: make([][]Round, c.turns.Count)}
	r := rounder{stage: c.stage, ramp: c.turns.Ramp, window: c.turns.Window}
	for turn := range c.turns.Count {
		rounds := make([]Round, len(g.Contenders))
		for i := range g.Contenders {
			n := (turn + i) % len(g.Contenders)
			round, err := c.round(ctx, r, g.Contenders[n])
			if err != nil {
				return result, err
			}
			rounds[n] = round
		}
		result.Turns[turn] = rounds
	}
	result.summarize()
	return result, nil
}

func (c *comparison) round(ctx context.Context, r rounder, contender Contender) (Round, error) {
	if contender.Build != "" {
		// Builds differ by their CPU, which others change little. More turns say more.
		return c.once(ctx, r, contender)
	}
	return undisturbed(func() (Round, error) { return c.once(ctx, r, contender) })
}

// A round is disturbed when others took more than foreignLimit cores from it, such as the API
// server of the cluster beside it, comparing its caches with etcd. It is run mostTries times at most.
const (
	foreignLimit = 0.15
	mostTries    = 3
)

// undisturbed runs a round until others leave the machine to it, and gives up with the one that
// they disturbed least.
func undisturbed(run func() (Round, error)) (Round, error) {
	best, err := run()
	for try := 1; err == nil && best.ForeignCores > foreignLimit && try < mostTries; try++ {
		var again Round
		if again, err = run(); again.ForeignCores < best.ForeignCores {
			best = again
		}
	}
	return best, err
}

func (c *comparison) once(ctx context.Context, r rounder, contender Contender) (Round, error) {
	if err := c.stage.useBuild(ctx, contender.Build); err != nil {
		return Round{}, err
	}
	if err := c.stage.quiet(ctx); err != nil {
		return Round{}, err
	}
	round := Round{Mode: contender.Mode, Build: buildName(contender.Build), Workload: contender.Workload.Name(), InFlight: c.turns.InFlight}
	round, err := r.run(ctx, round, func(ctx context.Context, w window) (load, error) {
		return closed(ctx, c.placers[contender.String()], c.turns.InFlight, w)
	})
	if err != nil {
		return round, err
	}
	say(c.out, "%-24s %7.1f orders/s  decided p50 %6.1f p99 %6.1f ms  %.3f writes/order  %.2f CPU s/1000 (manager %.3f)  %.2f cores, others %.2f, %d cache checks",
		contender, round.PerSecond, round.Decided.P50, round.Decided.P99, round.WritesPerOrder, round.CPUTotal, round.CPU["manager"], round.Cores, round.ForeignCores, round.CacheChecks)
	return round, nil
}

func say(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, "bench: "+format+"\n", args...)
}
