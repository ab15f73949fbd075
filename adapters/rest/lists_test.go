package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/test/testenv"
)

// wholeList are the ids of all orders of a list, and what each page says of itself, by cursor or by page.
func (g *gateway) wholeList(query string, byCursor bool) (ids []string, total string) {
	g.t.Helper()
	next := ""
	for page := 0; ; page++ {
		path := "/api/orders?pageSize=2" + query
		switch {
		case byCursor && next != "":
			path += "&cursor=" + next
		case !byCursor:
			path += fmt.Sprintf("&page=%d", page)
		}
		a := g.do(request{path: path, token: g.ops()})
		if a.status != http.StatusOK {
			g.t.Fatalf("%s: %d %s", path, a.status, a.raw)
		}
		for i := range 2 {
			if id := a.text(fmt.Sprintf("orders.%d.orderId", i)); id != "" {
				ids = append(ids, id)
			}
		}
		total = a.text("total")
		if next = a.text("nextCursor"); next == "" {
			return ids, total
		}
	}
}

func TestAListHasWhatLeftTheCluster(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Orders)
	g := startMirrored(t, pool, nil, impatient)
	var newestFirst, cancelled []string
	for i := range 7 {
		id := g.create("cust-1")
		newestFirst = slices.Insert(newestFirst, 0, id)
		if i%3 == 0 {
			g.mirrors(pool, id, orderdb.Archived, func(o *v1alpha1.Order) { o.Status.Phase = v1alpha1.OrderCancelled })
			_, err := pool.Exec(t.Context(), "UPDATE orders SET status = 'CANCELLED', created_at = $2 WHERE id = $1", id, v1alpha1.ListedAt(g.order(id)))
			must(t, err)
			g.leaves(id)
			cancelled = slices.Insert(cancelled, 0, id)
		}
	}
	for _, byCursor := range []bool{true, false} {
		for query, want := range map[string][]string{"": newestFirst, "&customerId=cust-1": newestFirst, "&status=CANCELLED": cancelled, "&customerId=cust-2": nil} {
			if ids, total := g.wholeList(query, byCursor); !slices.Equal(ids, want) || total != fmt.Sprint(len(want)) {
				t.Errorf("%q, by cursor %t: %v of %s, want %v", query, byCursor, ids, total, want)
			}
		}
	}
	g.orders = &brokenDatabase{fails: errors.New("away")}
	a := g.replica().do(request{path: "/api/orders", token: g.ops()})
	if a.status != http.StatusOK || a.text("total") != "4" || a.text("partial") != "true" {
		t.Errorf("without the database: %d %s", a.status, a.raw)
	}
	for query, field := range map[string]string{"?cursor=x": "cursor", "?page=1&cursor=MTIzNDU2LmE": "cursor"} {
		a := g.do(request{path: "/api/orders" + query, token: g.ops()})
		a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
		if a.text("error.fieldErrors.0.field") != field {
			t.Errorf("%s: %s", query, a.raw)
		}
	}
}

// An order on its way out is in the cluster and in the archive, and is listed once.
func TestAnOrderThatLeavesIsListedOnce(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Orders)
	g := startMirrored(t, pool, nil, impatient)
	id := g.create("cust-1")
	o := g.order(id)
	metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.LeavingAnnotation, "true")
	must(t, env.Client.Update(t.Context(), o))
	g.mirrors(pool, id, orderdb.Archived)
	g.eventually("one order in the list", func() bool {
		ids, total := g.wholeList("", true)
		return slices.Equal(ids, []string{id}) && total == "1"
	})
}

func TestAListHasWhatWasMadeAMomentAgo(t *testing.T) {
	t.Parallel()
	g := startMirrored(t, testenv.Database(t, postgres.Orders), nil, impatient)
	var want []string
	for range 20 {
		want = slices.Insert(want, 0, g.create("cust-1"))
		if ids, total := g.wholeList("", true); !slices.Equal(ids, want) || total != fmt.Sprint(len(want)) {
			t.Fatalf("%v of %s, want %v", ids, total, want)
		}
	}
}
