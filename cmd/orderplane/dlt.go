package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/kafka/deadletter"
)

func newDLTCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlt",
		Short: "See the dead letters: records that could not be handled; and put them back",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newDLTListCommand(), newDLTShowCommand(), newDLTReplayCommand())
	return cmd
}

func newDLTListCommand() *cobra.Command {
	var broker kafkaFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Print every topic of dead letters, with how many wait to be put back",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withLetters(cmd.Context(), &broker, func(ctx context.Context, queues deadletter.Queues) error {
				return listLetters(ctx, cmd.OutOrStdout(), queues)
			})
		},
	}
	broker.register(cmd.Flags())
	return cmd
}

func listLetters(ctx context.Context, out io.Writer, queues deadletter.Queues) error {
	all, err := queues.List(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 8, 3, ' ', 0)
	fmt.Fprintln(table, "TOPIC\tLETTERS\tWAITING")
	for _, q := range all {
		fmt.Fprintf(table, "%s\t%d\t%d\n", q.Topic, q.Letters, q.Waiting)
	}
	return table.Flush()
}

// whichFlags say which dead letters of a topic are meant.
type whichFlags struct {
	broker    kafkaFlags
	all       bool
	partition int32
	offset    int64
}

func (f *whichFlags) register(flags *pflag.FlagSet) {
	f.broker.register(flags)
	flags.BoolVar(&f.all, "all", false, "all of them, also those that were put back before")
	flags.Int64Var(&f.offset, "offset", -1, "only the one at this offset")
	flags.Int32Var(&f.partition, "partition", 0, "partition of --offset")
}

func (f *whichFlags) which() (deadletter.Which, error) {
	switch {
	case f.all && f.offset >= 0:
		return deadletter.Which{}, errors.New("--all and --offset: give one of them")
	case f.partition != 0 && f.offset < 0:
		return deadletter.Which{}, errors.New("--partition says where --offset is: give that, too")
	}
	return deadletter.Which{All: f.all, Partition: f.partition, Offset: f.offset}, nil
}

func newDLTShowCommand() *cobra.Command {
	var o whichFlags
	cmd := &cobra.Command{
		Use:   "show TOPIC",
		Short: "Print the dead letters of a topic that were not put back",
		Long: "Print the dead letters of a topic that were not put back: where each stands, its headers, key, tab and value.\n" +
			"What is not printable is quoted. A value may be about a person.",
		Example: "  orderplane dlt show order.created.DLT",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			which, err := o.which()
			if err != nil {
				return err
			}
			return withLetters(cmd.Context(), &o.broker, func(ctx context.Context, queues deadletter.Queues) error {
				return queues.Read(ctx, args[0], which, func(letter *kgo.Record) error {
					if _, err := fmt.Fprintf(cmd.OutOrStdout(), "# partition %d, offset %d\n", letter.Partition, letter.Offset); err != nil {
						return err
					}
					return printRecord(cmd.OutOrStdout(), letter, true)
				})
			})
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func newDLTReplayCommand() *cobra.Command {
	var (
		o    whichFlags
		file string
	)
	cmd := &cobra.Command{
		Use:   "replay TOPIC",
		Short: "Write dead letters back to the topics that they came from",
		Long: "Write the dead letters of a topic that were not put back yet to the topics that they came from, and remember it.\n" +
			"Correct the cause first. One whose value itself was wrong is put back by --offset with --value-file.",
		Example: "  orderplane dlt replay order.created.DLT\n" +
			"  orderplane dlt replay order.created.DLT --offset 3 --value-file mended.json",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			which, err := o.which()
			if err != nil {
				return err
			}
			mended, err := mendedValue(file, which)
			if err != nil {
				return err
			}
			return withLetters(cmd.Context(), &o.broker, func(ctx context.Context, queues deadletter.Queues) error {
				n, err := queues.Replay(ctx, args[0], which, mended)
				fmt.Fprintf(cmd.OutOrStdout(), "put back: %d\n", n)
				return err
			})
		},
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&file, "value-file", "", "file with the mended value; it goes with --offset")
	return cmd
}

// mendedValue is what a file has; nil without one.
func mendedValue(file string, which deadletter.Which) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	if which.Offset < 0 {
		return nil, errors.New("--value-file is the value of one dead letter: say which by --offset")
	}
	value, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--value-file: %w", err)
	}
	return value, nil
}

// withLetters has something done with the dead letters of a broker.
func withLetters(ctx context.Context, broker *kafkaFlags, do func(context.Context, deadletter.Queues) error) error {
	client, err := connect(ctx, broker)
	if err != nil {
		return err
	}
	defer client.Close()
	return do(ctx, deadletter.Queues{Broker: client, Consume: func(from map[string]map[int32]kgo.Offset) (*kgo.Client, error) {
		return connect(ctx, broker, kgo.ConsumePartitions(from))
	}})
}
