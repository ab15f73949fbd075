package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/test/testenv"
)

// brokenDatabase is one that does not answer: at once when it fails, else not at all.
type brokenDatabase struct {
	fails error
	// asked counts the questions about orders.
	asked atomic.Int64
}

func (b *brokenDatabase) Query(ctx context.Context, sql string, _ ...any) (pgx.Rows, error) {
	if strings.Contains(sql, "FROM orders") {
		b.asked.Add(1)
	}
	if b.fails != nil {
		return nil, b.fails
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// mirrors plays the mirror: what the cluster has of an order stands in the database.
func (g *gateway) mirrors(pool *pgxpool.Pool, id string, state orderdb.State, change ...func(*v1alpha1.Order)) {
	g.t.Helper()
	o := g.order(id)
	for _, f := range change {
		f(o)
	}
	object, err := json.Marshal(o)
	must(g.t, err)
	now := time.Now()
	row := orderdb.Row{
		Version:    orderdb.Version{ID: id, UID: string(o.UID), ObjectUID: string(o.UID), RV: 1, Seq: 1, State: state, MirroredAt: now},
		CustomerID: o.Spec.CustomerID, Status: "PENDING", Items: json.RawMessage("[]"), ShippingAddress: json.RawMessage("{}"),
		CreatedAt: now, UpdatedAt: now, Object: object,
	}
	must(g.t, pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
		_, err := orderdb.Insert(context.Background(), tx, []orderdb.Row{row})
		return err
	}))
}

// leaves has an order leave the cluster, and waits until the gateway has seen it.
func (g *gateway) leaves(id string) {
	g.t.Helper()
	before := g.total()
	o := g.order(id)
	o.Finalizers = nil
	must(g.t, env.Client.Update(context.Background(), o))
	must(g.t, env.Client.Delete(context.Background(), o))
	g.eventually("the cache has no order "+id, func() bool { return g.total() == before-1 })
}

// total is how many orders there are in the list of all.
func (g *gateway) total() int {
	g.t.Helper()
	total, err := strconv.Atoi(g.do(request{path: "/api/orders", token: g.ops()}).text("total"))
	must(g.t, err)
	return total
}

// orders is what the cluster has.
func (g *gateway) ordersThere() (names []string) {
	g.t.Helper()
	var list v1alpha1.OrderList
	must(g.t, env.Client.List(context.Background(), &list, client.InNamespace(g.namespace)))
	for _, o := range list.Items {
		names = append(names, o.Name)
	}
	return names
}

func (g *gateway) createWith(key, body string) answer {
	g.t.Helper()
	return g.do(request{
		method: http.MethodPost, path: "/api/orders", token: g.token("cust-1"), body: body, header: []string{"Idempotency-Key", key},
	})
}

func TestWhatTheGatewayMakesIsKeptForTheMirror(t *testing.T) {
	t.Parallel()
	g := startMirrored(t, testenv.Database(t, postgres.Orders), nil, impatient)
	o := g.order(g.create("cust-1"))
	if !slices.Contains(o.Finalizers, v1alpha1.MirrorFinalizer) || !slices.Contains(o.Finalizers, v1alpha1.OrderFinalizer) {
		t.Errorf("order: finalizers %v", o.Finalizers)
	}
	if _, marked := o.Annotations[v1alpha1.UnaskedAnnotation]; marked {
		t.Error("the archive was asked, and the order is marked")
	}
	g.item("prod-001", 10)
	g.do(request{method: http.MethodPut, path: "/api/inventory/prod-001/stock", token: g.ops(), body: `{"delta":5}`})
	if documents := g.documents(); len(documents) != 1 || !slices.Contains(documents[0].Finalizers, v1alpha1.MirrorFinalizer) {
		t.Errorf("documents: %+v", documents)
	}
	g.do(request{
		method: http.MethodPost, path: "/api/baskets", token: g.token("cust-1"), body: basketBody(1, ""),
		header: []string{"Idempotency-Key", uuid.NewString()},
	})
	var baskets v1alpha1.StockReservationList
	must(t, env.Client.List(t.Context(), &baskets, client.InNamespace(g.namespace)))
	if len(baskets.Items) != 1 || !slices.Contains(baskets.Items[0].Finalizers, v1alpha1.MirrorFinalizer) {
		t.Errorf("baskets: %+v", baskets.Items)
	}
}

