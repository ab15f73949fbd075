package check

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/adapters/mirror/internal/topics"
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
			one := &topicLook{Check: c, log: l.log, db: l.db, topic: topic, firsts: map[string]int64{}, lowest: map[string]int64{}}
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
	// firsts are the numbers of the last first appearance, by what is counted, lowest those of the first.
	firsts, lowest map[string]int64
	found          []Difference
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
	lost, err := l.Topics.Read(ctx, l.topic, l.event)
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
	missing := slices.SortedFunc(maps.Values(l.published), func(a, b outbox.Stored) int { return cmp.Compare(a.Seq, b.Seq) })
	missing = slices.DeleteFunc(missing, func(s outbox.Stored) bool { _, is := l.read[s.ID]; return is })
	for _, s := range missing {
		if lost > 0 && !l.isYounger(s) { // retention has taken the oldest; who would say which those are
			t.expired++
			continue
		}
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
				l.differs("it has event %s, which the database does not know; stop the mirror and take it from there with --rebuild", id)
			case value != l.read[id]:
				l.differs("event %s has other bytes than the database", id)
			}
		}
	}
	return nil
}

// event takes one event of the topic.
func (l *topicLook) event(e topics.Event) error {
	if e.Err != nil {
		l.differs("partition %d, offset %d: %v", e.Partition, e.Offset, e.Err)
		return nil //nolint:nilerr // it is a difference, and the others are read on
	}
	value := outbox.Digest(sha256.Sum256(e.Value))
	if was, again := l.read[e.ID]; again {
		if was != value {
			l.differs("event %s is there twice, with different bytes", e.ID)
		}
		return nil
	}
	l.read[e.ID] = value
	l.inOrder(&e)
	return nil
}

// isYounger is whether an event came behind another one of its key that the topic still has: then no
// retention has taken it.
func (l *topicLook) isYounger(s outbox.Stored) bool {
	before, is := l.lowest[l.counted(s.Key, s.UID)]
	return is && s.Seq > before
}

// counted is what has numbers of its own: an order by its identity, since a name may be used again, a
// product by the journal's.
func (l *topicLook) counted(key, uid string) string {
	if l.log == outbox.Orders {
		return key + "/" + uid
	}
	return key
}

// inOrder holds the first appearances of a key to their numbers. An opening has none.
func (l *topicLook) inOrder(e *topics.Event) {
	if e.Seq == 0 {
		return
	}
	counted := l.counted(e.Key, e.UID)
	if _, is := l.lowest[counted]; !is {
		l.lowest[counted] = e.Seq
	}
	if before := l.firsts[counted]; before > e.Seq {
		l.differs("partition %d, offset %d: number %d of %s appears for the first time after number %d", e.Partition, e.Offset, e.Seq, e.Key, before)
	}
	l.firsts[counted] = max(l.firsts[counted], e.Seq)
}
