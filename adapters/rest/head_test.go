package rest_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// HEAD is answered as GET is, without its content (RFC 9110, 9.3.2).
func TestHeadAnswersAsGetDoes(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	g.item("prod-001", 10)
	id := g.create("cust-1")
	order := "/api/orders/" + id
	g.eventually("a list has the order", func() bool { return g.total() == 1 })
	mine := g.token("cust-1")
	for _, tc := range []struct {
		path, token string
		status      int
	}{
		{order, mine, 200},
		{order, g.token("cust-2"), 404},
		{order, "", 401},
		{order + "/return", mine, 404},
		{order + "/events/", mine, 404},
		{"/api/orders", mine, 200},
		{"/api/orders?page=x", mine, 400},
		{"/api/inventory/prod-001", mine, 200},
		{"/v3/api-docs", "", 200},
	} {
		got := g.do(request{method: http.MethodHead, path: tc.path, token: tc.token})
		want := g.do(request{path: tc.path, token: tc.token})
		for _, a := range []answer{got, want} {
			a.header.Del("X-Trace-Id")
			a.header.Del("Date")
			if tc.status != http.StatusOK {
				a.header.Del("Content-Length") // an error has its time in it, with as many digits as need be
			}
		}
		if got.status != tc.status || want.status != tc.status {
			t.Errorf("%s: HEAD is %d, GET %d, want %d", tc.path, got.status, want.status, tc.status)
		}
		if diff := cmp.Diff(want.header, got.header); diff != "" || got.raw != "" {
			t.Errorf("%s: HEAD has the content %q and other headers (-GET +HEAD):\n%s", tc.path, got.raw, diff)
		}
	}
	noGet := g.do(request{method: http.MethodHead, path: order + "/fulfill", token: mine})
	if noGet.status != http.StatusMethodNotAllowed || noGet.header.Get("Allow") != http.MethodPost {
		t.Errorf("where there is no GET: %d, Allow %q", noGet.status, noGet.header.Get("Allow"))
	}
}

// A stream has a head, too. Whoever asks for that alone holds no stream open.
func TestHeadOfAStreamIsNoStream(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	path := "/api/orders/" + g.create("cust-1") + "/events"
	for range g.cfg.EventStreamsPerClient + 1 {
		a := g.do(request{method: http.MethodHead, path: path, token: g.token("cust-1")})
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "text/event-stream" || a.raw != "" {
			t.Fatalf("%d %v %q", a.status, a.header, a.raw)
		}
	}
	if a := g.do(request{method: http.MethodHead, path: path, token: g.token("cust-2")}); a.status != http.StatusNotFound {
		t.Errorf("somebody else's: %d", a.status)
	}
}
