package orders

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/test/testenv"
)

func TestARowSaysWhatTheOrderSays(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	r := newRig(t, pool)
	versions := life("o-1")
	r.sees(versions[len(versions)-1])
	r.settles(t)
	at := func(minutes int) *time.Time {
		t := noon.Add(time.Duration(minutes) * time.Minute)
		return &t
	}
	got := row(t, pool, "o-1")
	want := orderdb.Row{
		Version:    orderdb.Version{ID: "o-1", UID: "o-1-uid", ObjectUID: "o-1-uid", RV: 60, Seq: 6, State: orderdb.Live, MirroredAt: noon},
		CustomerID: "cust-42", Status: "RETURNED", TotalAmount: "59.97", RefundAmount: "59.97", Currency: "EUR", IdempotencyKey: "o-1",
		Items:           json.RawMessage(`[{"quantity": 2, "productId": "prod-001", "unitPrice": 19.99}, {"quantity": 1, "productId": "prod-002", "unitPrice": 19.99}]`),
		ShippingAddress: json.RawMessage(`{"zip": "10115", "city": "Berlin", "street": "Main St 1", "country": "DE"}`),
		FulfilledAt:     at(2), ReturnedAt: at(4), CreatedAt: noon, UpdatedAt: *at(4),
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(orderdb.Row{}, "Object", "Version.Told")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var object v1alpha1.Order
	if err := json.Unmarshal(got.Object, &object); err != nil || object.Kind != "Order" {
		t.Fatalf("%s: %v", got.Object, err)
	}
	object.TypeMeta = metav1.TypeMeta{}
	if diff := cmp.Diff(versions[len(versions)-1], &object, cmp.Comparer(func(a, b metav1.Time) bool { return a.Equal(&b) })); diff != "" {
		t.Errorf("the object is not as it was (-want +got):\n%s", diff)
	}
}

// However many versions a mirror misses, it tells the same.
func TestWhatIsToldDoesNotDependOnWhatWasSeen(t *testing.T) {
	pool, late := testenv.Database(t, postgres.Orders), testenv.Database(t, postgres.Orders)
	r := newRig(t, pool)
	versions := life("o-1")
	for _, v := range versions {
		r.sees(v)
		r.settles(t)
	}
	once := newRig(t, late)
	once.sees(versions[len(versions)-1])
	once.settles(t)
	all, queued := told(t, pool, "o-1")
	if len(all) != 6 || queued != 6 {
		t.Errorf("%d events, %d queued; the history has 6 entries", len(all), queued)
	}
	atOnce, _ := told(t, late, "o-1")
	if diff := cmp.Diff(all, atOnce); diff != "" {
		t.Errorf("told one by one, and at once:\n%s", diff)
	}
}

// Two mirrors see versions late, more than once and in any order (protocol rule 4).
func TestTwoMirrorsTellOnceAndInOrder(t *testing.T) {
	const many = 60
	pool := testenv.Database(t, postgres.Orders)
	var versions []*v1alpha1.Order
	for i := range many {
		versions = append(versions, life(fmt.Sprintf("o-%02d", i))...)
	}
	var mirrors sync.WaitGroup
	for seed := range uint64(2) {
		r, random := newRig(t, pool), rand.New(rand.NewPCG(1, seed))
		mirrors.Go(func() {
			for _, i := range append(random.Perm(len(versions)), random.Perm(len(versions))...) {
				r.shelf.orders[versions[i].Name] = versions[i]
				r.applier.dirty.add(versions[i].Name, changed)
				if i%7 == 0 {
					r.settles(t)
				}
			}
			for i := range many { // in the end each sees the newest
				r.sees(versions[(i+1)*len(versions)/many-1])
			}
			r.settles(t)
		})
	}
	mirrors.Wait()
	for i := range many {
		name := fmt.Sprintf("o-%02d", i)
		if got := row(t, pool, name); got.Seq != 6 || got.RV != 60 || got.Status != "RETURNED" {
			t.Errorf("%s: row is of seq %d, rv %d, %s", name, got.Seq, got.RV, got.Status)
		}
		events, queued := told(t, pool, name)
		if len(events) != 6 || queued != 6 {
			t.Errorf("%s: %d events, %d queued", name, len(events), queued)
		}
		for n, e := range events {
			if !strings.HasPrefix(e, fmt.Sprintf("%s-uid %d ", name, n+1)) {
				t.Errorf("%s: event %d is %s", name, n+1, e)
			}
		}
	}
}

func TestWhatIsThereAlreadyIsNotWritten(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	r := newRig(t, pool)
	r.sees(life("o-1")...)
	r.settles(t)
	var before, after string
	xmin := "SELECT xmin::text || ' ' || xmax::text FROM orders"
	if err := pool.QueryRow(t.Context(), xmin).Scan(&before); err != nil {
		t.Fatal(err)
	}
	r.watcher.lookAtAll(compared)
	r.settles(t)
	if err := pool.QueryRow(t.Context(), xmin).Scan(&after); err != nil {
		t.Fatal(err)
	}
	if before != after {
		t.Errorf("the row was locked or written: %s, then %s", before, after)
	}
	if n := r.count(t, "orderplane_mirror_orders_applied_total", ""); n != 1 {
		t.Errorf("%v versions were applied", n)
	}
}

// What the database refuses holds up nobody else.
func TestAnOrderThatCanNotBeToldWaitsAlone(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	r := newRig(t, pool)
	for i := range 20 {
		r.sees(life(fmt.Sprintf("o-%02d", i))...)
	}
	bad := edit(life("bad")[5], 70, func(o *v1alpha1.Order) { o.Spec.CustomerID = "no\x00text" })
	r.sees(bad)
	senseless := edit(life("senseless")[5], 71, func(o *v1alpha1.Order) { o.Spec.Items[0].UnitPrice = "?"; o.Status.History[4].RefundAmount = "?" })
	r.sees(senseless)
	odd := edit(life("odd")[5], 72, func(o *v1alpha1.Order) { o.Labels = map[string]string{"a": "\x00 and \\u0000"} })
	r.sees(odd)
	r.settles(t)
	for i := range 20 {
		row(t, pool, fmt.Sprintf("o-%02d", i))
	}
	if got := string(row(t, pool, "odd").Object); !strings.Contains(got, `"a": "`+"\uFFFD"+` and \\u0000"`) {
		t.Errorf("what JSONB can't hold is not replaced: %s", got)
	}
	for _, name := range []string{"bad", "senseless"} {
		if _, found, err := orderdb.Lookup(t.Context(), pool, name); found || err != nil {
			t.Errorf("%s: found %t, %v", name, found, err)
		}
	}
	if n := r.count(t, "orderplane_mirror_orders_parked", ""); n != 2 {
		t.Errorf("%v orders are parked, not 2", n)
	}
	r.sees(edit(bad, 80, func(o *v1alpha1.Order) { o.Spec.CustomerID = "text" }))
	r.settles(t)
	row(t, pool, "bad")
	if n := r.count(t, "orderplane_mirror_orders_parked", ""); n != 1 {
		t.Errorf("%v orders are parked, not 1", n)
	}
}

// An order whose currency nobody knows is told once that is known (protocol rule 3).
func TestAnOrderIsToldOnceItsCurrencyIsKnown(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	r := newRig(t, pool)
	unknown := func(o *v1alpha1.Order) { o.Spec.Currency, o.Status.Currency = "", "" }
	r.sees(edit(life("o-1")[0], 1, unknown))
	r.settles(t)
	if _, found, err := orderdb.Lookup(t.Context(), pool, "o-1"); found || err != nil {
		t.Errorf("found %t, %v", found, err)
	}
	r.sees(edit(life("o-1")[1], 2, func(o *v1alpha1.Order) { o.Spec.Currency = "" }))
	r.settles(t)
	if events, _ := told(t, pool, "o-1"); len(events) != 1 || row(t, pool, "o-1").Currency != "EUR" {
		t.Errorf("told: %v", events)
	}
}

func TestAHistoryThatDiffersIsReportedAndNotToldAgain(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	r := newRig(t, pool)
	versions := life("o-1")
	r.sees(versions[3])
	r.settles(t)
	before, _ := told(t, pool, "o-1")
	r.sees(edit(versions[4], 100, func(o *v1alpha1.Order) { o.Status.History[1].Message = "edited by hand" }))
	r.settles(t)
	if n := r.count(t, "orderplane_mirror_order_differences_total", "history"); n != 1 {
		t.Errorf("an edited entry: %v differences", n)
	}
	after, _ := told(t, pool, "o-1")
	if diff := cmp.Diff(before, after[:3]); len(after) != 4 || diff != "" {
		t.Errorf("%d events; what was told has changed:\n%s", len(after), diff)
	}
	r.sees(edit(versions[2], 110, func(*v1alpha1.Order) {}))
	r.settles(t)
	if n := r.count(t, "orderplane_mirror_order_differences_total", "history"); n != 2 {
		t.Errorf("a history that is shorter: %v differences", n)
	}
	if got := row(t, pool, "o-1"); got.Seq != 4 {
		t.Errorf("the row went back to %d entries", got.Seq)
	}
}

// The last version of an order that was forced away is told (protocol rule 25).
func TestTheEndOfAnOrderIsTold(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	r := newRig(t, pool)
	versions := life("o-1")
	r.sees(versions[2])
	r.settles(t)
	r.vanishes(edit(versions[4], 90, func(*v1alpha1.Order) {}))
	r.settles(t)
	if got := row(t, pool, "o-1"); got.State != orderdb.Gone || got.Seq != 4 {
		t.Errorf("the row is %s with %d entries", got.State, got.Seq)
	}
	if events, _ := told(t, pool, "o-1"); len(events) != 4 {
		t.Errorf("told: %v", events)
	}
	// And one that another order has replaced at once.
	r.sees(life("o-2")[1])
	r.settles(t)
	last := life("o-2")[3]
	next := edit(life("o-2")[1], 300, func(o *v1alpha1.Order) { o.UID = "another"; o.Annotations = nil })
	r.shelf.orders["o-2"] = last
	r.sees(next)
	r.settles(t)
	if got := row(t, pool, "o-2"); got.UID != "another" || got.State != orderdb.Live || got.Seq != 1 {
		t.Errorf("the row is of %s, %s with %d entries", got.UID, got.State, got.Seq)
	}
	events, _ := told(t, pool, "o-2")
	if len(events) != 4 || !strings.HasPrefix(events[2], "o-2-uid 3 ") || !strings.HasPrefix(events[3], "another 1 ") {
		t.Errorf("told: %v", events)
	}
}

func TestADeletedOrderIsMarkedInTheTransactionThatChecksIt(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	r := newRig(t, pool)
	now := metav1.NewTime(noon)
	deleted := edit(life("o-1")[5], 60, func(o *v1alpha1.Order) { o.DeletionTimestamp = &now })
	r.sees(deleted)
	r.settles(t)
	if got, step := row(t, pool, "o-1"), r.planned("o-1"); got.State != orderdb.Live || step != "" {
		t.Errorf("before the controller has let it go: %s, %s", got.State, step)
	}
	r.sees(edit(deleted, 70, func(o *v1alpha1.Order) { o.Finalizers = []string{v1alpha1.MirrorFinalizer} }))
	r.settles(t)
	if got, step := row(t, pool, "o-1"), r.planned("o-1"); got.State != orderdb.Gone || got.RV != 70 || step != "LetGo" {
		t.Errorf("%s of %d, %s", got.State, got.RV, step)
	}
}
