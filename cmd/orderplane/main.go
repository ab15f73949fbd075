// Command orderplane is every component of Orderplane in one binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// From the first signal on, a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "orderplane: %v\n", err)
		os.Exit(exitCodeOf(err))
	}
}

// exitDiffers is the exit code of a comparison that was made and found differences; one that
// could not be made ends with 1, as every other failure.
const exitDiffers = 3

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	why  string
}

func (e *exitError) Error() string { return e.why }

func exitCodeOf(err error) int {
	if own := (*exitError)(nil); errors.As(err, &own) {
		return own.code
	}
	return 1
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "orderplane",
		Short: "Order processing as a Kubernetes control plane",
		Long: "Order processing as a Kubernetes control plane: every component of it in one binary.\n\n" +
			"Each flag that names a variable in brackets takes it from the environment when the flag is not given.",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return applyEnvironment(cmd.Flags(), os.LookupEnv)
		},
	}
	root.AddCommand(newManagerCommand(), newGatewayCommand(), newTokenCommand(), newLocalCommand(), newMirrorCommand(), newNotifierCommand(), newNotificationsCommand(), newTopicCommand(), newDLTCommand(), newMigrateCommand(), newProbeCommand(), newPrepareCommand(), newVersionCommand())
	return root
}
