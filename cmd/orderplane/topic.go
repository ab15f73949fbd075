package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// brokerAnswersWithin is how long somebody at a terminal waits for a broker.
const brokerAnswersWithin = 5 * time.Second

func newTopicCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topic",
		Short: "See what is on the topics, and create them",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newTopicListCommand(), newTopicTailCommand(), newTopicCreateCommand())
	return cmd
}

func newTopicListCommand() *cobra.Command {
	var broker kafkaFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Print every topic, with its partitions and records",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := connect(cmd.Context(), &broker)
			if err != nil {
				return err
			}
			defer client.Close()
			return listTopics(cmd.Context(), cmd.OutOrStdout(), client)
		},
	}
	broker.register(cmd.Flags())
	return cmd
}

// tailOptions say which records of a topic are printed, and how.
type tailOptions struct {
	broker        kafkaFlags
	fromBeginning bool
	count         int
	key           string
	headers       bool
}

func (o *tailOptions) register(flags *pflag.FlagSet) {
	o.broker.register(flags)
	flags.BoolVar(&o.fromBeginning, "from-beginning", false, "begin with the oldest record; without it, with the next that is written")
	flags.IntVar(&o.count, "count", 0, "end after so many records; 0 goes on until it is interrupted")
	flags.StringVar(&o.key, "key", "", "print the records of this key only, such as an order's id")
	flags.BoolVar(&o.headers, "headers", false, "print the headers of each record before it")
}

func newTopicTailCommand() *cobra.Command {
	var o tailOptions
	cmd := &cobra.Command{
		Use:   "tail TOPIC",
		Short: "Print the records of a topic as they come",
		Long: "Print the records of a topic as they come: key, tab, value, one record a line.\n" +
			"What is not printable is quoted. The order of records is that of their partition.",
		Example: "  orderplane topic tail order.created --from-beginning --count 1\n" +
			"  orderplane topic tail inventory.updated --key prod-001 --headers",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return tail(cmd.Context(), cmd.OutOrStdout(), args[0], &o)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

// connect makes a client and finds out whether a broker answers.
func connect(ctx context.Context, broker *kafkaFlags, more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := broker.Options()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, fmt.Errorf("make a client of Kafka: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, brokerAnswersWithin)
	defer stop()
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("no broker answers at %s: %w; is it running, and is KAFKA_BOOTSTRAP its address? KAFKA_TLS and KAFKA_SASL_ variables must fit it, too",
			strings.Join(broker.Bootstrap, ", "), err)
	}
	return client, nil
}

func listTopics(ctx context.Context, out io.Writer, client *kgo.Client) error {
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	names := topics.Names()
	slices.Sort(names)
	starts, err := admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("list the first records: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("list the last records: %w", err)
	}
	table := tabwriter.NewWriter(out, 0, 8, 3, ' ', 0)
	fmt.Fprintln(table, "TOPIC\tPARTITIONS\tRECORDS")
	for _, name := range names {
		records := int64(0)
		for partition := range topics[name].Partitions {
			start, _ := starts.Lookup(name, partition)
			end, _ := ends.Lookup(name, partition)
			records += end.Offset - start.Offset
		}
		fmt.Fprintf(table, "%s\t%d\t%d\n", name, len(topics[name].Partitions), records)
	}
	return table.Flush()
}

func tail(ctx context.Context, out io.Writer, topic string, o *tailOptions) error {
	if o.count < 0 {
		return fmt.Errorf("--count %d: give the number of records after which to end, or 0 to go on", o.count)
	}
	from := kgo.NewOffset().AtEnd()
	if o.fromBeginning {
		from = kgo.NewOffset().AtStart()
	}
	client, err := connect(ctx, &o.broker, kgo.ConsumeResetOffset(from))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := isThere(ctx, client, topic); err != nil {
		return err
	}
	client.AddConsumeTopics(topic)
	for printed := 0; ctx.Err() == nil; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil && ctx.Err() == nil {
			return fmt.Errorf("read topic %s: %w", topic, err)
		}
		for _, record := range fetches.Records() {
			if o.key != "" && string(record.Key) != o.key {
				continue
			}
			if err := printRecord(out, record, o.headers); err != nil {
				return err
			}
			if printed++; printed == o.count {
				return nil
			}
		}
	}
	return nil
}

// isThere is an error that names the topics there are, unless the topic is one of them.
func isThere(ctx context.Context, client *kgo.Client, topic string) error {
	topics, err := kadm.NewClient(client).ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	if topics.Has(topic) {
		return nil
	}
	names := topics.Names()
	slices.Sort(names)
	if len(names) == 0 {
		return errors.New("the broker has no topics yet; the mirror creates them when it starts")
	}
	return fmt.Errorf("there is no topic %q; there are %s", topic, strings.Join(names, ", "))
}

func printRecord(out io.Writer, record *kgo.Record, headers bool) error {
	var text strings.Builder
	if headers {
		for _, h := range record.Headers {
			fmt.Fprintf(&text, "# %s: %s\n", printable([]byte(h.Key)), printable(h.Value))
		}
	}
	fmt.Fprintf(&text, "%s\t%s\n", printable(record.Key), printable(record.Value))
	_, err := io.WriteString(out, text.String())
	return err
}

// printable is a text as it is if a terminal can show it on one line, else quoted.
func printable(text []byte) string {
	if utf8.Valid(text) && !strings.ContainsFunc(string(text), unicode.IsControl) {
		return string(text)
	}
	return strconv.Quote(string(text))
}
