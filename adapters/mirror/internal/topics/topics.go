// Package topics reads the events that topics have.
package topics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/domain/event"
)

// silence is how long the brokers may give nothing of what they are known to have.
const silence = 30 * time.Second

// Reader reads topics from their beginnings to the ends that they have when it is asked.
type Reader struct {
	// Brokers asks where partitions begin and end.
	Brokers *kgo.Client
	// Consume makes a client that reads partitions.
	Consume func(from map[string]map[int32]kgo.Offset) (*kgo.Client, error)
}

// Event is one that was found on a topic.
type Event struct {
	event.Record
	// Partition and Offset say where.
	Partition int32
	Offset    int64
	// Err is why a record of ours is none; its Record is not whole.
	Err error
}

// Read calls each with the events of a topic, those of a partition in their order. What others wrote
// there is left out. lost is how many records retention has taken from the beginnings of its
// partitions. A topic that is not there has no events.
func (r Reader) Read(ctx context.Context, topic string, each func(Event) error) (lost int64, err error) {
	admin := kadm.NewClient(r.Brokers)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err == nil {
		err = known(starts)
	}
	if err != nil {
		return 0, fmt.Errorf("ask where topic %s begins: %w", topic, err)
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = known(ends)
	}
	if err != nil {
		return 0, fmt.Errorf("ask where topic %s ends: %w", topic, err)
	}
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	starts.Each(func(o kadm.ListedOffset) {
		lost += max(o.Offset, 0)
		if end, is := ends.Lookup(o.Topic, o.Partition); is && end.Offset > o.Offset {
			from[o.Partition], left[o.Partition] = kgo.NewOffset().At(o.Offset), end.Offset
		}
	})
	if len(from) == 0 {
		return lost, nil
	}
	consumer, err := r.Consume(map[string]map[int32]kgo.Offset{topic: from})
	if err != nil {
		return 0, fmt.Errorf("read topic %s: %w", topic, err)
	}
	defer consumer.Close()
	for len(left) > 0 {
		if err := poll(ctx, consumer, left, each); err != nil {
			return 0, fmt.Errorf("read topic %s: %w", topic, err)
		}
	}
	return lost, nil
}

// known is an error unless all partitions answered.
func known(offsets kadm.ListedOffsets) (err error) {
	offsets.Each(func(o kadm.ListedOffset) { err = errors.Join(err, o.Err) })
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil
	}
	return err
}

// poll reads on once. left are the ends of the partitions that are not read yet.
func poll(ctx context.Context, consumer *kgo.Client, left map[int32]int64, each func(Event) error) (err error) {
	within, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	fetched := consumer.PollFetches(within)
	if err := ctx.Err(); err != nil {
		return err
	}
	if within.Err() != nil && fetched.NumRecords() == 0 {
		return fmt.Errorf("the brokers gave nothing for %s; not read to the end: partitions with their ends %v", silence, left)
	}
	fetched.EachError(func(_ string, partition int32, failed error) {
		if within.Err() == nil {
			err = errors.Join(err, fmt.Errorf("partition %d: %w", partition, failed))
		}
	})
	fetched.EachRecord(func(k *kgo.Record) {
		end, reads := left[k.Partition]
		if err != nil || !reads {
			return
		}
		if k.Offset+1 >= end {
			delete(left, k.Partition)
		}
		if e, ours := eventOf(k); ours && k.Offset < end {
			err = each(e)
		}
	})
	return err
}

func eventOf(k *kgo.Record) (e Event, ours bool) {
	p := event.Published{Topic: k.Topic, Key: k.Key, Value: k.Value}
	for _, h := range k.Headers {
		p.Headers = append(p.Headers, event.Header{Key: h.Key, Value: string(h.Value)})
	}
	e.Partition, e.Offset = k.Partition, k.Offset
	e.Record, ours, e.Err = event.Read(p)
	return e, ours
}
