package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/notifier/internal/pulse"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/kafka/deadletter"
)

// Group is the consumer group of all notifiers.
const Group = "orderplane-notifier"

const (
	// batch is how many records are read, and recorded, at once at most.
	batch = 500
	// fetchBytes bounds what of all partitions is held in memory, beyond one batch.
	fetchBytes = 8 << 20
	// badBatches is how many batches with bad records may be under way. Reading waits beyond that.
	badBatches = 8
	// patience is how long a poll waits for records before it asks whether the broker is there.
	patience = 5 * time.Second
	// leaveWithin bounds the end of a consumer: others notice it by themselves a little later.
	leaveWithin = 2 * time.Second
)

// Options are what a consumer needs.
type Options struct {
	// Kafka is how to come to the brokers.
	Kafka kafka.Config
	// Orders is ops_orders, which is only read, and Notifications is ops_notifications.
	Orders, Notifications *pgxpool.Pool
	Rules                 notification.Rules
	// Recorded is called when there may be something new to send.
	Recorded func()
	Clock    clock.WithTicker
	Pulse    *pulse.Pulse
	Log      logr.Logger
	Registry prometheus.Registerer
}

// Consumer records what the topics tell. Any number may run.
type Consumer struct {
	recorder *recorder
	offsets  *offsets
	broker   *kgo.Client
	recorded func()
	clock    clock.WithTicker
	pulse    *pulse.Pulse
	log      logr.Logger
	counts   *counters
	// patience with what a record needs.
	patience kafka.Patience
}

// New makes a consumer. It connects to nothing yet.
func New(o Options) (*Consumer, error) {
	opts, err := o.Kafka.Options()
	if err != nil {
		return nil, err
	}
	c := &Consumer{
		recorder: &recorder{orders: o.Orders, notifications: o.Notifications, rules: o.Rules, clock: o.Clock},
		offsets:  newOffsets(), recorded: o.Recorded, clock: o.Clock, pulse: o.Pulse, log: o.Log,
	}
	c.patience = kafka.Patience{Clock: o.Clock, Failed: c.failed}
	if c.counts, err = newCounters(o.Registry); err != nil {
		return nil, err
	}
	lost := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) { c.offsets.forget(partitions) }
	// The group balances cooperatively, which is kgo's default: who comes and goes stops nobody.
	c.broker, err = kgo.NewClient(append(slices.Concat(opts, kafka.Group(Group, topics()...)),
		kgo.BlockRebalanceOnPoll(), kgo.FetchMaxBytes(fetchBytes), kgo.OnPartitionsRevoked(c.revoked), kgo.OnPartitionsLost(lost),
	)...)
	if err != nil {
		return nil, fmt.Errorf("consume events: %w", err)
	}
	return c, nil
}

func topics() []string {
	var names []string
	for _, t := range notification.Topics() {
		names = append(names, string(t))
	}
	return names
}

// Run records until ctx is over. Whatever a dependency keeps from being done is tried again. The error is one
// that only a person can mend.
func (c *Consumer) Run(ctx context.Context) error {
	defer c.leave(ctx)
	var wrong *kafka.WrongPartitions
	err := c.patience.Until(ctx, func() error {
		err := kafka.EnsureTopics(ctx, c.broker, deadletter.Topics(topics()...))
		if errors.As(err, &wrong) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil
	}
	if wrong != nil {
		return wrong
	}
	retries, within := errgroup.WithContext(ctx)
	retries.SetLimit(badBatches)
	for within.Err() == nil {
		c.poll(within, retries)
	}
	_ = retries.Wait() // ctx is over: what has not come to its end comes again
	return nil
}

// leave gives the partitions to others at once, if the broker is there to be told.
func (c *Consumer) leave(ctx context.Context) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer stop()
	_ = c.broker.LeaveGroupContext(ctx)
	c.broker.CloseAllowingRebalance()
}

