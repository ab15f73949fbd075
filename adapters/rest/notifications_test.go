package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/token"
	"github.com/orderplane/orderplane/test/testenv"
)

// told is when the notifications of a test are made, each a second after the one before.
var told = time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC)

// tells plays the notifier: the customer of an order was told about it.
func (g *gateway) tells(pool *pgxpool.Pool, orderID string) (id string) {
	g.t.Helper()
	must(g.t, pool.QueryRow(g.t.Context(), `INSERT INTO notifications (id, order_id, channel, recipient, template, status, attempts, sent_at, created_at)
		SELECT $1, $2, 'EMAIL', 'ada@example.com', 'order.confirmed', 'DELIVERED', 2, $3::timestamptz + interval '1 s',
			$3::timestamptz + make_interval(secs => (SELECT count(*) FROM notifications WHERE order_id = $2)) RETURNING id`,
		uuid.New(), orderID, told).Scan(&id))
	return id
}

// willTell is a notification that was not sent yet.
func (g *gateway) willTell(pool *pgxpool.Pool, orderID string) (id string) {
	g.t.Helper()
	id = g.tells(pool, orderID)
	_, err := pool.Exec(g.t.Context(), "UPDATE notifications SET channel = 'SMS', status = 'PENDING', attempts = 0, sent_at = NULL WHERE id = $1", id)
	must(g.t, err)
	return id
}

// startNotified starts a gateway that has the databases of orders and of notifications.
func startNotified(t *testing.T) (g *gateway, orders, notifications *pgxpool.Pool) {
	t.Helper()
	orders, notifications = testenv.Database(t, postgres.Orders), testenv.Database(t, postgres.Notifications)
	g = newMirrored(t)
	g.orders, g.notifications = orders, notifications
	g.start()
	return g, orders, notifications
}

func TestNotificationsOfAnOrder(t *testing.T) {
	t.Parallel()
	g, _, pool := startNotified(t)
	id, other := g.create("cust-1"), g.create("cust-1")
	first, second := g.tells(pool, id), g.willTell(pool, id)
	g.tells(pool, other)
	path := "/api/notifications?orderId=" + id
	want := fmt.Sprintf(`{"notifications":[`+
		`{"id":%q,"orderId":%q,"channel":"SMS","recipient":"ada@example.com","template":"order.confirmed","status":"PENDING","attempts":0,"createdAt":"2026-03-02T09:15:01Z"},`+
		`{"id":%q,"orderId":%q,"channel":"EMAIL","recipient":"ada@example.com","template":"order.confirmed","status":"DELIVERED","attempts":2,"sentAt":"2026-03-02T09:15:01Z","createdAt":"2026-03-02T09:15:00Z"}`+
		`],"total":2,"page":0,"pageSize":20}`, second, id, first, id)
	for who, bearer := range map[string]string{"own": g.token("cust-1"), "ops": g.ops(), "viewer": g.token("viewer-1", token.RoleViewer)} {
		if a := g.do(request{path: path, token: bearer}); a.status != http.StatusOK || strings.TrimSpace(a.raw) != want {
			t.Errorf("%s: %d\n%s, want\n%s", who, a.status, a.raw, want)
		}
	}
	g.do(request{path: path, token: g.token("cust-2")}).wants(t, http.StatusNotFound, "NOT_FOUND")

	for page, want := range []string{second, first, ""} {
		a := g.do(request{path: fmt.Sprintf("%s&pageSize=1&page=%d", path, page), token: g.token("cust-1")})
		if a.text("notifications.0.id") != want || a.text("total") != "2" || a.text("page") != fmt.Sprint(page) || a.text("pageSize") != "1" {
			t.Errorf("page %d: %s", page, a.raw)
		}
	}
	nobody := g.create("cust-1")
	for who, bearer := range map[string]string{"own": g.token("cust-1"), "ops": g.ops()} {
		a := g.do(request{path: "/api/notifications?orderId=" + nobody, token: bearer})
		if a.status != http.StatusOK || !strings.HasPrefix(a.raw, `{"notifications":[],"total":0,`) {
			t.Errorf("nobody was told, %s: %d %s", who, a.status, a.raw)
		}
		g.do(request{path: "/api/notifications?orderId=ord-never", token: bearer}).wants(t, http.StatusNotFound, "NOT_FOUND")
	}
	for query, field := range map[string]string{
		"": "orderId", "?orderId=": "orderId", "?orderId=" + id + "&pageSize=101": "pageSize", "?orderId=" + id + "&page=-1": "page",
		"?orderId=" + id + "&status=FAILED": "status", "?orderId=" + strings.Repeat("a", 254): "orderId", "?orderId=%00": "orderId", "?orderId=%ff": "orderId",
	} {
		a := g.do(request{path: "/api/notifications" + query, token: g.ops()})
		a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
		if !strings.Contains(a.raw, `"field":"`+field+`"`) {
			t.Errorf("%q: no field error of %s: %s", query, field, a.raw)
		}
	}
}

