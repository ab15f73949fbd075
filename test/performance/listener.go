package performance

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/domain/event"
)

// Lag is how far the topics are behind, of the orders of a window. Latencies are in milliseconds,
// until a consumer has the record.
type Lag struct {
	// Created is from when the create of an order was sent to its order.created: the write
	// itself is in it.
	Created latencies `json:"createdMs"`
	// Decided is from when a watch showed the order decided to its order.confirmed or order.cancelled.
	Decided latencies `json:"decidedMs"`
	// Whole is from when the create was sent to order.confirmed or order.cancelled.
	Whole latencies `json:"wholeMs"`
	// PerSecond is how many orders the topics showed decided a second in the window.
	PerSecond float64 `json:"toldPerSecond"`
}

// kept is how many orders a second were done with in the window: decided, and told where there is a mirror.
func (r *Measurement) kept() float64 {
	if r.Lag == nil {
		return r.PerSecond
	}
	return min(r.PerSecond, r.Lag.PerSecond)
}

// say tells of the lag, if there is one.
func (l *Lag) say(out io.Writer) {
	if l != nil {
		say(out, "  told %.1f/s; order.created p50 %.0f p99 %.0f ms after the create was sent, a decision p50 %.0f p99 %.0f ms after a watch showed it, whole p99 %.0f ms",
			l.PerSecond, l.Created.P50, l.Created.P99, l.Decided.P50, l.Decided.P99, l.Whole.P99)
	}
}

// printLags shows how far the topics were behind in each measurement; nothing without a mirror.
func printLags(p func(string, ...any), all []Measurement) {
	head := "\ntopics\tarrivals/s\ttold/s\tcreated p50\tp99\tdecided p50\tp99\twhole p50\tp99 ms\t\n"
	for _, m := range all {
		l := m.Lag
		if l == nil {
			continue
		}
		p("%s%s %s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t\n", head, m.Mode, m.Workload, m.Rate, l.PerSecond,
			l.Created.P50, l.Created.P99, l.Decided.P50, l.Decided.P99, l.Whole.P50, l.Whole.P99)
		head = ""
	}
}

// listener consumes the topics of orders as they are written and remembers when it saw what.
type listener struct {
	client *kgo.Client

	mu   sync.Mutex
	told map[string]told // by the order's name
	more chan struct{}   // closed when something was told
}

// told is when a consumer saw the first records of an order.
type told struct{ created, decided time.Time }

// listen consumes from the start of the topics until it is closed.
func listen(bootstrap string) (*listener, error) {
	c, err := kgo.NewClient(
		kgo.SeedBrokers(bootstrap), kgo.UnknownTopicRetries(-1), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeTopics(string(event.OrderCreated), string(event.OrderConfirmed), string(event.OrderCancelled)),
	)
	if err != nil {
		return nil, fmt.Errorf("consume the topics: %w", err)
	}
	l := &listener{client: c, told: map[string]told{}, more: make(chan struct{})}
	go func() {
		for {
			fetched := c.PollFetches(context.Background())
			if fetched.IsClientClosed() {
				return
			}
			l.take(fetched, time.Now())
		}
	}()
	return l, nil
}

func (l *listener) close() { l.client.Close() }

// take notes what a fetch holds.
func (l *listener) take(f kgo.Fetches, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f.EachRecord(func(r *kgo.Record) { l.see(r.Topic, string(r.Key), at) })
	close(l.more)
	l.more = make(chan struct{})
}

// see notes the first record of a topic and key.
func (l *listener) see(topic, key string, at time.Time) {
	t := l.told[key]
	if seen := t.of(topic); seen.IsZero() {
		*seen = at
		l.told[key] = t
	}
}

func (t *told) of(topic string) *time.Time {
	if topic == string(event.OrderCreated) {
		return &t.created
	}
	return &t.decided
}

// forget forgets what was told before a measurement.
func (l *listener) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.told)
}

// toldWithin bounds the wait for what a measurement's orders have on the topics.
const toldWithin = time.Minute

// lag waits until everything is told of orders, and says how late it was.
func (l *listener) lag(ctx context.Context, orders []submission, w window) (*Lag, error) {
	ctx, cancel := context.WithTimeout(ctx, toldWithin)
	defer cancel()
	for {
		lag, missing, more := l.look(orders, w)
		if missing == "" {
			return lag, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, fmt.Errorf("the topics don't have all of order %s: %w", missing, ctx.Err())
		}
	}
}

// look gives the lag of orders, or one of them that is not told yet and what says that more was told.
func (l *listener) look(orders []submission, w window) (lag *Lag, missing string, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var created, decided, whole []time.Duration
	for _, o := range orders {
		t := l.told[o.name]
		if t.created.IsZero() || t.decided.IsZero() {
			return nil, o.name, l.more
		}
		sent := o.end.Add(-o.decided)
		created = append(created, t.created.Sub(sent))
		decided = append(decided, max(0, t.decided.Sub(o.end))) // the mirror's watch may be the faster one
		whole = append(whole, t.decided.Sub(sent))
	}
	lag = &Lag{Created: latenciesOf(created), Decided: latenciesOf(decided), Whole: latenciesOf(whole)}
	inWindow := 0
	for _, t := range l.told {
		if w.holds(t.decided) {
			inWindow++
		}
	}
	lag.PerSecond = rounded(float64(inWindow)/w.end.Sub(w.begin).Seconds(), 1)
	return lag, "", nil
}

// whole is how many orders the topics show created and decided.
func (l *listener) whole() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, t := range l.told {
		if !t.created.IsZero() && !t.decided.IsZero() {
			n++
		}
	}
	return n
}
