package rest_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/adapters/rest"
)

func TestOperatorsHaveAPortOfTheirOwn(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.cfg.AdminPort = 1 // the test brings its own listener
	operators := g.startWithAdmin()
	for path, want := range map[string]struct{ api, admin int }{
		"/actuator/health":           {200, 200},
		"/actuator/health/liveness":  {200, 200},
		"/actuator/health/readiness": {200, 200},
		"/actuator/circuitbreakers":  {404, 200},
		"/actuator/metrics":          {404, 200},
		"/v3/api-docs":               {200, 404},
	} {
		for _, at := range []struct {
			port string
			ask  *gateway
			want int
		}{{"the API's port", g, want.api}, {"the operators' port", operators, want.admin}} {
			a := at.ask.do(request{path: path})
			if a.status != at.want {
				t.Errorf("%s at %s = %d, want %d: %.200s", path, at.port, a.status, at.want, a.raw)
			}
			if at.want == http.StatusNotFound {
				a.wants(t, http.StatusNotFound, "NOT_FOUND")
			}
		}
	}
	if a := g.do(request{path: "/actuator/health"}); a.text("status") != "UP" || a.body["components"] != nil {
		t.Errorf("health at the API's port = %s, want the status alone", a.raw)
	}
	if a := operators.do(request{path: "/actuator/health"}); a.text("components.kubernetes.status") != "UP" {
		t.Errorf("health at the operators' port = %s, want each dependency", a.raw)
	}
	if a := operators.do(request{path: "/actuator/metrics"}); !strings.Contains(a.raw, `route="GET /v3/api-docs"`) {
		t.Errorf("no metric of the API at the operators' port: %s", a.raw)
	}
	orders, err := http.Get(operators.url + "/api/orders")
	must(t, err)
	_ = orders.Body.Close()
	if orders.StatusCode != http.StatusNotFound {
		t.Errorf("orders at the operators' port = %d, want 404", orders.StatusCode)
	}
	operators.do(request{method: http.MethodPost, path: "/actuator/metrics"}).wants(t, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
}

// startWithAdmin runs g, and returns it as it is seen at its operators' port.
func (g *gateway) startWithAdmin() *gateway {
	g.t.Helper()
	server, err := rest.New(g.cfg, rest.Deps{
		Kube: g.access, Log: logr.Discard(), Metrics: prometheus.NewRegistry(), Now: time.Now, NewID: randomHex,
	})
	must(g.t, err)
	var on rest.Listeners
	on.API, err = net.Listen("tcp", "127.0.0.1:0")
	must(g.t, err)
	on.Admin, err = net.Listen("tcp", "127.0.0.1:0")
	must(g.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.ServeOn(ctx, on) }()
	g.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			g.t.Errorf("serve: %v", err)
		}
	})
	operators := *g
	g.url, operators.url = "http://"+on.API.Addr().String(), "http://"+on.Admin.Addr().String()
	g.eventually("the gateway is ready", func() bool {
		return g.do(request{path: "/actuator/health/readiness"}).status == http.StatusOK
	})
	return &operators
}
