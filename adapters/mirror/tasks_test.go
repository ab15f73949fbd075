package mirror_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	kube "k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
	"github.com/orderplane/orderplane/test/testenv"
)

// task does one thing as an operator does, and returns what it says.
func (w *world) task(do func(context.Context, *mirror.Tasks) error, change ...func(*mirror.Options)) (said string, err error) {
	w.t.Helper()
	o := w.options()
	for _, c := range change {
		c(&o)
	}
	var out bytes.Buffer
	tasks, err := mirror.NewTasks(w.t.Context(), o, w.access, &out)
	if err != nil {
		w.t.Fatal(err)
	}
	defer tasks.Close()
	err = do(w.t.Context(), tasks)
	return out.String(), err
}

func uninstall(ctx context.Context, t *mirror.Tasks) error { return t.Uninstall(ctx) }

func replay(topic event.Type) func(context.Context, *mirror.Tasks) error {
	return func(ctx context.Context, t *mirror.Tasks) error { return t.Replay(ctx, string(topic)) }
}

func (w *world) create(o client.Object, edit ...func(client.Object)) {
	w.t.Helper()
	for _, e := range edit {
		e(o)
	}
	if err := env.Client.Create(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

func held(o client.Object) {
	o.SetFinalizers(append(o.GetFinalizers(), "example.com/other", v1alpha1.MirrorFinalizer))
}

// holds creates one object of each kind that a mirror holds.
func (w *world) holds() []client.Object {
	w.t.Helper()
	all := []client.Object{
		testenv.Item(w.namespace, "prod-1", 5),
		testenv.Order(w.namespace, "ord-1", testenv.Line("prod-1", 1)),
		testenv.Basket(w.namespace, "basket-1", time.Now().Add(time.Hour), testenv.Line("prod-1", 1)),
		testenv.Document(w.namespace, "doc-1", "prod-1", v1alpha1.AdjustmentReceived, 1),
	}
	for _, o := range all {
		w.create(o, held)
	}
	return all
}

func TestUninstallTakesTheFinalizerOffEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	objects := w.holds()
	w.create(testenv.Order(w.namespace, "ord-deleted", testenv.Line("prod-1", 1)), func(o client.Object) {
		o.SetFinalizers([]string{v1alpha1.MirrorFinalizer})
	})
	if err := env.Client.Delete(t.Context(), testenv.Order(w.namespace, "ord-deleted")); err != nil {
		t.Fatal(err)
	}
	w.create(testenv.Order(w.namespace, "ord-free", testenv.Line("prod-1", 1)))
	said, err := w.task(uninstall)
	if err != nil || !strings.Contains(said, "taken off 5 objects of namespace "+w.namespace) || !strings.Contains(said, "MIRRORED_NAMESPACES") {
		t.Fatalf("%q, %v", said, err)
	}
	for _, o := range objects {
		if err := env.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(o.GetFinalizers(), []string{"example.com/other"}) {
			t.Errorf("%T has the finalizers %v", o, o.GetFinalizers())
		}
	}
	err = env.Client.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: "ord-deleted"}, &v1alpha1.Order{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("an order that was deleted is kept: %v", err)
	}
	if said, err := w.task(uninstall); err != nil || !strings.Contains(said, "off 0 objects") {
		t.Errorf("again: %q, %v", said, err)
	}
}

func TestUninstallTakesTheMarksOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := testenv.Order(w.namespace, "ord-1", testenv.Line("prod-1", 1))
	w.create(o, func(o client.Object) {
		o.SetAnnotations(map[string]string{v1alpha1.UnaskedAnnotation: "true", "kept": "yes"})
	})
	if said, err := w.task(uninstall); err != nil || !strings.Contains(said, "off 1 objects") {
		t.Fatalf("%q, %v", said, err)
	}
	if err := env.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		t.Fatal(err)
	}
	if _, has := o.Annotations[v1alpha1.UnaskedAnnotation]; has || o.Annotations["kept"] != "yes" {
		t.Errorf("annotations are %v", o.Annotations)
	}
}

func TestUninstallIsRefusedWhileAMirrorRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.holds()
	m := w.start()
	m.isUp()
	if _, err := w.task(uninstall); err == nil || !strings.Contains(err.Error(), "a mirror is running") {
		t.Fatalf("is not refused: %v", err)
	}
	m.stop()
	// Postgres takes a moment to see that the connection with the lock is closed.
	eventually(t, "an uninstall that goes through", func() bool {
		_, err := w.task(uninstall)
		return err == nil
	}, func() any { return nil })
}

// Whoever gives up Postgres first can still do without a mirror.
func TestUninstallWithoutPostgres(t *testing.T) {
	t.Parallel()
	server := testenv.Database(t, postgres.Orders)
	for name, orders := range map[string]string{
		"no server":   "postgres://ops@127.0.0.1:1/ops_orders",
		"no database": strings.Replace(url(server), server.Config().ConnConfig.Database, "dropped", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.holds()
			said, err := w.task(uninstall, func(o *mirror.Options) {
				o.Postgres = postgres.Config{URL: "postgres://ops@127.0.0.1:1", Orders: orders}
			})
			if err != nil || !strings.Contains(said, "off 4 objects") {
				t.Errorf("%q, %v", said, err)
			}
		})
	}
}

// patching is access whose patches go through a function. It may change them.
func patching(access *kube.Config, through func(body []byte) ([]byte, error)) *kube.Config {
	access = kube.CopyConfig(access)
	access.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return testenv.RoundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodPatch {
				return next.RoundTrip(r)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			if body, err = through(body); err != nil {
				return nil, err
			}
			r = r.Clone(r.Context())
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			return next.RoundTrip(r)
		})
	})
	return access
}

