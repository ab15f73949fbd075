package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/orderplane/orderplane/adapters/mirror"
)

// mirrorTasks are what `orderplane mirror` does once, and ends, in place of mirroring.
type mirrorTasks struct {
	replay    string
	rebuild   bool
	check     bool
	uninstall bool
}

// addMirrorTasks gives the command the flags of the tasks. One of them at most may be given.
func addMirrorTasks(cmd *cobra.Command, o *mirrorOptions) {
	var tasks mirrorTasks
	flags := cmd.Flags()
	flags.StringVar(&tasks.replay, "replay", "", "queue every event of this topic to be published again, and end")
	flags.BoolVar(&tasks.uninstall, "uninstall", false, "take the mirror's finalizer off everything in the namespace, and end")
	flags.BoolVar(&tasks.check, "check", false, fmt.Sprintf("compare cluster, databases and topics with each other, name what differs, and end; the exit code is %d when anything does", exitDiffers))
	flags.BoolVar(&tasks.rebuild, "rebuild", false, "put into databases that were lost, or set back to a backup, what the topics have and they lack, and end")
	names := []string{"replay", "rebuild", "check", "uninstall"}
	cmd.MarkFlagsMutuallyExclusive(names...)
	mirrors := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, name := range names {
			if flags.Changed(name) {
				return runMirrorTask(cmd.Context(), o, cmd.OutOrStdout(), tasks.do)
			}
		}
		return mirrors(cmd, args)
	}
}

// do what the flags ask for.
func (t *mirrorTasks) do(ctx context.Context, of *mirror.Tasks) error {
	switch {
	case t.uninstall:
		return of.Uninstall(ctx)
	case t.rebuild:
		return of.Rebuild(ctx)
	case t.check:
		differences, err := of.Check(ctx)
		if err == nil && differences > 0 {
			err = &exitError{code: exitDiffers, why: fmt.Sprintf("cluster, databases and topics differ in %d things", differences)}
		}
		return err
	default:
		return of.Replay(ctx, t.replay)
	}
}

func runMirrorTask(ctx context.Context, o *mirrorOptions, out io.Writer, do func(context.Context, *mirror.Tasks) error) error {
	_ = o.component.logger() // libraries log as a mirror's do
	cfg, err := clusterConfig("mirror")
	if err != nil {
		return err
	}
	o.mirror.Postgres, o.mirror.Kafka = o.postgres.Config, o.kafka.Config
	tasks, err := mirror.NewTasks(ctx, o.mirror, cfg, out)
	if err != nil {
		return err
	}
	defer tasks.Close()
	return do(ctx, tasks)
}
