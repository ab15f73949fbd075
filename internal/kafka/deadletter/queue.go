package deadletter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/domain/event"
)

// replayed is the consumer group whose offsets say which dead letters were put back.
const replayed = "orderplane-dlt-replay"

// silence is how long a broker may give nothing of what it is known to have.
const silence = 30 * time.Second

// Queues are the topics of dead letters of a broker.
type Queues struct {
	// Broker is a client that consumes nothing.
	Broker *kgo.Client
	// Consume makes a client that reads partitions.
	Consume func(from map[string]map[int32]kgo.Offset) (*kgo.Client, error)
}

// Queue is a topic of dead letters.
type Queue struct {
	Topic string
	// Letters are there, and Waiting of them were not put back.
	Letters, Waiting int64
}

// span is what of a partition is read: from an offset up to, and without, another.
type span struct{ from, to int64 }

// List gives every topic of dead letters, by name.
func (q Queues) List(ctx context.Context) ([]Queue, error) {
	topics, err := kadm.NewClient(q.Broker).ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	var queues []Queue
	for _, name := range slices.Sorted(slices.Values(topics.Names())) {
		if !strings.HasSuffix(name, event.DeadLetters) {
			continue
		}
		all, waiting, err := q.spans(ctx, name)
		if err != nil {
			return nil, err
		}
		queues = append(queues, Queue{Topic: name, Letters: length(all), Waiting: length(waiting)})
	}
	return queues, nil
}

func length(spans map[int32]span) (n int64) {
	for _, s := range spans {
		n += s.to - s.from
	}
	return n
}

// spans are where the letters of a topic stand, all of them, and those that were not put back.
func (q Queues) spans(ctx context.Context, topic string) (all, waiting map[int32]span, err error) {
	admin := kadm.NewClient(q.Broker)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, nil, fmt.Errorf("there is no topic %s; `orderplane dlt list` names those there are", topic)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("ask where topic %s begins: %w", topic, err)
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("ask where topic %s ends: %w", topic, err)
	}
	done, err := admin.FetchOffsets(ctx, replayed)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil, fmt.Errorf("ask what of topic %s was put back: %w", topic, err)
	}
	all, waiting = map[int32]span{}, map[int32]span{}
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(topic, end.Partition)
		all[end.Partition] = span{start.Offset, end.Offset}
		from := start.Offset
		if committed, is := done.Lookup(topic, end.Partition); is {
			from = min(max(from, committed.At), end.Offset)
		}
		waiting[end.Partition] = span{from, end.Offset}
	})
	return all, waiting, nil
}

// Which says which dead letters of a topic are meant: those that were not put back, or All, or the one at an
// offset of a partition.
type Which struct {
	All       bool
	Partition int32
	// Offset is below zero where no single one is meant.
	Offset int64
}

func (w Which) of(all, waiting map[int32]span) (map[int32]span, error) {
	switch {
	case w.Offset >= 0:
		there := all[w.Partition]
		if w.Offset < there.from || w.Offset >= there.to {
			return nil, fmt.Errorf("partition %d has no offset %d: it has those from %d up to, and without, %d", w.Partition, w.Offset, there.from, there.to)
		}
		return map[int32]span{w.Partition: {w.Offset, w.Offset + 1}}, nil
	case w.All:
		return all, nil
	default:
		return waiting, nil
	}
}

// Read calls each with dead letters of a topic, those of a partition in order. The first error ends it.
func (q Queues) Read(ctx context.Context, topic string, which Which, each func(*kgo.Record) error) error {
	all, waiting, err := q.spans(ctx, topic)
	if err != nil {
		return err
	}
	wanted, err := which.of(all, waiting)
	if err != nil {
		return fmt.Errorf("topic %s: %w", topic, err)
	}
	return q.read(ctx, topic, wanted, each)
}

func (q Queues) read(ctx context.Context, topic string, wanted map[int32]span, each func(*kgo.Record) error) error {
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	for partition, s := range wanted {
		if s.to > s.from {
			from[partition], left[partition] = kgo.NewOffset().At(s.from), s.to
		}
	}
	if len(left) == 0 {
		return nil
	}
	consumer, err := q.Consume(map[string]map[int32]kgo.Offset{topic: from})
	if err != nil {
		return fmt.Errorf("read topic %s: %w", topic, err)
	}
	defer consumer.Close()
	for len(left) > 0 {
		if err := poll(ctx, consumer, left, each); err != nil {
			return fmt.Errorf("topic %s: %w", topic, err)
		}
	}
	return nil
}

// poll reads on once. left are the ends of the partitions that are not read yet.
func poll(ctx context.Context, consumer *kgo.Client, left map[int32]int64, each func(*kgo.Record) error) error {
	within, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	fetched := consumer.PollFetches(within)
	if err := ctx.Err(); err != nil {
		return err
	}
	if fetched.NumRecords() == 0 {
		if err := fetched.Err0(); err != nil {
			return fmt.Errorf("the broker gave nothing for %s: %w", silence, err)
		}
	}
	for _, record := range fetched.Records() {
		end, reads := left[record.Partition]
		if !reads {
			continue
		}
		if record.Offset < end {
			if err := each(record); err != nil {
				return err
			}
		}
		if record.Offset+1 >= end {
			delete(left, record.Partition)
		}
	}
	return nil
}

// Replay writes dead letters to the topics that they came from, those of a partition in order, and remembers it. mended
// takes the place of the value where it is not nil. It gives how many were put back, also with an error.
func (q Queues) Replay(ctx context.Context, topic string, which Which, mended []byte) (n int, err error) {
	err = q.Read(ctx, topic, which, func(letter *kgo.Record) error {
		value := mended
		if value == nil {
			if value, err = q.valueOf(ctx, letter); err != nil {
				return err
			}
		}
		record, err := Again(letter, value)
		if err != nil {
			return err
		}
		if err := produce(ctx, q.Broker, record); err != nil {
			return fmt.Errorf("write to %s: %w", record.Topic, err)
		}
		n++
		if which.Offset >= 0 || which.All {
			return nil
		}
		return q.remember(ctx, letter)
	})
	return n, err
}

// remember keeps that a letter, and those before it, were put back.
func (q Queues) remember(ctx context.Context, letter *kgo.Record) error {
	offsets := kadm.Offsets{}
	offsets.AddOffset(letter.Topic, letter.Partition, letter.Offset+1, -1)
	if err := kadm.NewClient(q.Broker).CommitAllOffsets(ctx, replayed, offsets); err != nil {
		return fmt.Errorf("remember that offset %d was put back: %w", letter.Offset, err)
	}
	return nil
}

// valueOf is the value of a letter, from where the record was read if the letter does not have it.
func (q Queues) valueOf(ctx context.Context, letter *kgo.Record) ([]byte, error) {
	if Header(letter, HeaderLeftOut) == "" {
		return letter.Value, nil
	}
	topic := Header(letter, HeaderTopic)
	partition, err1 := strconv.ParseInt(Header(letter, HeaderPartition), 10, 32)
	offset, err2 := strconv.ParseInt(Header(letter, HeaderOffset), 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("offset %d: where its value is: %w", letter.Offset, err)
	}
	var value []byte
	if err := q.Read(ctx, topic, Which{Partition: int32(partition), Offset: offset}, func(record *kgo.Record) error {
		value = record.Value
		return nil
	}); err != nil {
		return nil, fmt.Errorf("offset %d: its value was left out, being too long, and is not to be had any more: %w", letter.Offset, err)
	}
	return value, nil
}
