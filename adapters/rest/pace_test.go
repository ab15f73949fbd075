package rest_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

// A measurement, for a quiet machine:
//
//	go test ./adapters/rest -run TestReadsKeepTheirPace -archived 200000 -v
var (
	archivedInPace = flag.Int("archived", 0, "how many orders have left the cluster; none leaves out the measurement")
	liveInPace     = flag.Int("live", 2_000, "how many orders the cluster has")
	paceFor        = flag.Duration("pace", 10*time.Second, "how long each kind of read is asked for")
)

// paceCustomers share all orders; a status other than FULFILLED has one order in ten.
const paceCustomers = 100

// archivedOrders are rows as the mirror writes them, from one order of the cluster: one each 30 s.
const archivedOrders = `
INSERT INTO orders (id, customer_id, status, items, total_amount, currency, shipping_address, fulfilled_at, created_at, updated_at,
	uid, object_uid, rv, seq, told, state, mirrored_at, object)
SELECT id, customer, CASE WHEN phase = 'Fulfilled' THEN 'FULFILLED' ELSE 'CANCELLED' END, '[]', 59.97, 'USD', '{}', at, at, at,
	'u' || n, 'u' || n, n, 4, 0, 'archived', now(),
	$2::jsonb || jsonb_build_object(
		'metadata', ($2::jsonb -> 'metadata') || jsonb_build_object('name', id, 'creationTimestamp', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
		'spec', ($2::jsonb -> 'spec') || jsonb_build_object('customerID', customer),
		'status', ($2::jsonb -> 'status') || jsonb_build_object('phase', phase))
FROM (SELECT n, 'ord-' || md5(n::text) AS id, 'cust-' || n % 100 AS customer, timestamptz '2026-01-01 UTC' + make_interval(secs => n * 30) AS at,
	CASE WHEN n % 10 = 3 THEN 'Cancelled' ELSE 'Fulfilled' END AS phase FROM generate_series(1, $1::int) n) o`

// paced is a gateway with many orders, most of which have left the cluster.
func paced(t *testing.T) (g *gateway, live []string) {
	t.Helper()
	pool := testenv.Database(t, postgres.Orders)
	g = startMirrored(t, pool, nil, func(c *rest.Config) { c.ArchiveTimeout = time.Minute })
	ids := make([]string, *liveInPace)
	var all sync.WaitGroup
	next := make(chan int)
	for range 16 {
		all.Go(func() {
			for i := range next {
				ids[i] = g.create(fmt.Sprintf("cust-%d", i%paceCustomers))
			}
		})
	}
	for i := range ids {
		next <- i
	}
	close(next)
	all.Wait()
	fillArchive(t, pool, g.order(ids[0]))
	want := fmt.Sprint(*liveInPace + *archivedInPace)
	g.eventually("all orders are listed", func() bool {
		return g.do(request{path: "/api/orders?pageSize=1", token: g.ops()}).text("total") == want
	})
	return g, ids
}

func fillArchive(t *testing.T, pool *pgxpool.Pool, like *v1alpha1.Order) {
	t.Helper()
	now := metav1.Now()
	like.ManagedFields, like.Annotations = nil, nil
	like.Status.Phase, like.Status.FulfilledAt = v1alpha1.OrderFulfilled, &now
	object, err := json.Marshal(like)
	must(t, err)
	_, err = pool.Exec(t.Context(), archivedOrders, *archivedInPace, string(object))
	must(t, err)
	_, err = pool.Exec(t.Context(), "VACUUM ANALYZE orders")
	must(t, err)
}

// deep is the cursor in the middle of a list.
func (g *gateway) deep(query, bearer string) string {
	g.t.Helper()
	var total int
	_, err := fmt.Sscan(g.do(request{path: "/api/orders?" + query, token: bearer}).text("total"), &total)
	must(g.t, err)
	cursor := g.do(request{path: fmt.Sprintf("/api/orders?%s&page=%d", query, total/2/20), token: bearer}).text("nextCursor")
	if cursor == "" {
		g.t.Fatalf("%s has no page after its middle; it has %d orders", query, total)
	}
	return cursor
}