// A webhook that still takes the namespace for mirrored puts the finalizer back. That is
// seen at once, and not fought.
func TestUninstallThatIsUndoneIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.holds()
	var patches atomic.Int64
	w.access = patching(w.access, func(body []byte) ([]byte, error) {
		patches.Add(1)
		return bytes.Replace(body, []byte(`"finalizers":[`), []byte(`"finalizers":["`+v1alpha1.MirrorFinalizer+`",`), 1), nil
	})
	_, err := w.task(uninstall)
	var refusal *mirror.Refusal
	if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "MIRRORED_NAMESPACES") {
		t.Errorf("is not refused: %v", err)
	}
	if n := patches.Load(); n != 1 {
		t.Errorf("%d writes until it is noticed", n)
	}
}

// What somebody else writes meanwhile is not undone.
func TestUninstallBesideOthersWhoWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := testenv.Order(w.namespace, "ord-1", testenv.Line("prod-1", 1))
	w.create(o, held)
	var patches atomic.Int64
	w.access = patching(w.access, func(body []byte) ([]byte, error) {
		if patches.Add(1) > 1 {
			return body, nil
		}
		o.Finalizers = append(o.Finalizers, "example.com/new")
		return body, env.Client.Update(t.Context(), o)
	})
	if said, err := w.task(uninstall); err != nil || !strings.Contains(said, "off 1 objects") {
		t.Fatalf("%q, %v", said, err)
	}
	if err := env.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(o.Finalizers, []string{"example.com/other", "example.com/new"}) {
		t.Errorf("has the finalizers %v", o.Finalizers)
	}
}

// toldBefore are events that were published: stored, and not queued.
func (w *world) toldBefore(db postgres.Database, l outbox.Log, records ...event.Record) {
	w.t.Helper()
	if err := pgx.BeginFunc(w.t.Context(), w.pools[db], func(tx pgx.Tx) error {
		if err := outbox.Put(w.t.Context(), tx, l, records); err != nil {
			return err
		}
		_, err := tx.Exec(w.t.Context(), `DELETE FROM outbox`)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
}

func anEvent(topic event.Type, key string, seq int64) event.Record {
	return event.Record{
		ID: uuid.NewSHA1(uuid.Nil, fmt.Appendf(nil, "%s/%s/%d", topic, key, seq)), Seq: seq, Type: topic, Topic: string(topic), Key: key,
		Value: fmt.Appendf(nil, `{"n":%d}`, seq), At: time.Unix(1_700_000_000+seq, 0).UTC(), Object: key, UID: "uid-" + key,
	}
}

func (w *world) waiting(db postgres.Database) (topics []string) {
	w.t.Helper()
	log := outbox.Orders
	if db == postgres.Inventory {
		log = outbox.Stock
	}
	_, queued, err := outbox.Take(w.t.Context(), w.pools[db], log, outbox.Turn{Read: true, Bytes: 1 << 20})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, q := range queued {
		topics = append(topics, fmt.Sprintf("%s %s %d", q.Record.Topic, q.Record.Key, q.Record.Seq))
	}
	return topics
}

func TestReplayQueuesATopicOfEitherDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	for i := range 1200 { // more keys than are done at once
		key := fmt.Sprintf("ord-%04d", i)
		w.toldBefore(postgres.Orders, outbox.Orders, anEvent(event.OrderCreated, key, 1), anEvent(event.OrderConfirmed, key, 2))
		want = append(want, fmt.Sprintf("order.confirmed %s 2", key))
	}
	w.toldBefore(postgres.Inventory, outbox.Stock, anEvent(event.InventoryUpdated, "prod-1", 7))
	said, err := w.task(replay(event.OrderConfirmed))
	if err != nil || !strings.Contains(said, "1200 events are queued in the outbox of ops_orders") {
		t.Fatalf("%q, %v", said, err)
	}
	if got := w.waiting(postgres.Orders); !slices.Equal(got, want[:len(got)]) || len(got) != outbox.MaxRows {
		t.Errorf("%d events wait, first %v", len(got), got[:min(3, len(got))])
	}
	if got := w.waiting(postgres.Inventory); len(got) != 0 {
		t.Errorf("%v waits, too", got)
	}
	said, err = w.task(replay(event.InventoryUpdated))
	if err != nil || !strings.Contains(said, "1 events are queued in the outbox of ops_inventory") {
		t.Fatalf("%q, %v", said, err)
	}
	if got := w.waiting(postgres.Inventory); !slices.Equal(got, []string{"inventory.updated prod-1 7"}) {
		t.Errorf("%v waits", got)
	}
}

func TestReplayOfWhatIsNoTopicOfOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, topic := range []event.Type{"order.craeted", event.OrderCreated + event.DeadLetters, event.NotificationSent} {
		if _, err := w.task(replay(topic)); err == nil || !strings.Contains(err.Error(), "use one of") || !strings.Contains(err.Error(), "inventory.updated") {
			t.Errorf("%s: %v", topic, err)
		}
	}
}

// A mirror goes on with a topic that was deleted once its events are queued.
func TestReplayOfATopicThatWasDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.toldBefore(postgres.Orders, outbox.Orders, anEvent(event.OrderCreated, "ord-1", 1))
	lost := []mirrordb.Topic{{Name: string(event.OrderCreated), ID: "before", End: 1}}
	if err := mirrordb.SeenTopics(t.Context(), w.pools[postgres.Orders], lost); err != nil {
		t.Fatal(err)
	}
	w.start().refuses("topic order.created was deleted", "--replay order.created")
	if _, err := w.task(replay(event.OrderCreated)); err != nil {
		t.Fatal(err)
	}
	w.start().isUp()
}
