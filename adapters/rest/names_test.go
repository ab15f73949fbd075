package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

// What a client sends never counts as a database's failure: Postgres refuses a text with a NUL in
// it, or that is not UTF-8.
func TestWhatNoNameCanBeIsNotAskedFor(t *testing.T) {
	t.Parallel()
	g := startMirrored(t, testenv.Database(t, postgres.Orders), testenv.Database(t, postgres.Inventory))
	for _, name := range []string{"%00", "a%00", "%ff", "%C3", strings.Repeat("a", 1024), "A_B"} {
		for _, r := range []request{
			{path: "/api/orders/" + name},
			{path: "/api/orders/" + name + "/return"},
			{path: "/api/orders/" + name, method: http.MethodDelete},
			{path: "/api/orders/" + name + "/fulfill", method: http.MethodPost},
			{path: "/api/inventory/" + name + "/movements"},
		} {
			r.token = g.ops()
			g.do(r).wants(t, http.StatusNotFound, "NOT_FOUND")
		}
	}
	breakers := g.do(request{path: "/actuator/circuitbreakers"})
	for _, name := range []string{"postgres", "postgres-inventory"} {
		if got := breakers.text("circuitBreakers." + name + ".failedCalls"); got != "0" {
			t.Errorf("%s failed %s times: %s", name, got, breakers.raw)
		}
	}
}
