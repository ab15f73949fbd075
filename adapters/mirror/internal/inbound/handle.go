package inbound

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kafka/deadletter"
	"github.com/orderplane/orderplane/internal/kube/metrics"
)

// handle brings a record to its end. The error is that ctx is over.
func (c *Consumer) handle(ctx context.Context, broker *kgo.Client, record *kgo.Record) error {
	if deadletter.Header(record, event.HeaderSource) == event.Source {
		c.metrics.count(own)
		return nil
	}
	log := c.log.WithValues("partition", record.Partition, "offset", record.Offset)
	var asked request
	became, bad, err := c.tries(ctx, func() (outcome, error) {
		var err error
		if asked, err = parse(record.Value); err != nil {
			return "", &badRecord{err}
		}
		return c.orders.cancel(ctx, asked, record.Timestamp)
	})
	if err != nil {
		return err
	}
	if bad != nil {
		became = deadLetter
		if err := c.patience.Until(ctx, func() error { return c.bury(ctx, broker, record, bad) }); err != nil {
			return err
		}
		log.Error(bad, "a record is a dead letter", "topic", deadLetterTopic)
	} else {
		log.Info("a cancellation was asked for", "order", asked.orderID, "reason", asked.reason, "outcome", became, "traceId", asked.traceID)
	}
	c.metrics.count(became)
	return nil
}

// tries carries out once, and again while the fault is the record's own and tries are
// left; bad is the fault of the last one. Other faults are waited out.
func (c *Consumer) tries(ctx context.Context, once func() (outcome, error)) (became outcome, bad *badRecord, err error) {
	pauses := deadletter.Pauses()
	for try := 0; ; try++ {
		bad = nil
		err := c.patience.Until(ctx, func() error {
			var err error
			if became, err = once(); errors.As(err, &bad) {
				return nil
			}
			return err
		})
		if err != nil || bad == nil || try == len(pauses) {
			return became, bad, err
		}
		if err := c.patience.Pause(ctx, pauses[try]); err != nil {
			return "", nil, err
		}
	}
}

// bury writes a record to the dead letters, with why.
func (c *Consumer) bury(ctx context.Context, broker *kgo.Client, record *kgo.Record, why error) error {
	return deadletter.Write(ctx, broker, deadletter.Of(record, c.group, why))
}

// counters count what became of records.
type counters struct {
	records *prometheus.CounterVec
	dead    prometheus.Counter
}

func newCounters(registry prometheus.Registerer) (*counters, error) {
	c := &counters{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderplane_mirror_inbound_records_total",
			Help: "Records of order.cancel.requested by what became of them: cancelled, settled (there was nothing to do), own, outdated or dead_letter.",
		}, []string{"outcome"}),
		dead: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "orderplane_mirror_dead_letters_total",
			Help: "Records that could not be handled and were written to order.cancel.requested.DLT.",
		}),
	}
	for _, o := range []outcome{cancelled, settled, own, outdated, deadLetter} {
		c.records.WithLabelValues(string(o))
	}
	if err := errors.Join(metrics.Register(registry, &c.records), metrics.Register(registry, &c.dead)); err != nil {
		return nil, fmt.Errorf("register the metrics of inbound records: %w", err)
	}
	return c, nil
}

func (c *counters) count(became outcome) {
	c.records.WithLabelValues(string(became)).Inc()
	if became == deadLetter {
		c.dead.Inc()
	}
}
