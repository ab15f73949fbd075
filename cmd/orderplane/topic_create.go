package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kafka"
)

// newTopicCreateCommand creates the topics before anything else runs. The mirror creates what is missing, too.
func newTopicCreateCommand() *cobra.Command {
	var (
		broker kafkaFlags
		wait   time.Duration
	)
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create the topics that are missing, and end",
		Long: "Create those of Orderplane's topics that are missing, with the broker's own replication factor, and end.\n" +
			"The mirror does the same when it starts; it may run any number of times. A topic that is there with another\n" +
			"number of partitions is told, and stays as it is.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := context.WithTimeout(cmd.Context(), wait)
			defer stop()
			topics := event.Topics()
			if err := createTopics(ctx, &broker, topics); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d topics are there\n", len(topics))
			return err
		},
	}
	broker.register(cmd.Flags())
	cmd.Flags().DurationVar(&wait, "wait", time.Minute, "how long to wait for a broker")
	return cmd
}

// createTopics waits for a broker and creates what is missing.
func createTopics(ctx context.Context, broker *kafkaFlags, topics []event.Topic) error {
	for {
		client, err := connect(ctx, broker)
		if err == nil {
			defer client.Close()
			return kafka.EnsureTopics(ctx, client, topics)
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(time.Second):
		}
	}
}
