package testenv

import (
	"io"
	"net/http"
	"strings"
	"sync"
)

// WatchGate is in the way of a client's watches of one resource, such as "orders":
// it holds back what they bring, or ends them. It is open at first.
type WatchGate struct {
	resource string

	mu      sync.Mutex
	open    chan struct{} // closed when nothing is held back
	ended   chan struct{}
	watches int
	bodies  []io.Closer // of the watches there are
}

// NewWatchGate makes a gate for the watches of a resource.
func NewWatchGate(resource string) *WatchGate {
	g := &WatchGate{resource: resource, open: make(chan struct{}), ended: make(chan struct{})}
	close(g.open)
	return g
}

// Wrap puts the gate into a client, for rest.Config.Wrap.
func (g *WatchGate) Wrap(next http.RoundTripper) http.RoundTripper {
	return RoundTripper(func(r *http.Request) (*http.Response, error) {
		answer, err := next.RoundTrip(r)
		if err == nil && r.URL.Query().Get("watch") != "" && strings.HasSuffix(r.URL.Path, "/"+g.resource) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.watches++
			answer.Body = &gatedBody{answer.Body, g.open, g.ended}
			g.bodies = append(g.bodies, answer.Body)
		}
		return answer, err
	})
}

// Hold has the watches that begin from now on wait until release is called, and ends
// those there are.
func (g *WatchGate) Hold() (release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.ended)
	g.ended = make(chan struct{})
	for _, b := range g.bodies {
		_ = b.Close() // wakes one that waits for the API server; one that has ended says so
	}
	g.bodies = nil
	open := make(chan struct{})
	g.open = open
	return sync.OnceFunc(func() { close(open) })
}

// Begun is how many watches there were.
func (g *WatchGate) Begun() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.watches
}

type gatedBody struct {
	io.ReadCloser
	open, ended chan struct{}
}

func (b *gatedBody) Read(p []byte) (int, error) {
	select {
	case <-b.open:
	case <-b.ended:
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p)
	select {
	case <-b.ended:
		return 0, io.EOF // whatever it was, it came after the end
	default:
		return n, err
	}
}
