package check

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// topics compares every topic with the events that were published on it.
func (c *Check) topics(ctx context.Context, t *tally) (all []Difference, err error) {
	for _, l := range []struct {
		log outbox.Log
		of  postgres.Database
		db  *pgxpool.Pool
	}{{outbox.Orders, postgres.Orders, c.World.Orders}, {outbox.Stock, postgres.Inventory, c.World.Inventory}} {
		queue, err := outbox.Waiting(ctx, l.db)
		if err != nil {
			return nil, err
		}
		t.waiting += queue.Rows
		for _, topic := range guard.TopicsOf(l.of) {
			one := &topicLook{Check: c, log: l.log, db: l.db, topic: topic, firsts: map[string]int64{}}
			if err := one.look(ctx, t); err != nil {
				return nil, err
			}
			all = append(all, one.found...)
		}
	}
	return all, nil
}

// topicLook is one look at a topic.
type topicLook struct {
	*Check

	log   outbox.Log
	db    *pgxpool.Pool
	topic string
	// published are the events that the topic must have; one is taken out once it was found there.
	published map[uuid.UUID]outbox.Stored
	// read are the values of the events that the topic has.
	read map[uuid.UUID]outbox.Digest
	// firsts are the numbers of the last first appearance, by key and what is counted in it.
	firsts map[string]int64
	found  []Difference
}

func (l *topicLook) differs(what string, args ...any) {
	if len(l.found) <= Most {
		l.found = append(l.found, Difference{"topic " + l.topic, fmt.Sprintf(what, args...)})
	}
}

// look reads the database first and the topic after it: what was published by then is there. What the
// topic has beyond that was published meanwhile, and the database has it afterwards.
func (l *topicLook) look(ctx context.Context, t *tally) error {
	l.published, l.read = map[uuid.UUID]outbox.Stored{}, map[uuid.UUID]outbox.Digest{}
	if err := outbox.Published(ctx, l.db, l.log, l.topic, func(s outbox.Stored) { l.published[s.ID] = s }); err != nil {
		return err
	}
	begin, err := l.readTopic(ctx)
	if err != nil {
		return err
	}
	t.events += int64(len(l.read))
	unknown := make([]uuid.UUID, 0, len(l.read))
	for id, value := range l.read {
		switch s, is := l.published[id]; {
		case !is:
			unknown = append(unknown, id)
		case s.Value != value:
			l.differs("event %s of %s has other bytes than the database", id, s.Object)
		}
	}
	if err := l.lookUp(ctx, unknown); err != nil {
		return err
	}
	lost := slices.SortedFunc(maps.Values(l.published), func(a, b outbox.Stored) int { return int(a.Seq - b.Seq) })
	lost = slices.DeleteFunc(lost, func(s outbox.Stored) bool { _, is := l.read[s.ID]; return is })
	if begin > 0 { // retention has taken the oldest; who would say which those are
		t.expired += int64(len(lost))
		return nil
	}
	for _, s := range lost {
		l.differs("event %s of %s, number %d, is not on it; queue the topic again with --replay %s", s.ID, s.Object, s.Seq, l.topic)
	}
	return nil
}

// lookUp finds out about events that were not published before the topic was read.
func (l *topicLook) lookUp(ctx context.Context, ids []uuid.UUID) error {
	for some := range slices.Chunk(ids, 10*pageSize) {
		stored, err := outbox.Digests(ctx, l.db, l.log, some)
		if err != nil {
			return err
		}
		for _, id := range some {
			switch value, is := stored[id]; {
			case !is:
				l.differs("it has event %s, which the database does not know", id)
			case value != l.read[id]:
				l.differs("event %s has other bytes than the database", id)
			}
		}
	}
	return nil
}

// readTopic reads what the topic has now, and returns how many records it has lost at its beginning.
func (l *topicLook) readTopic(ctx context.Context) (begin int64, err error) {
	admin := kadm.NewClient(l.Brokers)
	starts, err := admin.ListStartOffsets(ctx, l.topic)
	if err == nil {
		err = known(starts)
	}
	if err != nil {
		return 0, fmt.Errorf("ask where topic %s begins: %w", l.topic, err)
	}
	ends, err := admin.ListEndOffsets(ctx, l.topic)
	if err == nil {
		err = known(ends)
	}
	if err != nil {
		return 0, fmt.Errorf("ask where topic %s ends: %w", l.topic, err)
	}
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	starts.Each(func(o kadm.ListedOffset) {
		begin += o.Offset
		if end, is := ends.Lookup(o.Topic, o.Partition); is && end.Offset > o.Offset {
			from[o.Partition], left[o.Partition] = kgo.NewOffset().At(o.Offset), end.Offset
		}
	})
	if len(from) == 0 {
		return begin, nil
	}
	return begin, l.consume(ctx, from, left)
}

// known is an error unless all partitions answered. A topic that is not there has nothing on it.
func known(offsets kadm.ListedOffsets) (err error) {
	offsets.Each(func(o kadm.ListedOffset) { err = errors.Join(err, o.Err) })
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil
	}
	return err
}

// consume reads partitions up to the offsets at which they end.
func (l *topicLook) consume(ctx context.Context, from map[int32]kgo.Offset, ends map[int32]int64) error {
	reader, err := l.Consume(map[string]map[int32]kgo.Offset{l.topic: from})
	if err != nil {
		return err
	}
	defer reader.Close()
	for len(ends) > 0 {
		fetched := reader.PollFetches(ctx)
		if err := fetched.Err0(); err != nil {
			return fmt.Errorf("read topic %s: %w", l.topic, err)
		}
		fetched.EachError(func(_ string, p int32, e error) { err = errors.Join(err, fmt.Errorf("partition %d: %w", p, e)) })
		if err != nil {
			return fmt.Errorf("read topic %s: %w", l.topic, err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			if end, reads := ends[r.Partition]; reads && r.Offset < end {
				l.record(r)
				if r.Offset == end-1 {
					delete(ends, r.Partition)
				}
			}
		})
	}
	return nil
}

// record takes one record. What others have written is theirs.
func (l *topicLook) record(k *kgo.Record) {
	p := event.Published{Topic: k.Topic, Key: k.Key, Value: k.Value}
	for _, h := range k.Headers {
		p.Headers = append(p.Headers, event.Header{Key: h.Key, Value: string(h.Value)})
	}
	r, ours, err := event.Read(p)
	switch {
	case err != nil:
		l.differs("partition %d, offset %d: %v", k.Partition, k.Offset, err)
		return
	case !ours:
		return
	}
	value := outbox.Digest(sha256.Sum256(k.Value))
	if was, again := l.read[r.ID]; again {
		if was != value {
			l.differs("event %s is there twice, with different bytes", r.ID)
		}
		return
	}
	l.read[r.ID] = value
	l.inOrder(&r, k)
}

// inOrder holds the first appearances of a key to their numbers: an order's by its identity, since a
// name may be used again, a product's by the journal's. An opening has none.
func (l *topicLook) inOrder(r *event.Record, k *kgo.Record) {
	if r.Seq == 0 {
		return
	}
	counted := r.Key
	if l.log == outbox.Orders {
		counted += "/" + r.UID
	}
	if before := l.firsts[counted]; before > r.Seq {
		l.differs("partition %d, offset %d: number %d of %s appears for the first time after number %d", k.Partition, k.Offset, r.Seq, r.Key, before)
	}
	l.firsts[counted] = max(l.firsts[counted], r.Seq)
}
