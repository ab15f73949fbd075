package performance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// Options of a run.
type Options struct {
	// Plan says what is measured.
	Plan Plan
	// Executable is the orderplane binary, whose components are measured.
	Executable string
	// Builds of it that the plan builds compares, and LiveOrders that each of them starts with; their
	// starts are not measured when that is 0.
	Builds     []string
	LiveOrders int
	// Dir receives the report, logs and profiles.
	Dir string
	// Fsync lets etcd write as in production.
	Fsync bool
	// Untracked installs config/untracked, too.
	Untracked bool
	// Products there are.
	Products int
	// Admission gives the manifests that have the API server call the manager's
	// webhooks at an URL.
	Admission func(url string) ([]*unstructured.Unstructured, error)
	// Out receives progress and the table.
	Out io.Writer
}

// Validate says everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	check := func(good bool, format string, args ...any) {
		if !good {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(o.Executable != "", "binary: give the path of orderplane")
	check(o.Dir != "", "dir: give a folder for the report")
	check(o.Admission != nil, "admission: give the manifests of the webhooks")
	check(o.Products >= 10 && o.Products <= 10000, "products: %d is not between 10 and 10000", o.Products)
	t := o.Plan.Rounds
	check(t.Count >= 1, "rounds: %d is below 1", t.Count)
	check(t.InFlight >= 1 && t.InFlight <= mostInFlight, "in-flight: %d is not between 1 and %d", t.InFlight, mostInFlight)
	check(t.Window > 0 && t.Ramp >= 0, "window %s and ramp %s: give times above 0", t.Window, t.Ramp)
	check(o.Plan.Rate >= 0, "rate: %v is below 0", o.Plan.Rate)
	check(o.Plan.Rate == 0 || len(o.Plan.Open) > 0, "rate: the plan %s has no arrivals of their own; use it with the plan open", o.Plan.Name)
	check(o.Plan.Builds == (len(o.Builds) > 0), "builds: give binaries to compare with the plan builds, and with no other")
	check(o.Plan.Absence >= 0 && (o.Plan.Absence == 0 || o.Plan.Name == absencePlan().Name), "waiting-orders: %d; give a number above 0, with the plan absence", o.Plan.Absence)
	check(o.LiveOrders >= 0, "live-orders: %d is below 0", o.LiveOrders)
	return errors.Join(errs...)
}

// Run measures what the plan says, prints it and writes it to report.json in Dir.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("benchmark options: %w", err)
	}
	assets, err := devcluster.FindAssets()
	if err != nil {
		return nil, err
	}
	t := o.Plan.Rounds
	report := &Report{
		Plan: o.Plan.Name, Started: time.Now().Truncate(time.Second), Machine: describeMachine(assets),
		Setup: Setup{
			EtcdFsync: o.Fsync, Untracked: o.Untracked, Users: setupUsers, Admission: setupAdmission, Products: o.Products,
			InFlight: t.InFlight, Rounds: t.Count, Ramp: t.Ramp.String(), Window: t.Window.String(),
		},
	}
	b := &bench{opts: o, assets: assets, report: report}
	if err := b.run(ctx); err != nil {
		return nil, err
	}
	report.Seconds = rounded(time.Since(report.Started).Seconds(), 0)
	if err := report.write(filepath.Join(o.Dir, "report.json")); err != nil {
		return nil, err
	}
	return report, report.Print(o.Out)
}

// bench is a run under way.
type bench struct {
	opts   Options
	assets string
	report *Report
}

func (b *bench) run(ctx context.Context) error {
	for _, g := range b.opts.Plan.Groups {
		if err := b.group(ctx, g); err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
	}
	for _, contender := range b.opts.Plan.Open {
		if err := b.open(ctx, contender); err != nil {
			return fmt.Errorf("open model, %s: %w", contender, err)
		}
	}
	if b.opts.Plan.Builds {
		return b.builds(ctx)
	}
	if len(b.opts.Plan.Growth) > 0 {
		return b.growth(ctx, b.opts.Plan.Growth)
	}
	if b.opts.Plan.Absence > 0 {
		return b.absence(ctx, b.opts.Plan.Absence)
	}
	return nil
}

// group measures a group in the closed model.
func (b *bench) group(ctx context.Context, g Group) error {
	return b.compare(ctx, g, b.opts.Plan.WarmUp, func(c *comparison) error {
		result, err := c.run(ctx, g)
		if err != nil {
			return err
		}
		b.report.Groups = append(b.report.Groups, result)
		return b.profile(ctx, c, g)
	})
}

// compare has measure run on a stage of its own, warmed up, so that it does not
// matter what an earlier measurement left behind.
func (b *bench) compare(ctx context.Context, g Group, warmUp time.Duration, measure func(*comparison) error) (err error) {
	s, err := b.stage(ctx, g.Name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := b.startManager(ctx, s); err != nil {
		return err
	}
	if b.opts.Plan.Mirrored {
		if err := s.startMirror(); err != nil {
			return err
		}
		if err := s.mirror.AwaitReady(ctx); err != nil {
			return err
		}
	}
	c, err := newComparison(ctx, s, g, b.opts.Plan.Rounds, b.opts.Out)
	if err != nil {
		return err
	}
	say(b.opts.Out, "%s: warming up", g.Name)
	if err := c.warmUp(ctx, g, warmUp); err != nil {
		return err
	}
	if err := measure(c); err != nil {
		return err
	}
	return b.report.notePeaks(s.pids())
}

func (b *bench) stage(ctx context.Context, name string) (*stage, error) {
	say(b.opts.Out, "%s: starting a control plane with %d products", name, b.opts.Products)
	return newStage(ctx, stageOptions{
		assets: b.assets, executable: b.opts.Executable, dir: filepath.Join(b.opts.Dir, name),
		fsync: b.opts.Fsync, untracked: b.opts.Untracked, mirrored: b.opts.Plan.Mirrored, products: b.opts.Products, admission: b.opts.Admission,
	})
}

// startManager starts the manager and waits until it has seen all items.
func (b *bench) startManager(ctx context.Context, s *stage) error {
	if err := s.startManager(); err != nil {
		return err
	}
	if err := s.manager.AwaitReady(ctx); err != nil {
		return err
	}
	if err := s.awaitAdmission(ctx); err != nil {
		return err
	}
	if b.opts.Untracked {
		if err := s.awaitUntracked(ctx); err != nil {
			return err
		}
	}
	return s.quiet(ctx)
}
