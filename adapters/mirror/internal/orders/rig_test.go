package orders

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror/internal/stage"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/test/testenv"
)

const shop = "shop"

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// shelf is a cache: it has the orders that a test puts there.
type shelf struct {
	cache.Cache
	mu     sync.Mutex
	orders map[string]*v1alpha1.Order
}

func (s *shelf) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := into.(*v1alpha1.Order); ok && s.orders[key.Name] != nil {
		*o = *s.orders[key.Name]
		return nil
	}
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

func (s *shelf) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// rig is a mirror without an API server: a test says what its watch shows.
type rig struct {
	*Mirror
	shelf    *shelf
	clock    *clocktesting.FakeClock
	database *stage.Stage
	registry *prometheus.Registry
}

func newRig(t testing.TB, pool *pgxpool.Pool) *rig {
	t.Helper()
	r := &rig{
		shelf: &shelf{orders: map[string]*v1alpha1.Order{}}, clock: clocktesting.NewFakeClock(noon),
		registry: prometheus.NewRegistry(),
	}
	r.database = stage.New(stage.Database, r.clock)
	m, err := New(Options{
		Namespace: shop, Pool: pool, Cache: r.shelf, Client: struct{ client.Client }{}, ArchiveDelay: time.Hour,
		Told:  func(context.Context, int64) (bool, error) { return true, nil },
		Clock: r.clock, Log: logr.Discard(), Registry: r.registry, Database: r.database,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Mirror = m
	return r
}

// sees has the watch show versions of orders, the newest last.
func (r *rig) sees(versions ...*v1alpha1.Order) {
	for _, o := range versions {
		r.shelf.mu.Lock()
		was := r.shelf.orders[o.Name]
		r.shelf.orders[o.Name] = o
		r.shelf.mu.Unlock()
		if was == nil {
			r.watcher.OnAdd(o, false)
		} else {
			r.watcher.OnUpdate(was, o)
		}
	}
}

// vanishes has the watch show that an order is gone, as it was.
func (r *rig) vanishes(last *v1alpha1.Order) {
	r.shelf.mu.Lock()
	delete(r.shelf.orders, last.Name)
	r.shelf.mu.Unlock()
	r.watcher.OnDelete(last)
}

// settles brings everything that waits to the database.
func (r *rig) settles(t testing.TB) {
	t.Helper()
	for {
		entries := r.applier.dirty.take(batch)
		if len(entries) == 0 {
			return
		}
		if err := r.applier.apply(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
	}
}

// planned is what waits to be written about an order.
func (r *rig) planned(name string) string {
	r.writer.mu.Lock()
	defer r.writer.mu.Unlock()
	return string(r.writer.waiting[name].step)
}

// count is the value of one of its metrics.
func (r *rig) count(t testing.TB, name, label string) (sum float64) {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// life is an order's, version by version: created, confirmed, shipped, a return asked for and done.
func life(name string) []*v1alpha1.Order {
	o := testenv.Order(shop, name, testenv.Line("prod-001", 2), testenv.Line("prod-002", 1))
	o.UID = types.UID(name + "-uid")
	o.CreationTimestamp = metav1.NewTime(noon)
	o.Finalizers = []string{v1alpha1.OrderFinalizer, v1alpha1.MirrorFinalizer}
	o.Annotations = map[string]string{v1alpha1.RequestFingerprintAnnotation: "x", v1alpha1.TraceIDAnnotation: "trace-" + name}
	o.Status.Currency, o.Status.TotalAmount = "EUR", "59.97"
	versions := []*v1alpha1.Order{o.DeepCopy()}
	for i, e := range []struct {
		phase v1alpha1.OrderPhase
		types []v1alpha1.OrderHistoryType
	}{
		{v1alpha1.OrderPending, []v1alpha1.OrderHistoryType{v1alpha1.HistoryCreated}},
		{v1alpha1.OrderConfirmed, []v1alpha1.OrderHistoryType{v1alpha1.HistoryConfirmed}},
		{v1alpha1.OrderFulfilled, []v1alpha1.OrderHistoryType{v1alpha1.HistoryFulfilled}},
		{v1alpha1.OrderReturnRequested, []v1alpha1.OrderHistoryType{v1alpha1.HistoryReturnRequested}},
		{v1alpha1.OrderReturned, []v1alpha1.OrderHistoryType{v1alpha1.HistoryReturned, v1alpha1.HistoryRefundRequested}},
	} {
		at := metav1.NewTime(noon.Add(time.Duration(i) * time.Minute))
		for _, what := range e.types {
			entry := v1alpha1.OrderHistoryEntry{Seq: int64(len(o.Status.History) + 1), Type: what, At: at}
			switch what {
			case v1alpha1.HistoryReturned, v1alpha1.HistoryRefundRequested:
				entry.RefundAmount, o.Status.RefundAmount, o.Status.ReturnedAt = "59.97", "59.97", &at
			case v1alpha1.HistoryFulfilled:
				o.Status.FulfilledAt = &at
			default:
			}
			o.Status.History = append(o.Status.History, entry)
		}
		o.Status.Phase = e.phase
		versions = append(versions, o.DeepCopy())
	}
	for i := range versions {
		versions[i].ResourceVersion = strconv.Itoa(10 + 10*i)
	}
	return versions
}

// edit is a version with a change, and the resourceVersion of it.
func edit(o *v1alpha1.Order, rv int, change func(*v1alpha1.Order)) *v1alpha1.Order {
	o = o.DeepCopy()
	o.ResourceVersion = strconv.Itoa(rv)
	change(o)
	return o
}

func row(t testing.TB, pool *pgxpool.Pool, name string) orderdb.Row {
	t.Helper()
	r, found, err := orderdb.Lookup(t.Context(), pool, name)
	if err != nil || !found {
		t.Fatalf("row of %s: found %t, %v", name, found, err)
	}
	return r
}

// told are the events of an order in the order in which they were told, and what of them is queued.
func told(t testing.TB, pool *pgxpool.Pool, name string) (events []string, queued int) {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT e.uid, e.seq, e.type, e.value, o.no IS NOT NULL
		FROM order_events e LEFT JOIN outbox o USING (event_id) WHERE e.object = $1 ORDER BY e.no`, name)
	if err != nil {
		t.Fatal(err)
	}
	events, err = pgx.CollectRows(rows, func(from pgx.CollectableRow) (string, error) {
		var (
			uid, what string
			seq       int64
			value     []byte
			waits     bool
		)
		err := from.Scan(&uid, &seq, &what, &value, &waits)
		if waits {
			queued++
		}
		return fmt.Sprintf("%s %d %s %s", uid, seq, what, value), err
	})
	if err != nil {
		t.Fatal(err)
	}
	return events, queued
}
