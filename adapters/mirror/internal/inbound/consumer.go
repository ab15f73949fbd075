package inbound

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror/internal/stage"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/kafka/deadletter"
)

const (
	topic           = string(event.OrderCancelRequested)
	deadLetterTopic = topic + event.DeadLetters

	// batch is how many records are read, and handled, at once at most.
	batch = 100
	// patience is how long a poll waits for records before it asks whether the broker is there.
	patience = 5 * time.Second
)

// Options are what the consumer needs.
type Options struct {
	// Namespace of the orders.
	Namespace string
	// Orders reads orders live, and patches them.
	Orders client.Client
	// Archived tells whether the database has a finished order of this id that left the
	// cluster; nobody is asked when it is nil.
	Archived func(ctx context.Context, orderID string) (bool, error)
	// Kafka is how to come to the brokers.
	Kafka    kafka.Config
	Clock    clock.Clock
	Stage    *stage.Stage
	Log      logr.Logger
	Registry prometheus.Registerer
}

// Consumer handles the records of order.cancel.requested. Several may run, for one
// namespace and also for several: each namespace has a consumer group of its own.
type Consumer struct {
	orders  *orders
	kafka   []kgo.Opt
	group   string
	clock   clock.Clock
	stage   *stage.Stage
	log     logr.Logger
	metrics *counters
	// patience with what a record needs.
	patience kafka.Patience
}

// New makes a consumer. It connects to nothing yet.
func New(o Options) (*Consumer, error) {
	brokers, err := o.Kafka.Options()
	if err != nil {
		return nil, err
	}
	counts, err := newCounters(o.Registry)
	if err != nil {
		return nil, err
	}
	c := &Consumer{
		orders:  &orders{client: o.Orders, namespace: o.Namespace, archived: o.Archived, log: o.Log},
		kafka:   brokers,
		group:   "orderplane-mirror-" + o.Namespace,
		clock:   o.Clock,
		stage:   o.Stage,
		log:     o.Log,
		metrics: counts,
	}
	c.patience = kafka.Patience{Clock: o.Clock, Failed: c.failed}
	return c, nil
}

// Run handles records until ctx is over. Whatever fails is tried again.
func (c *Consumer) Run(ctx context.Context) error {
	broker, err := kgo.NewClient(slices.Concat(c.kafka, kafka.Group(c.group, topic))...)
	if err != nil {
		return fmt.Errorf("consume %s: %w", topic, err)
	}
	defer leave(ctx, broker)
	if err := c.patience.Until(ctx, func() error { return kafka.EnsureTopics(ctx, broker, deadletter.Topics(topic)) }); err != nil {
		return nil
	}
	for ctx.Err() == nil {
		c.poll(ctx, broker)
	}
	return nil
}

// leave gives the partitions to others at once, if the broker is there to be told.
func leave(ctx context.Context, broker *kgo.Client) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer stop()
	_ = broker.LeaveGroupContext(ctx) // else they notice when the session is over
	broker.Close()
}

// poll handles what comes next, and commits it.
func (c *Consumer) poll(ctx context.Context, broker *kgo.Client) {
	waiting, stop := context.WithTimeout(ctx, patience)
	fetches := broker.PollRecords(waiting, batch)
	stop()
	if ctx.Err() != nil {
		return
	}
	failed := c.fetchErrors(fetches)
	records := fetches.Records()
	if len(records) == 0 {
		if !failed {
			c.ping(ctx, broker)
		}
		return
	}
	c.stage.Waiting(behind(fetches), oldest(records))
	if err := c.handleAll(ctx, broker, records); err != nil {
		return // ctx is over: what was not committed comes again
	}
	if err := broker.CommitRecords(ctx, records...); err != nil {
		c.failed(fmt.Errorf("commit offsets of group %s: %w", c.group, err))
		return
	}
	c.stage.Waiting(behind(fetches)-len(records), c.clock.Now())
	if !failed {
		c.stage.Succeeded()
	}
}

// handleAll handles the records of a batch at once. The error is that ctx is over.
func (c *Consumer) handleAll(ctx context.Context, broker *kgo.Client, records []*kgo.Record) error {
	const atOnce = 32
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, record := range records {
		group.Go(func() error { return c.handle(ctx, broker, record) })
	}
	return group.Wait()
}

// ping finds out whether the broker is there when no record came.
func (c *Consumer) ping(ctx context.Context, broker *kgo.Client) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if err := broker.Ping(ctx); err != nil {
		c.failed(fmt.Errorf("reach the broker: %w", err))
		return
	}
	c.stage.Waiting(0, time.Time{})
	c.stage.Succeeded()
}

// fetchErrors reports what a poll says of partitions, other than that its time was over.
func (c *Consumer) fetchErrors(fetches kgo.Fetches) (failed bool) {
	fetches.EachError(func(topic string, partition int32, err error) {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return
		}
		failed = true
		c.failed(fmt.Errorf("fetch from %s, partition %d: %w", topic, partition, err))
	})
	return failed
}

func (c *Consumer) failed(err error) {
	c.stage.Failed(err)
	c.log.Error(err, "what others ask for waits")
}

// behind is how many records of the partitions of a poll are not handled.
func behind(fetches kgo.Fetches) int {
	n := int64(0)
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) > 0 {
			n += p.HighWatermark - p.Records[0].Offset
		}
	})
	return int(n)
}

func oldest(records []*kgo.Record) time.Time {
	first := records[0].Timestamp
	for _, r := range records {
		if r.Timestamp.Before(first) {
			first = r.Timestamp
		}
	}
	return first
}