func TestOneNotification(t *testing.T) {
	t.Parallel()
	g, _, pool := startNotified(t)
	id := g.create("cust-1")
	one := g.tells(pool, id)
	want := fmt.Sprintf(`{"id":%q,"orderId":%q,"channel":"EMAIL","recipient":"ada@example.com","template":"order.confirmed",`+
		`"status":"DELIVERED","attempts":2,"sentAt":"2026-03-02T09:15:01Z","createdAt":"2026-03-02T09:15:00Z"}`, one, id)
	for who, bearer := range map[string]string{"own": g.token("cust-1"), "ops": g.ops(), "viewer": g.token("viewer-1", token.RoleViewer)} {
		for _, spelt := range []string{one, strings.ToUpper(one)} {
			if a := g.do(request{path: "/api/notifications/" + spelt, token: bearer}); a.status != http.StatusOK || strings.TrimSpace(a.raw) != want {
				t.Errorf("%s: %d\n%s, want\n%s", who, a.status, a.raw, want)
			}
		}
	}
	// Nobody learns whether there is one of somebody else's.
	for name, r := range map[string]request{
		"somebody else's": {path: "/api/notifications/" + one, token: g.token("cust-2")},
		"none":            {path: "/api/notifications/" + uuid.NewString(), token: g.token("cust-2")},
		"none, ops":       {path: "/api/notifications/" + uuid.NewString(), token: g.ops()},
	} {
		a := g.do(r)
		a.wants(t, http.StatusNotFound, "NOT_FOUND")
		if got := a.text("error.message"); got != fmt.Sprintf("there is no notification %q", r.path[len("/api/notifications/"):]) {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, bad := range []string{"1", "urn:uuid:" + one, "%7B" + one + "%7D", strings.ReplaceAll(one, "-", ""), one + "0", one[:35] + "g", "%00"} {
		a := g.do(request{path: "/api/notifications/" + bad, token: g.ops()})
		a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
		if !strings.Contains(a.raw, `"field":"notificationId"`) {
			t.Errorf("%s: %s", bad, a.raw)
		}
	}
}

// Notifications stay when their order leaves the cluster, and its customer goes on seeing them.
func TestNotificationsOfAnOrderThatLeft(t *testing.T) {
	t.Parallel()
	g, orders, pool := startNotified(t)
	id := g.archivedOrder(orders, func(o *v1alpha1.Order) { o.Status.Phase = v1alpha1.OrderCancelled })
	one := g.tells(pool, id)
	forgotten := g.tells(pool, "ord-forgotten")
	paths := []string{"/api/notifications/" + one, "/api/notifications?orderId=" + id}
	for _, path := range paths {
		for who, bearer := range map[string]string{"own": g.token("cust-1"), "ops": g.ops()} {
			if a := g.do(request{path: path, token: bearer}); a.status != http.StatusOK || !strings.Contains(a.raw, one) {
				t.Errorf("%s, %s: %d %s", path, who, a.status, a.raw)
			}
		}
		g.do(request{path: path, token: g.token("cust-2")}).wants(t, http.StatusNotFound, "NOT_FOUND")
	}
	// Nobody knows any more whose order it was.
	for _, path := range []string{"/api/notifications/" + forgotten, "/api/notifications?orderId=ord-forgotten"} {
		if a := g.do(request{path: path, token: g.ops()}); a.status != http.StatusOK || !strings.Contains(a.raw, forgotten) {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
		g.do(request{path: path, token: g.token("cust-1")}).wants(t, http.StatusNotFound, "NOT_FOUND")
	}
	// Whose order it is can't be said without the database of orders. Who sees all needs not ask.
	g.orders = &brokenDatabase{fails: errors.New("away")}
	away := g.replica()
	for _, path := range paths {
		away.do(request{path: path, token: g.token("cust-1")}).wants(t, http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE")
		if a := away.do(request{path: path, token: g.ops()}); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
	}
}

func TestNotificationsNeedADatabase(t *testing.T) {
	t.Parallel()
	none := newMirrored(t)
	none.orders = testenv.Database(t, postgres.Orders)
	none.start()
	away := newMirrored(t)
	away.orders, away.notifications = testenv.Database(t, postgres.Orders), &brokenDatabase{fails: errors.New("away")}
	away.start()
	for name, g := range map[string]*gateway{"nothing is mirrored": startGateway(t), "none is configured": none, "it is away": away} {
		id := g.create("cust-1")
		for _, path := range []string{"/api/notifications?orderId=" + id, "/api/notifications/" + uuid.NewString()} {
			a := g.do(request{path: path, token: g.token("cust-1")})
			a.wants(t, http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE")
			if (a.header.Get("Retry-After") != "") != (g == away) {
				t.Errorf("%s: Retry-After %q", name, a.header.Get("Retry-After"))
			}
		}
		health := g.do(request{path: "/actuator/health"})
		if health.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, health.status, health.raw)
		}
		if got := health.text("components.postgres-notifications.status"); (got == "DOWN") != (name != "nothing is mirrored") {
			t.Errorf("%s: postgres-notifications is %q", name, got)
		}
	}
}

// An order that can't be decoded is its customer's all the same, and so is what they were told about it.
func TestNotificationsOfAnOrderThatCanNotBeDecoded(t *testing.T) {
	t.Parallel()
	g, _, pool := startNotified(t)
	id := g.create("cust-1")
	one := g.tells(pool, id)
	g.tamper(&v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{Name: id}}, map[string]any{"pendingTimeout": "15 minutes"}, "spec", "policy")
	g.eventually("the order is set aside", func() bool {
		return g.do(request{path: "/api/orders/" + id, token: g.token("cust-1")}).status == http.StatusConflict
	})
	for _, path := range []string{"/api/notifications?orderId=" + id, "/api/notifications/" + one} {
		if a := g.do(request{path: path, token: g.token("cust-1")}); a.status != http.StatusOK || !strings.Contains(a.raw, one) {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
		g.do(request{path: path, token: g.token("cust-2")}).wants(t, http.StatusNotFound, "NOT_FOUND")
	}
}

// A customer asks about an order that is live, whatever is away: only notifications need their database.
func TestNotificationsOfALiveOrderNeedNoArchive(t *testing.T) {
	t.Parallel()
	g := newMirrored(t)
	pool := testenv.Database(t, postgres.Notifications)
	g.orders, g.notifications = &brokenDatabase{fails: errors.New("away")}, pool
	g.start()
	id := g.create("cust-1")
	g.eventually("the gateway has seen it", func() bool { return g.total() == 1 })
	one := g.tells(pool, id)
	for _, path := range []string{"/api/notifications?orderId=" + id, "/api/notifications/" + one} {
		if a := g.do(request{path: path, token: g.token("cust-1")}); a.status != http.StatusOK || !strings.Contains(a.raw, one) {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
	}
}