// Whatever became of the order that a request made, the same request never makes a second.
func TestARepeatOfAnOrderThatLeftGetsItsFirstAnswer(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Orders)
	g := startMirrored(t, pool, nil)
	for _, state := range []orderdb.State{orderdb.Archived, orderdb.Gone, orderdb.Live} {
		t.Run(string(state), func(t *testing.T) {
			key := uuid.NewString()
			first := g.createWith(key, orderBody("cust-1"))
			id := first.text("orderId")
			g.mirrors(pool, id, state)
			g.leaves(id)
			again := g.createWith(key, orderBody("cust-1"))
			if again.status != http.StatusCreated || again.raw != first.raw || again.header.Get("Idempotent-Replayed") != "true" ||
				again.header.Get("Location") != first.header.Get("Location") {
				t.Errorf("again = %d %s %v, want %s", again.status, again.raw, again.header, first.raw)
			}
			g.createWith(key, strings.Replace(orderBody("cust-1"), `"quantity":2`, `"quantity":3`, 1)).wants(t, http.StatusConflict, "DUPLICATE_ORDER")
			if there := g.ordersThere(); len(there) != 0 {
				t.Errorf("a second order was made: %v", there)
			}
		})
	}
}

// A repeat that comes while the order is there, and in the database too.
func TestARepeatOfAMirroredOrder(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Orders)
	g := startMirrored(t, pool, nil)
	key := uuid.NewString()
	first := g.createWith(key, orderBody("cust-1"))
	g.mirrors(pool, first.text("orderId"), orderdb.Live)
	if again := g.createWith(key, orderBody("cust-1")); again.status != http.StatusCreated || again.raw != first.raw {
		t.Errorf("again = %d %s, want %s", again.status, again.raw, first.raw)
	}
	g.createWith(key, strings.Replace(orderBody("cust-1"), `"quantity":2`, `"quantity":3`, 1)).wants(t, http.StatusConflict, "DUPLICATE_ORDER")
}

// Where the archive can't be asked, orders are taken all the same, and marked.
func TestAnOrderIsMarkedWhenTheArchiveCantBeAsked(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]orderdb.Querier{
		"it does not answer":  &brokenDatabase{},
		"it fails":            &brokenDatabase{fails: errors.New("no such table")},
		"there is none":       nil,
		"it has other tables": testenv.Database(t, postgres.Inventory),
	} {
		t.Run(name, func(t *testing.T) {
			g := startMirrored(t, database, nil, func(c *rest.Config) { c.ArchiveTimeout = 50 * time.Millisecond })
			for range 15 {
				o := g.order(g.create("cust-1"))
				if _, marked := o.Annotations[v1alpha1.UnaskedAnnotation]; !marked || !slices.Contains(o.Finalizers, v1alpha1.MirrorFinalizer) {
					t.Fatalf("annotations %v, finalizers %v", o.Annotations, o.Finalizers)
				}
			}
			if metrics := g.do(request{path: "/actuator/metrics"}).raw; !strings.Contains(metrics, "orderplane_gateway_orders_unasked_total 15") {
				t.Error("the marked orders are not counted")
			}
			if broken, ok := database.(*brokenDatabase); ok && broken.asked.Load() != 5 {
				t.Errorf("asked %d times, want 5: then the breaker is open", broken.asked.Load())
			}
		})
	}
}

func TestHealthShowsTheDatabases(t *testing.T) {
	t.Parallel()
	inventory := testenv.Database(t, postgres.Inventory)
	g := startMirrored(t, &brokenDatabase{fails: errors.New("away")}, inventory)
	health := g.do(request{path: "/actuator/health"})
	if health.status != http.StatusOK || health.text("status") != "UP" {
		t.Errorf("the gateway goes on without a database: %d %s", health.status, health.raw)
	}
	if got := health.text("components.postgres.status"); got != "DOWN" {
		t.Errorf("postgres is %q: %s", got, health.raw)
	}
	if got := health.text("components.postgres-inventory.status"); got != "UP" {
		t.Errorf("postgres-inventory is %q: %s", got, health.raw)
	}
	breakers := g.do(request{path: "/actuator/circuitbreakers"})
	for _, name := range []string{"postgres", "postgres-inventory", "postgres-notifications"} {
		if got := breakers.text("circuitBreakers." + name + ".state"); got != "CLOSED" {
			t.Errorf("breaker %s is %q", name, got)
		}
	}
	plain := startGateway(t).do(request{path: "/actuator/health"})
	if strings.Contains(plain.raw, "postgres") {
		t.Errorf("nothing is mirrored here: %s", plain.raw)
	}
}

