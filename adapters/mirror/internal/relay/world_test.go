package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/mirror/internal/stage"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
	"github.com/orderplane/orderplane/test/testenv"
)

const soon = 60 * time.Second

var topics = []string{"order.created", "order.cancelled", "order.returned"}

// told is the event of an order's entry.
func told(order string, seq int64) event.Record {
	topic := topics[int(seq)%len(topics)]
	return event.Record{
		ID: uuid.NewSHA1(uuid.Nil, fmt.Appendf(nil, "%s/%d", order, seq)), Seq: seq, Type: event.Type(topic), Topic: topic,
		Key: order, Value: fmt.Appendf(nil, "%s %d", order, seq), At: time.Unix(1_700_000_000+seq, 0).UTC(),
		TraceID: "trace-" + order, Object: order, UID: "uid-" + order,
	}
}

// world is a database with an outbox, and a broker.
type world struct {
	t       *testing.T
	pool    *pgxpool.Pool
	broker  *kfake.Cluster
	arrived *arrivals
}

func newWorld(t *testing.T) *world {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	w := &world{t: t, pool: testenv.Database(t, postgres.Orders), broker: broker, arrived: &arrivals{}}
	w.arrived.watch(broker)
	return w
}

func (w *world) options() Options {
	return Options{
		Outboxes: []Outbox{{Database: postgres.Orders, Pool: w.pool, Log: outbox.Orders}},
		Brokers:  []kgo.Opt{kgo.SeedBrokers(w.broker.ListenAddrs()...)},
		Clock:    clock.RealClock{}, Stage: stage.New(stage.Broker, clock.RealClock{}),
		Log: logr.Discard(), Metrics: prometheus.NewRegistry(),
	}
}

func (w *world) relay(change ...func(*Relay)) *Relay {
	w.t.Helper()
	r, err := New(w.options())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range change {
		c(r)
	}
	return r
}

// start runs a relay. The function that it returns ends it and waits.
func start(t testing.TB, r *Relay) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the relay ends with %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// killed has a relay end as if it was killed: nothing is waited for and nothing deleted.
func killed(r *Relay) { r.limits.drain = 0 }

func (w *world) put(records ...event.Record) {
	w.t.Helper()
	if err := putInto(w.t.Context(), w.pool, outbox.Orders, records); err != nil {
		w.t.Fatal(err)
	}
}

func putInto(ctx context.Context, db interface {
	Begin(context.Context) (pgx.Tx, error)
}, l outbox.Log, records []event.Record) error {
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error { return outbox.Put(ctx, tx, l, records) })
}

func (w *world) queued() int64 {
	w.t.Helper()
	d, err := outbox.Waiting(w.t.Context(), w.pool)
	if err != nil {
		w.t.Fatal(err)
	}
	return d.Rows
}

func (w *world) isEmpty() bool { return w.queued() == 0 }

func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.After(soon)
	for !met() {
		select {
		case <-deadline:
			t.Fatalf("not within %s: %s", soon, what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// arrivals are the records of all topics in the order in which they came to the broker.
type arrivals struct {
	mu      sync.Mutex
	records []arrival
	// refuse answers a request to produce, if not nil.
	refuse func() error
}

type arrival struct{ key, id, value string }

// watch reads along. A broker takes one request after the other.
func (a *arrivals) watch(broker *kfake.Cluster) {
	broker.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.refuse != nil {
			if err := a.refuse(); err != nil {
				return nil, err, true // the connection is closed
			}
		}
		for _, topic := range request.(*kmsg.ProduceRequest).Topics {
			for _, partition := range topic.Partitions {
				a.records = append(a.records, decode(partition.Records)...)
			}
		}
		return nil, nil, false
	})
}

func decode(raw []byte) []arrival {
	var batch kmsg.RecordBatch
	if err := batch.ReadFrom(raw); err != nil {
		return []arrival{{value: err.Error()}}
	}
	plain := batch.Records
	if codec := batch.Attributes & 7; codec != 0 {
		var err error
		if plain, err = kgo.DefaultDecompressor().Decompress(plain, kgo.CompressionCodecType(codec)); err != nil {
			return []arrival{{value: err.Error()}}
		}
	}
	var found []arrival
	for len(plain) > 0 {
		length, n := binary.Varint(plain)
		end := n + int(length)
		var r kmsg.Record
		if err := r.ReadFrom(plain[:end]); err != nil {
			return []arrival{{value: err.Error()}}
		}
		plain = plain[end:]
		one := arrival{key: string(r.Key), value: string(r.Value)}
		for _, h := range r.Headers {
			if h.Key == "ce_id" {
				one.id = string(h.Value)
			}
		}
		found = append(found, one)
	}
	return found
}

// all are the values that arrived, of one key or of every key.
func (a *arrivals) all(key string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var values []string
	for _, r := range a.records {
		if key == "" || r.key == key {
			values = append(values, r.value)
		}
	}
	return values
}

// check holds what arrived to the protocol: of each of the keys every event up to last, each before the next,
// with the same bytes each time. It returns how many repeats there are.
func (a *arrivals) check(t *testing.T, keys []string, last int64) (repeats int) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	next, bytes := map[string]int64{}, map[string]string{}
	for _, r := range a.records {
		if before, again := bytes[r.id]; again {
			repeats++
			if before != r.value {
				t.Errorf("%s: %q, and %q another time", r.id, before, r.value)
			}
			continue
		}
		bytes[r.id] = r.value
		if want := told(r.key, next[r.key]+1); r.value != string(want.Value) || r.id != want.ID.String() {
			t.Fatalf("%q arrives when %q is due", r.value, want.Value)
		}
		next[r.key]++
	}
	for _, key := range keys {
		if next[key] != last {
			t.Errorf("%s: %d of %d arrived", key, next[key], last)
		}
	}
	return repeats
}

func keysOf(n int) []string {
	var keys []string
	for i := range n {
		keys = append(keys, fmt.Sprintf("order-%03d", i))
	}
	return keys
}

// write tells events of the keys, from first to last, some keys in a transaction, by several writers at once;
// each holds the locks of its keys until it has committed.
func (w *world) write(keys []string, first, last int64) {
	w.t.Helper()
	const writers = 4
	errs := make([]error, writers)
	var running sync.WaitGroup
	for i := range writers {
		running.Go(func() {
			mine := keys[i*len(keys)/writers : (i+1)*len(keys)/writers]
			for seq := first; seq <= last; seq++ {
				for some := range slices.Chunk(mine, 5) {
					var records []event.Record
					for _, key := range some {
						records = append(records, told(key, seq))
					}
					errs[i] = errors.Join(errs[i], putInto(w.t.Context(), w.pool, outbox.Orders, records))
				}
			}
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		w.t.Fatal(err)
	}
}

// metric reads the sum of a metric over its labels.
func metric(t testing.TB, r *Relay, name string) float64 {
	t.Helper()
	families, err := r.o.Metrics.(*prometheus.Registry).Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != "orderplane_mirror_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

func contains(err error, words ...string) bool {
	return err != nil && !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(err.Error(), word) })
}
