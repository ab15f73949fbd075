// Command orderplane is every component of Orderplane in one binary.
package main

import (
	"context"
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
		os.Exit(1)
	}
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
	root.AddCommand(newManagerCommand(), newGatewayCommand(), newTokenCommand(), newLocalCommand(), newMirrorCommand(), newTopicCommand(), newMigrateCommand(), newVersionCommand())
	return root
}