// revoked commits what can be, of partitions that go to others.
func (c *Consumer) revoked(ctx context.Context, _ *kgo.Client, partitions map[string][]int32) {
	ctx, stop := context.WithTimeout(ctx, leaveWithin)
	defer stop()
	if err := c.commit(ctx); err != nil {
		c.log.Info("offsets were not committed before partitions went to others; their records come again", "error", err.Error())
	}
	c.offsets.forget(partitions)
}

// poll records what comes next.
func (c *Consumer) poll(ctx context.Context, retries *errgroup.Group) {
	waiting, stop := context.WithTimeout(ctx, patience)
	fetches := c.broker.PollRecords(waiting, batch)
	stop()
	records := fetches.Records()
	c.offsets.read(records)
	c.broker.AllowRebalance() // from here on, what goes to others is forgotten
	if ctx.Err() != nil {
		return
	}
	failed := c.fetchErrors(fetches)
	if len(records) == 0 && !failed {
		failed = c.ping(ctx) != nil
	}
	mine := c.sort(records)
	bad, err := c.record(ctx, mine)
	if err != nil {
		return // ctx is over
	}
	if len(bad) > 0 {
		retries.Go(func() error { return c.retry(ctx, bad) })
	}
	if err := c.commit(ctx); err != nil {
		c.failed(err)
		return
	}
	if !failed {
		c.pulse.Succeeded()
	}
}

// sort leaves out what is passed over, which has come to its end.
func (c *Consumer) sort(records []*kgo.Record) (mine []*kgo.Record) {
	for _, r := range records {
		if passes(r, Group) {
			c.ended(r, passedOver)
			continue
		}
		mine = append(mine, r)
	}
	return mine
}

// record keeps what records tell, and gives those that are bad. The error is that ctx is over.
func (c *Consumer) record(ctx context.Context, records []*kgo.Record) (bad map[*kgo.Record]error, err error) {
	if len(records) == 0 {
		return nil, nil
	}
	if err := c.patience.Until(ctx, func() (err error) {
		bad, err = c.recorder.record(ctx, records)
		return err
	}); err != nil {
		return nil, err
	}
	for _, r := range records {
		if bad[r] == nil {
			c.ended(r, recorded)
		}
	}
	c.recorded()
	return bad, nil
}

// retry tries bad records again, and gives up those that stay bad. The error is that ctx is over.
func (c *Consumer) retry(ctx context.Context, bad map[*kgo.Record]error) (err error) {
	for _, pause := range deadletter.Pauses() {
		if err := c.patience.Pause(ctx, pause); err != nil {
			return err
		}
		left := make([]*kgo.Record, 0, len(bad))
		for r := range bad {
			left = append(left, r)
		}
		if bad, err = c.record(ctx, left); err != nil || len(bad) == 0 {
			return err
		}
	}
	for r, why := range bad {
		if err := c.patience.Until(ctx, func() error { return deadletter.Write(ctx, c.broker, deadletter.Of(r, Group, why)) }); err != nil {
			return err
		}
		c.log.Error(why, "a record is a dead letter", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset)
		c.ended(r, deadLetter)
	}
	return nil
}

func (c *Consumer) ended(r *kgo.Record, how outcome) {
	c.offsets.end(r)
	c.counts.records.WithLabelValues(string(how)).Inc()
}

// commit commits what may be.
func (c *Consumer) commit(ctx context.Context) error {
	due := c.offsets.due()
	if len(due) == 0 {
		return nil
	}
	if err := c.broker.CommitRecords(ctx, due...); err != nil {
		return fmt.Errorf("commit offsets of group %s: %w", Group, err)
	}
	c.offsets.committed(due)
	return nil
}

// ping finds out whether the broker is there when no record came.
func (c *Consumer) ping(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	err := c.broker.Ping(ctx)
	if err != nil {
		c.failed(fmt.Errorf("reach the broker: %w", err))
	}
	return err
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
	c.pulse.Failed(err)
	c.log.Info("recording what happened waits", "error", err.Error())
}
