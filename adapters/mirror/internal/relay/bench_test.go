package relay

import (
	"runtime"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
	"github.com/orderplane/orderplane/test/testenv"
)

// backlog is what waits in an outbox: so many records, of which every so many-th has the same key.
type backlog struct {
	database      postgres.Database
	log           outbox.Log
	records, keys int
}

// The values are as long as those of an order with two lines.
const (
	seedEvents = ` (event_id, object, uid, seq, type, topic, key, value, trace_id, at)
		SELECT gen_random_uuid(), 'object-' || i, 'uid-' || i, i, t, t, 'key-' || i % $2, convert_to(repeat(md5(i::text), 18), 'UTF8'), md5(i::text), now()
		FROM generate_series(1, $1::int) i, LATERAL (SELECT ($3::text[])[1 + i / $2 % cardinality($3::text[])]) topic (t) ORDER BY i`
	seedOutbox = `INSERT INTO outbox (event_id, key) SELECT event_id, key FROM `
)

func (b backlog) seed(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	topics := []string{string(event.OrderCreated), string(event.OrderConfirmed), string(event.OrderFulfilled)}
	if b.log == outbox.Stock {
		topics = []string{string(event.InventoryUpdated)}
	}
	if _, err := pool.Exec(t.Context(), "INSERT INTO "+string(b.log)+seedEvents, b.records, b.keys, topics); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{seedOutbox + string(b.log) + " ORDER BY no", "ANALYZE"} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkCatchUp publishes a backlog: 50,000 orders with three records each, and 60,000 records of 10
// products.
//
//	go test ./adapters/mirror/internal/relay -run - -bench CatchUp -benchtime 1x
func BenchmarkCatchUp(b *testing.B) {
	brokers := map[string]func(testing.TB) string{
		"kafka": func(t testing.TB) string { return testenv.Kafka(t) },
		"kfake": func(t testing.TB) string {
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cluster.Close)
			return cluster.ListenAddrs()[0]
		},
	}
	for name, broker := range brokers {
		for what, load := range map[string]backlog{
			"orders":   {postgres.Orders, outbox.Orders, 150_000, 50_000},
			"products": {postgres.Inventory, outbox.Stock, 60_000, 10},
		} {
			b.Run(name+"/"+what, func(b *testing.B) {
				opts := []kgo.Opt{kgo.SeedBrokers(broker(b))}
				ensureTopics(b, opts)
				for range b.N {
					b.StopTimer()
					pool := testenv.Database(b, load.database)
					load.seed(b, pool)
					b.StartTimer()
					catchUp(b, load, pool, opts)
				}
			})
		}
	}
}

func ensureTopics(t testing.TB, opts []kgo.Opt) {
	t.Helper()
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := kafka.EnsureTopics(t.Context(), client, event.Topics()); err != nil {
		t.Fatal(err)
	}
	if _, err := kadm.NewClient(client).ListTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func catchUp(b *testing.B, load backlog, pool *pgxpool.Pool, opts []kgo.Opt) {
	r, err := New(Options{
		Outboxes: []Outbox{{Database: load.database, Pool: pool, Log: load.log}},
		Brokers:  opts, Clock: clock.RealClock{}, Log: logr.Discard(), Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		b.Fatal(err)
	}
	began, most := time.Now(), uint64(0)
	stop := start(b, r)
	for published := 0.0; published < float64(load.records); published = metric(b, r, "published_total") {
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		most = max(most, memory.HeapInuse)
		<-time.After(100 * time.Millisecond)
	}
	b.ReportMetric(float64(load.records)/time.Since(began).Seconds(), "records/s")
	b.ReportMetric(float64(most>>20), "MiB-heap")
	stop()
	if d, err := outbox.Waiting(b.Context(), pool); err != nil || d.Rows != 0 {
		b.Errorf("%d are left, %v", d.Rows, err)
	}
}