// An order that was made without asking stands in the cluster until the mirror takes it away.
// The order of this id is the archived one all the same.
func TestARepeatGoesByTheArchiveAndNotByASecondOrder(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Orders)
	g := startMirrored(t, pool, nil)
	key := uuid.NewString()
	first := g.createWith(key, orderBody("cust-1"))
	id := first.text("orderId")
	long := metav1.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	g.mirrors(pool, id, orderdb.Archived, func(o *v1alpha1.Order) { o.CreationTimestamp = long })
	g.leaves(id)
	g.orders = nil
	if second := g.replica().createWith(key, orderBody("cust-1")); second.status != http.StatusCreated {
		t.Fatalf("without the archive: %d %s", second.status, second.raw)
	}
	again := g.createWith(key, orderBody("cust-1"))
	if again.status != http.StatusCreated || again.text("createdAt") != "2020-01-02T03:04:05Z" {
		t.Errorf("again = %d %s", again.status, again.raw)
	}
}

// archivedOrder makes an order that left the cluster after it was changed.
func (g *gateway) archivedOrder(pool *pgxpool.Pool, change func(*v1alpha1.Order)) (id string) {
	g.t.Helper()
	id = g.create("cust-1")
	g.mirrors(pool, id, orderdb.Archived, change)
	g.leaves(id)
	return id
}

func TestAnArchivedOrderIsShown(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Orders)
	g := startMirrored(t, pool, nil)
	id := g.archivedOrder(pool, func(o *v1alpha1.Order) {
		now := metav1.Now()
		o.Status.Phase, o.Status.ReturnedAt = v1alpha1.OrderReturned, &now
		o.Spec.Return = &v1alpha1.Return{RequestID: "r1", Reason: "broken"}
	})
	for _, who := range []string{g.token("cust-1"), g.ops()} {
		a := g.do(request{path: "/api/orders/" + id, token: who})
		if a.status != http.StatusOK || a.text("status") != "RETURNED" || a.text("orderId") != id {
			t.Errorf("%d %s", a.status, a.raw)
		}
		if a := g.do(request{path: "/api/orders/" + id + "/return", token: who}); a.status != http.StatusOK || a.text("reason") != "broken" {
			t.Errorf("%d %s", a.status, a.raw)
		}
	}
	g.do(request{path: "/api/orders/" + id, token: g.token("cust-2")}).wants(t, http.StatusNotFound, "NOT_FOUND")
	g.do(request{path: "/api/orders/ord-never", token: g.ops()}).wants(t, http.StatusNotFound, "NOT_FOUND")

	g.orders = &brokenDatabase{fails: errors.New("away")}
	away := g.replica()
	a := away.do(request{path: "/api/orders/" + id, token: g.ops()})
	a.wants(t, http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestACommandAboutAnArchivedOrder(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Orders)
	g := startMirrored(t, pool, nil)
	id := g.create("cust-1")
	cancel := func(header ...string) request {
		return request{method: http.MethodDelete, path: "/api/orders/" + id, token: g.token("cust-1"), header: header}
	}
	key := uuid.NewString()
	g.controller(id, cancelAsked, phase(v1alpha1.OrderCancelled))
	if a := g.do(cancel("Idempotency-Key", key)); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	g.mirrors(pool, id, orderdb.Archived)
	g.leaves(id)
	for how, r := range map[string]request{"with its key": cancel("Idempotency-Key", key), "without": cancel()} {
		if a := g.do(r); a.status != http.StatusOK || a.text("status") != "CANCELLED" || a.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("the same again, %s: %d %s", how, a.status, a.raw)
		}
	}
	fulfill := request{method: http.MethodPost, path: "/api/orders/" + id + "/fulfill", token: g.ops()}
	a := g.do(fulfill)
	a.wants(t, http.StatusConflict, "INVALID_TRANSITION")
	if !strings.Contains(a.text("error.message"), "the order is CANCELLED and archived") {
		t.Error(a.text("error.message"))
	}
	other := cancel("Idempotency-Key", key)
	other.body = `{"reason":"PAYMENT_FAILED"}`
	g.do(other).wants(t, http.StatusConflict, "DUPLICATE_ORDER")
	stranger := cancel()
	stranger.token = g.token("cust-2")
	g.do(stranger).wants(t, http.StatusNotFound, "NOT_FOUND")
	err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: g.namespace, Name: id}, &v1alpha1.Order{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the order is back: %v", err)
	}
	if diff := cmp.Diff([]string(nil), g.ordersThere()); diff != "" {
		t.Error(diff)
	}
}
