package performance

import (
	"context"
	"errors"
	"path/filepath"
)

// BuildResult is what a build of the manager does and costs: medians over its rounds and starts.
type BuildResult struct {
	Build     string  `json:"build"`
	PerSecond float64 `json:"ordersPerSecond"`
	// ToFirst is the median of orders a second to those of the first build in the same round,
	// CPUToFirst that of the manager's CPU an order.
	ToFirst        float64   `json:"ordersPerSecondToFirst"`
	ManagerCPU     float64   `json:"managerCPUSecondsPer1000Orders"`
	CPUToFirst     float64   `json:"managerCPUToFirst"`
	CPUTotal       float64   `json:"cpuSecondsPer1000OrdersTotal"`
	Decided        latencies `json:"decidedMs"`
	WritesPerOrder float64   `json:"writesPerOrder"`
	// Starts with live orders. StartSeconds is until the first decision, StartCPU the manager's
	// CPU until then.
	Starts       []GrowthResult `json:"starts,omitempty"`
	StartSeconds float64        `json:"startSeconds,omitempty"`
	StartCPU     float64        `json:"startManagerCPUSeconds,omitempty"`
	Heap         int64          `json:"managerHeapBytes,omitempty"`
}

// builds compares builds of the manager under load, on one control plane, and then at their start
// with live orders, on another.
func (b *bench) builds(ctx context.Context) (err error) {
	g := Group{Name: "builds"}
	for _, path := range b.opts.Builds {
		c := on(API, Uniform, 1, 0)
		c.Build = path
		g.Contenders = append(g.Contenders, c)
	}
	b.opts.Executable = b.opts.Builds[0]
	err = b.compare(ctx, g, b.opts.Plan.WarmUp, func(c *comparison) error {
		result, err := c.run(ctx, g)
		b.report.Groups, b.report.Builds = []Result{result}, result.builds()
		return err
	})
	if err != nil || b.opts.LiveOrders == 0 {
		return err
	}
	level := Level{Orders: b.opts.LiveOrders}
	s, err := b.stage(ctx, level.Name())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := b.startManager(ctx, s); err != nil {
		return err
	}
	if err := s.fill(ctx, level); err != nil {
		return err
	}
	for round := range b.opts.Plan.Rounds.Count {
		for i := range b.opts.Builds {
			n := (round + i) % len(b.opts.Builds)
			if err := b.start(ctx, s, b.opts.Builds[n], &b.report.Builds[n]); err != nil {
				return err
			}
		}
	}
	return nil
}

// start measures one start of a build.
func (b *bench) start(ctx context.Context, s *stage, path string, r *BuildResult) error {
	if err := errors.Join(s.stopManager(), s.quiet(ctx)); err != nil {
		return err
	}
	s.opts.executable = path
	result := GrowthResult{Level: Level{Orders: b.opts.LiveOrders}}
	if err := s.restart(ctx, &result); err != nil {
		return err
	}
	var err error
	if result.Manager, err = managerMemoryOf(ctx, s.manager); err != nil {
		return err
	}
	say(b.opts.Out, "%-24s first decision after %.1f s, %.1f CPU s, heap %d MB", r.Build,
		result.FirstDecisionSeconds, result.StartCPU["manager"], result.Manager.Heap>>20)
	r.Starts = append(r.Starts, result)
	middle := func(of func(GrowthResult) float64) float64 {
		var all []float64
		for _, s := range r.Starts {
			all = append(all, of(s))
		}
		return rounded(median(all), 2)
	}
	r.StartSeconds = middle(func(s GrowthResult) float64 { return s.FirstDecisionSeconds })
	r.StartCPU = middle(func(s GrowthResult) float64 { return s.StartCPU["manager"] })
	r.Heap = int64(middle(func(s GrowthResult) float64 { return float64(s.Manager.Heap) }))
	return nil
}

// builds sums up a group whose contenders are builds.
func (r *Result) builds() []BuildResult {
	out := make([]BuildResult, 0, len(r.Contenders))
	for n, s := range r.Contenders {
		out = append(out, BuildResult{
			Build: r.Rounds[0][n].Build, PerSecond: s.PerSecond, ToFirst: s.ToRaw, ManagerCPU: s.CPU["manager"],
			CPUToFirst: rounded(median(r.ratios(n, 0, func(x Measurement) float64 { return x.CPU["manager"] })), 4),
			CPUTotal:   s.CPUTotal, Decided: s.Decided, WritesPerOrder: s.WritesPerOrder,
		})
	}
	return out
}

// buildName is what a build is called in reports; nothing for the run's own binary.
func buildName(path string) string {
	if path == "" {
		return ""
	}
	return filepath.Base(path)
}

// useBuild has the manager of this binary decide; the one that there is when path is empty.
func (s *stage) useBuild(ctx context.Context, path string) error {
	if path == "" || path == s.opts.executable {
		return nil
	}
	if err := s.stopManager(); err != nil {
		return err
	}
	s.opts.executable = path
	if err := s.startManager(); err != nil {
		return err
	}
	return s.manager.AwaitReady(ctx)
}

func printBuilds(p func(string, ...any), results []BuildResult) {
	p("\nbuild\torders/s\tto first\tmanager CPU s/1000\tto first\tall CPU s/1000\tdecided p50\tp99 ms\twrites/order\tstart s\tCPU s\theap MB\t\n")
	for _, r := range results {
		p("%s\t%.1f\t%.3f\t%.3f\t%.3f\t%.2f\t%.1f\t%.1f\t%.3f\t%.2f\t%.2f\t%d\t\n", r.Build, r.PerSecond, r.ToFirst,
			r.ManagerCPU, r.CPUToFirst, r.CPUTotal, r.Decided.P50, r.Decided.P99, r.WritesPerOrder, r.StartSeconds, r.StartCPU, r.Heap>>20)
	}
}
