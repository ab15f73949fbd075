package relay

import (
	"fmt"
	"slices"
	"time"

	"github.com/orderplane/orderplane/internal/domain/mirror/relay"
)

// refused holds up the key of a record. It is tried again apart from others: at once, since it may only have
// been in a batch with one that is to blame, and then with a back-off.
func (f *shift) refused(a answer) {
	k := f.window.back(a.queued)
	topic := a.queued.Record.Topic
	if k.refusal == nil {
		k.refusal = &refusal{until: f.clock.Now()}
		f.window.refused = append(f.window.refused, k)
	} else {
		if k.refusal.tries == 1 {
			f.log.Error(a.err, "the broker refuses a record; its key waits", "topic", topic, "key", k.name)
		}
		f.metrics.refused.WithLabelValues(topic).Inc()
		k.refusal.until = f.clock.Now().Add(f.backoff(k.refusal.tries))
		delete(f.apart, topic)
	}
	k.refusal.tries++
	k.refusal.trying, k.refusal.err = false, a.err
	f.tell()
}

// backoff doubles from the first wait to the longest.
func (f *shift) backoff(tries int) time.Duration {
	d := f.limits.retry
	for range tries - 1 {
		if d *= 2; d >= f.limits.retryMost {
			return f.limits.retryMost
		}
	}
	return d
}

// release lets a key go on whose record was taken after all. Others of the topic are tried at once: whatever
// was wrong may be right again for all.
func (f *shift) release(k *keyed, topic string) {
	if k.refusal.tries > 1 {
		f.log.Info("the broker takes a record that it had refused; its key goes on", "topic", topic, "key", k.name)
	}
	k.refusal = nil
	f.window.more = true // it was passed over
	f.window.refused = slices.DeleteFunc(f.window.refused, func(other *keyed) bool { return other == k })
	f.window.settle(k)
	delete(f.apart, topic)
	now := f.clock.Now()
	for _, other := range f.window.refused {
		if f.topic(other) == topic && other.refusal.until.After(now) {
			other.refusal.until = now
		}
	}
	f.tell()
}

// retry tries refused records whose wait is over, one of a topic at a time.
func (f *shift) retry() {
	now := f.clock.Now()
	for _, k := range f.window.refused {
		if k.refusal.trying || now.Before(k.refusal.until) || f.apart[f.topic(k)] {
			continue
		}
		if q := f.window.next(k); q != nil {
			k.refusal.trying = true
			f.apart[q.Record.Topic] = true
			f.hand(q, f.producer.alone)
		}
	}
}

// topic of the record that holds up a key.
func (f *shift) topic(k *keyed) string {
	for _, r := range k.rows {
		if r.State != relay.Acked {
			return f.window.records[r.No].Record.Topic
		}
	}
	return ""
}

// tell reports how many keys are held up, and why the first one is. What was refused once is not yet.
func (f *shift) tell() {
	count, why := 0, error(nil)
	for _, k := range f.window.refused {
		if k.refusal.tries < 2 {
			continue
		}
		if count++; why == nil {
			why = fmt.Errorf("topic %s refuses the next record of key %s: %w", f.topic(k), k.name, k.refusal.err)
		}
	}
	f.report.heldUp(f.Database, count, why)
}
