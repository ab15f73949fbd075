package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

// compared is what a check says, and how much it finds different.
func (w *world) compared() (said string, differences int) {
	w.t.Helper()
	said, err := w.task(func(ctx context.Context, t *mirror.Tasks) (err error) {
		differences, err = t.Check(ctx)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return said, differences
}

func (w *world) exec(db postgres.Database, sql string, args ...any) {
	w.t.Helper()
	if tag, err := w.pools[db].Exec(w.t.Context(), sql, args...); err != nil || tag.RowsAffected() == 0 {
		w.t.Fatalf("%s: %v, %v", sql, tag, err)
	}
}

// mirrored makes orders and stock that a mirror has told, and stops it.
func (w *world) mirrored() {
	w.t.Helper()
	m := w.start()
	m.isUp()
	for i := range 6 {
		w.create(testenv.Order(w.namespace, fmt.Sprintf("ord-%d", i+1), testenv.Line("prod-1", 1)))
	}
	for i := range 3 {
		item := testenv.Item(w.namespace, fmt.Sprintf("prod-%d", i+1), 5)
		w.create(item)
		item.Status.OnHand, item.Status.Available, item.Status.OpeningQuantity = ptr.To[int64](5), 5, ptr.To[int64](5)
		if err := env.Client.Status().Update(w.t.Context(), item); err != nil {
			w.t.Fatal(err)
		}
	}
	w.create(testenv.Basket(w.namespace, "basket-1", time.Now().Add(time.Hour), testenv.Line("prod-1", 1)))
	w.create(testenv.Document(w.namespace, "doc-1", "prod-1", v1alpha1.AdjustmentReceived, 1))
	told := func(db *pgxpool.Pool, sql string) (n int) {
		if err := db.QueryRow(w.t.Context(), sql).Scan(&n); err != nil {
			w.t.Fatal(err)
		}
		return n
	}
	seen := func() any {
		return []int{
			told(w.pools[postgres.Orders], "SELECT count(*) FROM order_events"), told(w.pools[postgres.Inventory], "SELECT count(*) FROM stock_events"),
			told(w.pools[postgres.Orders], "SELECT count(*) FROM outbox") + told(w.pools[postgres.Inventory], "SELECT count(*) FROM outbox"),
			told(w.pools[postgres.Inventory], "SELECT count(*) FROM inventory_reservations") + told(w.pools[postgres.Inventory], "SELECT count(*) FROM inventory_documents"),
		}
	}
	eventually(w.t, "what was made to be told", func() bool { return fmt.Sprint(seen()) == "[6 3 0 2]" }, seen)
	// The mirror puts its finalizer on what it holds, and then shows that version, too.
	eventually(w.t, "everything to be held", w.isHeld, func() any { return nil })
	eventually(w.t, "everything to agree", func() bool { _, n := w.compared(); return n == 0 }, seen)
	m.stop()
}

// isHeld is whether all objects have the mirror's finalizer.
func (w *world) isHeld() bool {
	w.t.Helper()
	for _, list := range []client.ObjectList{&v1alpha1.OrderList{}, &v1alpha1.StockItemList{}, &v1alpha1.StockReservationList{}, &v1alpha1.StockAdjustmentList{}} {
		if err := env.Client.List(w.t.Context(), list, client.InNamespace(w.namespace)); err != nil {
			w.t.Fatal(err)
		}
		err := meta.EachListItem(list, func(o runtime.Object) error {
			if !slices.Contains(o.(client.Object).GetFinalizers(), v1alpha1.MirrorFinalizer) {
				return errNotHeld
			}
			return nil
		})
		if err != nil {
			return false
		}
	}
	return true
}

var errNotHeld = errors.New("it has no finalizer of the mirror")

func TestCheckFindsNothingWhereAllIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mirrored()
	if said, n := w.compared(); n != 0 || said != "compared 6 orders, 5 items, reservations and stock documents, and 9 events: 0 differences\n" {
		t.Errorf("%d: %s", n, said)
	}
}

func TestCheckWaitsForAMirrorThatRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mirrored()
	w.start().isUp()
	w.create(testenv.Order(w.namespace, "ord-new", testenv.Line("prod-1", 1))) // the mirror tells of it while the check waits
	if said, n := w.compared(); n != 0 {
		t.Errorf("%d: %s", n, said)
	}
}