// pace asks for paths in turn, at a rate a second, whether or not the ones before are answered. It
// returns how long each waited for its answer, from when it was due, shortest first.
func (g *gateway) pace(rate int, paths []request) []time.Duration {
	g.t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	defer client.CloseIdleConnections()
	took := make([]time.Duration, int(paceFor.Seconds()*float64(rate)))
	began := time.Now()
	ticks := time.NewTicker(time.Second / time.Duration(rate))
	defer ticks.Stop()
	var asked sync.WaitGroup
	for i := range took {
		due := began.Add(time.Duration(i+1) * time.Second / time.Duration(rate))
		for time.Now().Before(due) {
			<-ticks.C
		}
		asked.Go(func() {
			if err := ask(g.t.Context(), client, g.url, paths[i%len(paths)]); err != nil {
				g.t.Error(err)
			}
			took[i] = time.Since(due)
		})
	}
	asked.Wait()
	slices.Sort(took)
	return took
}

func ask(ctx context.Context, client *http.Client, url string, r request) error {
	asked, err := http.NewRequestWithContext(ctx, http.MethodGet, url+r.path, nil)
	if err != nil {
		return err
	}
	asked.Header.Set("Authorization", "Bearer "+r.token)
	response, err := client.Do(asked)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", r.path, response.StatusCode, body)
	}
	return err
}

func TestReadsKeepTheirPace(t *testing.T) {
	if *archivedInPace == 0 {
		t.Skip("it measures: give it -archived 200000")
	}
	// The heap is collected from a floor on, as in the gateway's process.
	floor := make([]byte, 64<<20)
	defer runtime.KeepAlive(floor)
	g, live := paced(t)
	ops, customer := g.ops(), g.token("cust-7")
	reads := map[string][]request{}
	for name, list := range map[string]request{
		"of a customer":                   {path: "pageSize=20", token: customer},
		"of a customer, asked by ops":     {path: "customerId=cust-8", token: ops},
		"of a status":                     {path: "status=FULFILLED", token: ops},
		"of a status that few orders are": {path: "status=CANCELLED", token: ops},
		"of a time":                       {path: "from=2026-01-01T04:00:00Z&to=2026-01-01T12:00:00Z", token: ops},
		"of a long time":                  {path: "from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z", token: ops},
		"of all":                          {path: "pageSize=20", token: ops},
	} {
		first := request{path: "/api/orders?" + list.path, token: list.token}
		reads["first page "+name] = []request{first}
		reads["deep page "+name] = []request{{path: first.path + "&cursor=" + g.deep(list.path, list.token), token: list.token}}
	}
	for name, requests := range reads {
		g.keepsPace(name, 50, 25*time.Millisecond, requests)
	}
	var each []request
	for i, id := range live {
		var archived string
		n := 1 + i*(*archivedInPace/len(live))
		must(t, g.orders.(*pgxpool.Pool).QueryRow(t.Context(), "SELECT 'ord-' || md5($1)", fmt.Sprint(n)).Scan(&archived))
		each = append(each, request{path: "/api/orders/" + id, token: ops}, request{path: "/api/orders/" + archived, token: ops})
	}
	g.keepsPace("one order", 500, 10*time.Millisecond, each)
}

// keepsPace holds 99 reads of 100 to a goal.
func (g *gateway) keepsPace(name string, rate int, goal time.Duration, requests []request) {
	g.t.Helper()
	took := g.pace(rate, requests)
	p99 := took[len(took)*99/100]
	g.t.Logf("%s, %d a second: p50 %s, p99 %s, most %s", name, rate, took[len(took)/2], p99, took[len(took)-1])
	if p99 > goal {
		g.t.Errorf("%s: p99 is %s, slower than %s", name, p99, goal)
	}
}
