package events_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/rest/internal/events"
)

// A server's write time-out cuts answers that take too long, and a stream takes as long as it likes.
func TestAStreamOutlivesTheTimeOutsOfItsServer(t *testing.T) {
	t.Parallel()
	const timeout = 200 * time.Millisecond
	config := events.Config{Heartbeat: 50 * time.Millisecond, Within: time.Minute, Clock: clock.RealClock{}}
	hub := events.NewHub()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watch := hub.Watch("ord-1")
		defer watch.Close()
		_, _ = config.Run(r.Context(), w, &events.Stream{Order: orderOf(wasCreated), Watch: watch, Until: time.Now().Add(time.Minute)})
	}))
	server.Config.WriteTimeout, server.Config.ReadTimeout = timeout, timeout
	server.Start()
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	began, lines := time.Now(), bufio.NewScanner(response.Body)
	for time.Since(began) < 3*timeout {
		if !lines.Scan() {
			t.Fatalf("the stream ended after %v: %v", time.Since(began), lines.Err())
		}
	}
}