func TestCheckNamesWhatDiffers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mirrored()
	w.exec(postgres.Orders, "UPDATE orders SET status = 'FULFILLED' WHERE id = 'ord-1'")
	w.exec(postgres.Orders, "UPDATE orders SET state = 'gone' WHERE id = 'ord-2'")
	w.exec(postgres.Orders, "DELETE FROM orders WHERE id = 'ord-3'")
	w.exec(postgres.Orders, "DELETE FROM order_events WHERE object = 'ord-4'")
	w.exec(postgres.Orders, `UPDATE order_events SET value = '{}' WHERE object = 'ord-5'`)
	w.remove(testenv.Order(w.namespace, "ord-6"))
	w.exec(postgres.Inventory, "UPDATE cursor SET seq = 9") // decisions that did not move prod-1
	w.exec(postgres.Inventory, "DELETE FROM movements WHERE product_id = 'prod-1'")
	w.exec(postgres.Inventory, "UPDATE inventory SET available_qty = 4 WHERE product_id = 'prod-2'")
	w.exec(postgres.Inventory, "DELETE FROM stock_events WHERE key = 'prod-3'")
	w.exec(postgres.Inventory, "DELETE FROM inventory_reservations")
	w.exec(postgres.Inventory, "UPDATE inventory_documents SET rv = 1")
	w.exec(postgres.Inventory, `INSERT INTO stock_events (event_id, object, uid, seq, type, topic, key, value, trace_id, at)
		VALUES (gen_random_uuid(), 'lost', 'lost', 7, 'inventory.updated', 'inventory.updated', 'prod-9', '{}', '', now())`)
	later := event.Record{ID: uuid.New(), Seq: 2, Type: event.OrderCreated, Topic: "order.created", Key: "stray", Value: []byte("{}"), At: time.Now(), Object: "stray", UID: "stray"}
	earlier := later
	earlier.ID, earlier.Seq = uuid.New(), 1
	w.publish(later, earlier)

	said, n := w.compared()
	for _, line := range []string{
		"order ord-1: its row has another status",
		"order ord-2: its row says gone",
		"order ord-3: it has no row",
		"order ord-4: there is no event order.created (entry 1)",
		"order ord-4: its row counts 1 entries, and 0 of them have an event",
		"order ord-6: its row says that it is in the cluster, and it is not",
		"product prod-1: its movements add up to 0, and 5 are on hand",
		"product prod-2: its row says 5 on hand, 0 reserved, 4 available, and it says 5, 0, 5",
		"product prod-3: there is no event of decision 0 about prod-3",
		"reservation basket-1: it has no row",
		"stock document doc-1: its row is older than it is",
		"of ord-5 has other bytes than the database",
		"which the database does not know",
		"number 1 of stray appears for the first time after number 2",
		"of lost, number 7, is not on it; queue the topic again with --replay inventory.updated",
	} {
		if !strings.Contains(said, line) {
			t.Errorf("it does not say %q", line)
		}
	}
	if t.Failed() || n < 15 {
		t.Errorf("%d differences:\n%s", n, said)
	}
}

// What retention may have taken is no difference. Behind an event that is there, it has taken nothing.
func TestCheckTellsWhatRetentionTookFromWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mirrored()
	stored := func(key string, seq int64) event.Record {
		r := event.Record{ID: uuid.New(), Seq: seq, Type: event.InventoryUpdated, Topic: string(event.InventoryUpdated), Key: key, Value: []byte("{}"), At: time.Now(), Object: key, UID: key}
		w.exec(postgres.Inventory, `INSERT INTO stock_events (event_id, object, uid, seq, type, topic, key, value, trace_id, at)
			VALUES ($1, $2, $2, $3, $4, $4, $2, '{}', '', now())`, r.ID, key, seq, string(r.Type))
		return r
	}
	stored("old", 1)
	w.forgetsAnOldRecord(string(event.InventoryUpdated))
	w.publish(stored("young", 2))
	stored("young", 3)
	said, n := w.compared()
	// One of an item's opening, which was the oldest, and one that never was there but might have been.
	if n != 1 || !strings.Contains(said, "of young, number 3, is not on it") || !strings.Contains(said, "2 events may have been on topics") {
		t.Errorf("%d: %s", n, said)
	}
}

// forgetsAnOldRecord takes the oldest record of a partition of a topic, as retention does.
func (w *world) forgetsAnOldRecord(topic string) {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.brokers.ListenAddrs()...))
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(w.t.Context(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, end := range ends[topic] {
		if end.Offset > 0 {
			until := kadm.Offsets{}
			until.AddOffset(topic, end.Partition, 1, -1)
			if _, err := admin.DeleteRecords(w.t.Context(), until); err != nil {
				w.t.Fatal(err)
			}
			return
		}
	}
	w.t.Fatalf("%s has no record", topic)
}

// Movements are told by decision, an item's row by version: the ledger may be ahead of the row (rule 12).
func TestCheckAddsUpTheLedgerAsFarAsTheRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mirrored()
	w.exec(postgres.Inventory, "UPDATE cursor SET seq = 9")
	w.exec(postgres.Inventory, `INSERT INTO movements (item_uid, product_id, seq, kind, quantity, delta, on_hand, uid, object, reason, at)
		SELECT item_uid, product_id, 9, 'Adjust', 1, 1, 6, 'doc', 'doc', '', now() FROM inventory WHERE product_id = 'prod-1'`)
	if said, n := w.compared(); n != 0 {
		t.Errorf("%d: %s", n, said)
	}
}

// The last record of a partition is then the broker's own, and no consumer is given it unasked.
func TestCheckReadsTopicsThatOthersWriteToInTransactions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mirrored()
	producer, err := kgo.NewClient(kgo.SeedBrokers(w.brokers.ListenAddrs()...), kgo.TransactionalID("shop"))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	err = producer.ProduceSync(t.Context(), &kgo.Record{Topic: string(event.OrderCancelRequested), Value: []byte("{}")}).FirstErr()
	if err != nil {
		t.Fatal(err)
	}
	if err := producer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if said, n := w.compared(); n != 0 {
		t.Errorf("%d: %s", n, said)
	}
}

// remove takes an object away at once.
func (w *world) remove(o client.Object) {
	w.t.Helper()
	ctx := w.t.Context()
	if err := env.Client.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
		w.t.Fatal(err)
	}
	o.SetFinalizers(nil)
	if err := env.Client.Update(ctx, o); err != nil {
		w.t.Fatal(err)
	}
	if err := env.Client.Delete(ctx, o); err != nil {
		w.t.Fatal(err)
	}
}
