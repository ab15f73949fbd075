package health_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/orderplane/orderplane/internal/kube/health"
)

func TestClosedFailsUntilItIs(t *testing.T) {
	done := make(chan struct{})
	check := health.Closed(done, "synced", "reading")
	if _, err := check(t.Context()); err == nil || err.Error() != "reading" {
		t.Errorf("open: %v, want reading", err)
	}
	close(done)
	if detail, err := check(t.Context()); err != nil || detail != "synced" {
		t.Errorf("closed: %q, %v", detail, err)
	}
}

func TestAStandbyIsWell(t *testing.T) {
	leads := false
	check := health.Leads(func() bool { return leads })
	if detail, err := check(t.Context()); err != nil || detail != health.Standby {
		t.Errorf("standby: %q, %v", detail, err)
	}
	leads = true
	if detail, err := check(t.Context()); err != nil || detail != health.Leader {
		t.Errorf("leader: %q, %v", detail, err)
	}
}

func TestReachableAsksTheAPIServerWhetherItIsReady(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked %s", r.URL.Path)
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	check, err := health.Reachable(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := check(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	status = http.StatusInternalServerError
	if _, err := check(t.Context()); err == nil || !strings.Contains(err.Error(), "ask the API server") {
		t.Errorf("not ready: %v", err)
	}
}
