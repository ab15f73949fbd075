package rest_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/api/openapi"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/token"
	"github.com/orderplane/orderplane/test/testenv"
)

// rolesPage is the table for people; the test holds the gateway to it.
const rolesPage = "../../docs/use/roles.md"

// roleRow is what a route answers to each of the callers.
type roleRow struct {
	route   string
	answers [5]string
}

// readRoles reads the rows of the page's table: route, own, other's, ops, viewer, anonymous.
func readRoles(t *testing.T) []roleRow {
	t.Helper()
	text, err := os.ReadFile(rolesPage)
	must(t, err)
	var rows []roleRow
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 8 || !strings.Contains(cells[1], "/api/") {
			continue
		}
		row := roleRow{route: strings.Trim(cells[1], " `")}
		for i := range row.answers {
			row.answers[i] = strings.TrimSpace(cells[i+2])
		}
		rows = append(rows, row)
	}
	return rows
}

func TestEveryRouteAnswersEveryRoleAsThePageSays(t *testing.T) {
	t.Parallel()
	doc, err := openapi.Load()
	must(t, err)
	missing := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if strings.HasPrefix(path, "/api/") {
				missing[method+" "+path] = true
			}
		}
	}
	g := newMirrored(t, func(c *rest.Config) { c.BasketsPerCustomer, c.CommandWait = 100, 10*time.Millisecond })
	notifications := testenv.Database(t, postgres.Notifications)
	g.orders, g.inventory, g.notifications = testenv.Database(t, postgres.Orders), testenv.Database(t, postgres.Inventory), notifications
	g.start()
	g.item("prod-001", 5)
	for _, row := range readRoles(t) {
		if !missing[row.route] {
			t.Errorf("%s is no route of the document, or stands there twice", row.route)
		}
		delete(missing, row.route)
		callers := [5]string{
			g.token("cust-1"), g.token("cust-2"), g.ops(), g.token("viewer-1", token.RoleViewer), "",
		}
		for i, want := range row.answers {
			t.Run(fmt.Sprintf("%s %d", row.route, i), func(t *testing.T) {
				a := g.do(roleRequest(g, row.route, callers[i], notifications))
				if got := mayAsk(a); got != want {
					t.Errorf("%d %s, want %s", a.status, a.raw, want)
				}
			})
		}
	}
	for route := range missing {
		t.Errorf("the page does not have %s", route)
	}
}

// mayAsk is an answer in the words of the page. A request that is not well formed says nothing
// of roles.
func mayAsk(a answer) string {
	hidden := a.status == http.StatusNotFound && strings.HasPrefix(a.text("error.message"), "there is no ")
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusBadRequest, http.StatusInternalServerError:
		return fmt.Sprint(a.status)
	}
	if hidden {
		return "404"
	}
	return "yes"
}

// roleRequest asks for something of cust-1's that is there, well formed. What its state refuses
// is an answer to somebody who may ask.
func roleRequest(g *gateway, route, bearer string, notifications *pgxpool.Pool) request {
	method, path, _ := strings.Cut(route, " ")
	if before, after, found := strings.Cut(path, "{orderId}"); found {
		id := g.create("cust-1")
		if after == "/events" { // the stream of an order that is over ends
			g.setStatus(id, phase(v1alpha1.OrderCancelled))
		}
		path = before + id + after
	}
	path = strings.Replace(path, "{productId}", "prod-001", 1)
	if before, after, found := strings.Cut(path, "{basketId}"); found {
		path = before + roleBasket(g) + after
	}
	if before, found := strings.CutSuffix(path, "{notificationId}"); found {
		path = before + g.tells(notifications, g.create("cust-1"))
	}
	r := request{method: method, path: path, token: bearer, header: []string{"Idempotency-Key", uuid.NewString()}}
	switch route {
	case "GET /api/orders", "GET /api/baskets":
		r.path += "?customerId=cust-1"
	case "GET /api/notifications":
		r.path += "?orderId=" + g.create("cust-1")
	case "POST /api/orders":
		r.body = orderBody("cust-1")
	case "POST /api/baskets", "PUT /api/baskets/{basketId}":
		r.body = `{"customerId":"cust-1","items":[{"productId":"prod-001","quantity":1}]}`
		if method == http.MethodPut {
			r.body = `{"items":[{"productId":"prod-001","quantity":1}]}`
		}
	case "PUT /api/inventory/{productId}/stock":
		r.body = `{"delta":1}`
	case "POST /api/orders/{orderId}/return", "PUT /api/orders/{orderId}/return/reject":
		r.body = `{"reason":"it does not fit"}`
	}
	return r
}

// roleBasket makes a basket of cust-1's.
func roleBasket(g *gateway) string {
	g.t.Helper()
	a := g.do(request{
		method: http.MethodPost, path: "/api/baskets", token: g.token("cust-1"), header: []string{"Idempotency-Key", uuid.NewString()},
		body: `{"items":[{"productId":"prod-001","quantity":1}]}`,
	})
	id := a.text("basketId")
	if id == "" {
		g.t.Fatalf("basket: %d %s", a.status, a.raw)
	}
	return id
}
