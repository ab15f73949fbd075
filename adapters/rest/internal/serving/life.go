// Package serving runs HTTP servers and ends them without a failed request.
//
// The end has three steps. First the server is leaving: it says that it is not
// ready, goes on listening and serves all that comes, since whoever sends requests
// here notices late. Each answer asks its client to connect anew the next time.
// After a delay it drains: it takes no connection any more, streams end, and
// requests in flight are finished. The admin server ends last, so that the drain
// can be watched.
package serving

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

// Config says how long the steps of the end take.
type Config struct {
	// Delay is how long it goes on listening after it said that it leaves; 0 is not at all.
	Delay time.Duration
	// Drain is how long requests in flight may take after that.
	Drain time.Duration
	// Clock is for the delay.
	Clock clock.Clock
	Log   logr.Logger
}

// Life is that of the servers of a process, once. Make one with New.
type Life struct {
	cfg      Config
	leaving  chan struct{}
	draining chan struct{}
}

// New returns a life that has not begun to end.
func New(cfg Config) *Life {
	return &Life{cfg: cfg, leaving: make(chan struct{}), draining: make(chan struct{})}
}

// IsLeaving says whether the end has begun, so that it should get no new clients.
func (l *Life) IsLeaving() bool {
	select {
	case <-l.leaving:
		return true
	default:
		return false
	}
}

// Draining is closed when what takes long, such as a stream, has to end by itself.
func (l *Life) Draining() <-chan struct{} { return l.draining }

// Servers are what a life runs.
type Servers struct {
	// API serves clients on Listener.
	API      *http.Server
	Listener net.Listener
	// Admin serves operators on AdminListener; nil when API does it.
	Admin         *http.Server
	AdminListener net.Listener
}

// Run serves until ctx ends and the servers have drained. An error on failed ends it
// at once, as does a server that can't go on.
func (l *Life) Run(ctx context.Context, s Servers, failed <-chan error) error {
	s.API.Handler = l.asksToReconnect(s.API.Handler)
	broken := make(chan error, 2)
	go serve(s.API, s.Listener, broken)
	if s.Admin != nil {
		go serve(s.Admin, s.AdminListener, broken)
	}
	err := l.wait(ctx, nil, failed, broken)
	if err == nil {
		err = l.leave(ctx, failed, broken)
	}
	if err != nil {
		s.close()
		return err
	}
	return l.drain(ctx, s)
}

func serve(server *http.Server, listener net.Listener, broken chan<- error) {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		broken <- fmt.Errorf("serve HTTP on %s: %w", listener.Addr(), err)
	}
}

// leave tells everybody that the end has begun, and serves on for the delay.
func (l *Life) leave(ctx context.Context, failed, broken <-chan error) error {
	close(l.leaving)
	if l.cfg.Delay <= 0 {
		return nil
	}
	l.cfg.Log.Info("gateway is not ready any more and serves on", "delay", l.cfg.Delay.String())
	return l.wait(context.WithoutCancel(ctx), l.cfg.Clock.After(l.cfg.Delay), failed, broken)
}

func (l *Life) wait(ctx context.Context, over <-chan time.Time, failed, broken <-chan error) error {
	select {
	case err := <-failed:
		return err
	case err := <-broken:
		return err
	case <-over:
	case <-ctx.Done():
	}
	return nil
}

// drain stops listening and waits for the requests in flight.
func (l *Life) drain(ctx context.Context, s Servers) error {
	l.cfg.Log.Info("gateway is draining", "timeout", l.cfg.Drain.String())
	close(l.draining)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.cfg.Drain)
	defer cancel()
	defer s.close()
	if err := s.API.Shutdown(ctx); err != nil {
		return fmt.Errorf("drain requests: %w", err)
	}
	return nil
}

func (s Servers) close() {
	_ = s.API.Close()
	if s.Admin != nil {
		_ = s.Admin.Close()
	}
}

// asksToReconnect has clients of kept connections look for another server once this
// one leaves: a connection that is idle when the drain starts is cut.
func (l *Life) asksToReconnect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.IsLeaving() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
