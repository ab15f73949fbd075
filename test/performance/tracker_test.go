package performance

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// An API server that ends a watch after each few events: the tracker goes on from the
// last one it saw, and gives up when nothing comes any more.
func TestAWatchThatEndsIsTakenUpAgain(t *testing.T) {
	more := make(chan struct{})
	streams := map[string][]string{"7": {"a 8", "b 9"}, "9": {"c 12"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "" {
			_, _ = fmt.Fprint(w, `{"metadata":{"resourceVersion":"7"}}`)
			return
		}
		w.(http.Flusher).Flush() //nolint:forcetypeassert // net/http's is one
		<-more
		for _, e := range streams[r.URL.Query().Get("resourceVersion")] {
			var name, version string
			_, _ = fmt.Sscan(e, &name, &version)
			_, _ = fmt.Fprintf(w, `{"type":"ADDED","object":{"metadata":{"name":%q,"resourceVersion":%q},"status":{"phase":"Confirmed"}}}`+"\n", name, version)
		}
	}))
	defer server.Close()
	c := &client{http: server.Client(), base: server.URL}

	track, err := watchOrders(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	a, b, last, never := track.expect("a"), track.expect("b"), track.expect("c"), track.expect("d")
	close(more)
	for name, result := range map[string]<-chan decided{"a": a, "b": b, "c": last} {
		if d := <-result; d.err != nil || d.phase != v1alpha1.OrderConfirmed {
			t.Errorf("order %s: %+v", name, d)
		}
	}
	if d := <-never; d.err == nil {
		t.Errorf("an order nothing was heard of: %+v", d)
	}
}
