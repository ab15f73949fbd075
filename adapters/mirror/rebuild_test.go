package mirror_test

import (
	"context"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/adapters/mirror"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

func rebuild(ctx context.Context, t *mirror.Tasks) error { return t.Rebuild(ctx) }

// lose takes everything out of databases, their tables included.
func (w *world) lose(databases ...postgres.Database) {
	w.t.Helper()
	for _, db := range databases {
		if _, err := w.pools[db].Exec(w.t.Context(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public"); err != nil {
			w.t.Fatal(err)
		}
		w.pools[db].Reset()
	}
}

// records is how many the topics have.
func (w *world) records() (n int64) {
	w.t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(w.brokers.ListenAddrs()...))
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	ends, err := kadm.NewClient(c).ListEndOffsets(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

func TestRebuildTellsNothingTwice(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string][]postgres.Database{
		"both databases": {postgres.Orders, postgres.Inventory}, "ops_orders": {postgres.Orders}, "ops_inventory": {postgres.Inventory},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.mirrored()
			w.lose(lost...)
			w.start().refuses("is empty, and topic", "--rebuild")
			said, err := w.task(rebuild)
			if err != nil || strings.Count(said, "took 0 events") != 2-len(lost) {
				t.Fatalf("%q, %v", said, err)
			}
			before := w.records()
			w.create(testenv.Order(w.namespace, "ord-new", testenv.Line("prod-1", 1)))
			m := w.start()
			m.isUp()
			eventually(t, "only the new order to be told", func() bool { return w.records() > before }, func() any { return w.records() })
			if said, n := w.compared(); n != 0 || w.records() != before+1 {
				t.Errorf("%d records more; %d: %s", w.records()-before, n, said)
			}
			var carried int
			if err := w.pools[postgres.Inventory].QueryRow(t.Context(), "SELECT count(*) FROM movements WHERE kind = 'Carried'").Scan(&carried); err != nil || carried > 0 {
				t.Errorf("%d differences were carried (%v)", carried, err)
			}
		})
	}
}

func TestRebuildOfWhatIsNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mirrored()
	if said, err := w.task(rebuild); err != nil || strings.Count(said, "took 0 events") != 2 {
		t.Errorf("databases that lack nothing: %q, %v", said, err)
	}
	m := w.start()
	m.isUp()
	if _, err := w.task(rebuild); err == nil || !strings.Contains(err.Error(), "a mirror is running") {
		t.Errorf("beside a mirror: %v", err)
	}
}

// One that can't read everything leaves an empty database, and is run again.
func TestRebuildFillsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mirrored()
	w.lose(postgres.Orders)
	broken := &kgo.Record{Topic: "order.returned", Key: []byte("x"), Value: []byte("{}"), Headers: []kgo.RecordHeader{{Key: "ce_source", Value: []byte("/orderplane")}}}
	producer, err := kgo.NewClient(kgo.SeedBrokers(w.brokers.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.ProduceSync(t.Context(), broken).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.task(rebuild); err == nil || !strings.Contains(err.Error(), "order.returned: partition 0, offset 0: header ce_id") {
		t.Errorf("a record that is no event: %v", err)
	}
	var events int
	if err := w.pools[postgres.Orders].QueryRow(t.Context(), "SELECT count(*) FROM order_events").Scan(&events); err != nil || events > 0 {
		t.Errorf("%d events are left (%v)", events, err)
	}
}
