// Command bench measures Orderplane; test/performance says how.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/orderplane/orderplane/test/performance"
	"github.com/orderplane/orderplane/webhooks"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctrl.SetLogger(logr.Discard())
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// overrides change the plan's own times and counts where they are given.
type overrides struct {
	rounds    performance.Rounds
	noFsync   bool
	untracked bool
	rate      float64
	products  int
	dir       string
	binary    string
	budget    string
	groups    []string
	builds    []string
	live      int
	waiting   int
}

func newCommand() *cobra.Command {
	var o overrides
	cmd := &cobra.Command{
		Use:           "bench {" + strings.Join(performance.PlanNames(), "|") + "}",
		Short:         "Measure Orderplane against the raw limit of this machine",
		Args:          cobra.ExactArgs(1),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := performance.PlanNamed(args[0])
			if err != nil {
				return err
			}
			if plan, err = plan.Only(o.groups); err != nil {
				return err
			}
			plan.Rounds, plan.Rate = o.over(cmd, plan.Rounds), o.rate
			if cmd.Flags().Changed("waiting-orders") {
				plan.Absence = o.waiting
			}
			return run(cmd, performance.Options{
				Plan: plan, Executable: o.binary, Builds: o.builds, LiveOrders: o.live, Dir: o.dir, Fsync: !o.noFsync, Untracked: o.untracked, Products: o.products,
				Admission: webhooks.Manifests, Out: cmd.OutOrStdout(),
			}, o.budget)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.binary, "binary", "bin/orderplane", "the orderplane binary")
	flags.StringSliceVar(&o.builds, "builds", nil, "orderplane binaries that the plan builds compares")
	flags.IntVar(&o.live, "live-orders", 100_000, "live orders that the plan builds starts each build with; 0 to measure no start")
	flags.IntVar(&o.waiting, "waiting-orders", 0, "orders that wait for the mirror of the plan absence, instead of the plan's")
	flags.StringVar(&o.dir, "dir", "bin/bench", "folder for report.json, logs and profiles")
	flags.StringVar(&o.budget, "budget", "", "fail when the run breaks this budget")
	flags.BoolVar(&o.noFsync, "no-fsync", false, "let etcd skip fsync")
	flags.BoolVar(&o.untracked, "untracked", false, "install config/untracked, too")
	flags.Float64Var(&o.rate, "rate", 0, "arrivals a second in the open model, instead of 70 % of a saturation that is searched")
	flags.IntVar(&o.products, "products", 1000, "how many products there are")
	flags.StringSliceVar(&o.groups, "groups", nil, "groups, open contenders or levels of the plan to measure, such as one-line, api-uniform-1 or orders-10000, instead of all")
	flags.IntVar(&o.rounds.Count, "rounds", 0, "rounds of each group, instead of the plan's")
	flags.IntVar(&o.rounds.InFlight, "in-flight", 0, "orders in flight, instead of the plan's")
	flags.DurationVar(&o.rounds.Ramp, "ramp", 0, "load before what is measured, instead of the plan's")
	flags.DurationVar(&o.rounds.Window, "window", 0, "how long each measurement is, instead of the plan's")
	return cmd
}

func (o overrides) over(cmd *cobra.Command, t performance.Rounds) performance.Rounds {
	for name, set := range map[string]func(){
		"rounds":    func() { t.Count = o.rounds.Count },
		"in-flight": func() { t.InFlight = o.rounds.InFlight },
		"ramp":      func() { t.Ramp = o.rounds.Ramp },
		"window":    func() { t.Window = o.rounds.Window },
	} {
		if cmd.Flags().Changed(name) {
			set()
		}
	}
	return t
}

func run(cmd *cobra.Command, o performance.Options, budgetFile string) error {
	var budget performance.Budget
	if budgetFile != "" {
		var err error
		if budget, err = performance.ReadBudget(budgetFile); err != nil {
			return err
		}
	}
	report, err := performance.Run(cmd.Context(), o)
	if err != nil {
		return err
	}
	if budgetFile == "" {
		return nil
	}
	if err := budget.Check(report); err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), "bench: within budget", budgetFile)
	return err
}
