package mirror_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kfake"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kube/health"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
)

func TestAMirrorIsUpAndSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.start()
	m.isUp()
	for path, want := range map[string]int{"/health": http.StatusOK, "/healthz": http.StatusOK, "/readyz": http.StatusOK, "/metrics": http.StatusOK} {
		if status, body := m.get(path); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	_, text := m.get("/metrics")
	for _, line := range []string{
		"orderplane_mirror_leader 1", `orderplane_mirror_lag_seconds{stage="broker"} 0`, `orderplane_mirror_waiting_records{stage="watch"} 0`,
	} {
		if !strings.Contains(string(text), line+"\n") {
			t.Errorf("metrics do not say %s", line)
		}
	}
	var ns corev1.Namespace
	if err := env.Client.Get(t.Context(), client.ObjectKey{Name: w.namespace}, &ns); err != nil {
		t.Fatal(err)
	}
	for _, db := range []postgres.Database{postgres.Orders, postgres.Inventory} {
		owner, found, err := mirrordb.OwnerOf(t.Context(), w.pools[db])
		if err != nil || !found || owner.Namespace != w.namespace || owner.NamespaceUID != string(ns.UID) || owner.ResourceVersion == 0 {
			t.Errorf("%s belongs to %+v, %v, %v", db, owner, found, err)
		}
	}
	m.stop()
	if m.err != nil {
		t.Errorf("stopped with %v", m.err)
	}
}

func TestAStandbyTakesOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.start()
	first.isUp()
	second := w.start()
	second.becomes("a standby", func(h health.Report) bool {
		return h.Status == health.Up && h.Components[health.Leadership].Detail == health.Standby
	})
	first.stop()
	second.isUp()
}

// What is away is waited for, and health says which; readiness does not depend on it.
func TestAMirrorThatStartsBeforeWhatItNeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.start(func(o *mirror.Options) {
		o.Postgres = postgres.Config{URL: "postgres://ops@127.0.0.1:1"}
		o.Kafka.Bootstrap = []string{"127.0.0.1:1"}
	})
	m.becomes("Postgres and Kafka to be down", func(h health.Report) bool {
		down := true
		for _, part := range []string{"ops_orders", "ops_inventory", "kafka", health.Leadership} {
			down = down && h.Components[part].Status == health.Down
		}
		return down && h.Components["kubernetes"].Status == health.Up && h.Components["cache"].Status == health.Up
	})
	if status, body := m.get("/readyz"); status != http.StatusOK {
		t.Errorf("readyz: %d %s", status, body)
	}
}

func TestATopicWithOtherPartitionsIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kfake.SeedTopics(5, string(event.OrderCreated)))
	w.start().refuses("order.created has 5 partitions", "needs 3")
}

func TestDatabasesOfAnotherNamespaceAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.start()
	m.isUp()
	m.stop()
	w.namespace = env.Namespace(t)
	w.start().refuses("ops_orders holds the data of namespace", "ops_inventory holds", "DB_URL_ORDERS")
}

// The namespace was deleted and made anew, or it is another cluster's.
func TestDatabasesOfAnotherClusterAreRefusedUntilAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, db := range []postgres.Database{postgres.Orders, postgres.Inventory} {
		if err := mirrordb.Claim(t.Context(), w.pools[db], mirrordb.Owner{Namespace: w.namespace, NamespaceUID: "another", ResourceVersion: 1}); err != nil {
			t.Fatal(err)
		}
	}
	w.start().refuses("another namespace", "--accept-cluster")
	accepted := w.start(func(o *mirror.Options) { o.Accept.Cluster = true })
	accepted.isUp()
	accepted.stop()
	w.start().isUp()
}

func TestAClusterThatHasGoneBackIsRefusedUntilAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.start()
	m.isUp()
	m.stop()
	const ahead = int64(1) << 40
	if err := mirrordb.Seen(t.Context(), w.pools[postgres.Inventory], ahead); err != nil {
		t.Fatal(err)
	}
	w.start().refuses("gone back", "ops_inventory", "--accept-cluster")
	accepted := w.start(func(o *mirror.Options) { o.Accept.Cluster = true })
	accepted.isUp()
	accepted.stop()
	w.start().isUp()
}

func TestEmptyDatabasesBesideFilledTopicsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kfake.SeedTopics(3, string(event.OrderCreated)))
	w.publish(event.Record{Topic: string(event.OrderCreated), Key: "ord-1", Type: event.OrderCreated, UID: "u1", Object: "ord-1", Seq: 1})
	w.start().refuses("ops_orders is empty", "order.created", "restore its backup")
}

func TestTopicsThatWereDeletedAreRefusedUntilAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kfake.SeedTopics(3, string(event.OrderCreated)))
	// So that nothing is empty.
	if err := pgx.BeginFunc(t.Context(), w.pools[postgres.Orders], func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO order_events (event_id, object, uid, seq, type, topic, key, value, trace_id, at)
			VALUES (gen_random_uuid(), 'ord-1', 'u1', 1, 'x', '', 'ord-1', '', '', now())`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	w.publish(event.Record{Topic: string(event.OrderCreated), Key: "ord-1", Type: event.OrderCreated, UID: "u1", Object: "ord-1", Seq: 1})
	m := w.start()
	m.isUp()
	m.stop()
	w.brokers.Close()
	w.brokers = newBrokers(t)
	w.start().refuses("topic order.created was deleted", "--replay order.created")
	accepted := w.start(func(o *mirror.Options) { o.Accept.Topics = true })
	accepted.isUp()
	accepted.stop()
	w.start().isUp()
}
