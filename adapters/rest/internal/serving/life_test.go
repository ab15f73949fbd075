package serving_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/orderplane/orderplane/adapters/rest/internal/serving"
)

const delay = 5 * time.Second

// running is a life whose servers run.
type running struct {
	t          *testing.T
	life       *serving.Life
	clock      *clocktesting.FakeClock
	api, admin string
	end        context.CancelFunc
	failed     chan error
	done       chan error
}

// run serves a handler and an admin server until the test is over.
func run(t *testing.T, cfg serving.Config, handler func(*serving.Life) http.HandlerFunc) *running {
	t.Helper()
	r := &running{t: t, clock: clocktesting.NewFakeClock(time.Unix(0, 0)), failed: make(chan error, 1), done: make(chan error, 1)}
	cfg.Clock, cfg.Log = r.clock, logr.Discard()
	r.life = serving.New(cfg)
	api, admin := listen(t), listen(t)
	r.api, r.admin = "http://"+api.Addr().String(), "http://"+admin.Addr().String()
	servers := serving.Servers{
		API: &http.Server{Handler: handler(r.life)}, Listener: api,
		Admin: &http.Server{Handler: http.HandlerFunc(ok)}, AdminListener: admin,
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.end = cancel
	go func() {
		r.done <- r.life.Run(ctx, servers, r.failed)
		close(r.done)
	}()
	t.Cleanup(func() {
		r.failed <- errors.New("the test is over")
		for range r.done { // until it is closed
		}
	})
	return r
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }

func always(h http.HandlerFunc) func(*serving.Life) http.HandlerFunc {
	return func(*serving.Life) http.HandlerFunc { return h }
}

// get asks on a connection of its own, and says whether the answer closes it.
func get(url string) (closes bool, err error) {
	client := http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	response, err := client.Get(url)
	if err != nil {
		return false, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return response.Close, err
}

func (r *running) eventually(what string, holds func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			r.t.Fatalf("waited in vain until %s", what)
		case <-ticker.C:
		}
	}
}

func (r *running) result() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(20 * time.Second):
		r.t.Fatal("it does not end")
		return nil
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestItServesOnWhileItLeaves(t *testing.T) {
	t.Parallel()
	r := run(t, serving.Config{Delay: delay, Drain: time.Minute}, always(ok))
	if closes, err := get(r.api); err != nil || closes {
		t.Fatalf("before the end: %v, closes %t", err, closes)
	}
	r.end()
	r.eventually("it waits out the delay", r.clock.HasWaiters)
	if !r.life.IsLeaving() || isClosed(r.life.Draining()) {
		t.Errorf("leaving %t, draining %t", r.life.IsLeaving(), isClosed(r.life.Draining()))
	}
	r.clock.Step(delay - time.Nanosecond)
	for range 3 {
		closes, err := get(r.api)
		if err != nil {
			t.Fatalf("a request of a new connection, within the delay: %v", err)
		}
		if !closes {
			t.Error("the client is not told to connect anew")
		}
	}
	r.clock.Step(time.Nanosecond)
	if err := r.result(); err != nil {
		t.Errorf("run: %v", err)
	}
	if _, err := get(r.api); err == nil {
		t.Error("it listens after its end")
	}
}

func TestRequestsInFlightAreFinishedAndStreamsEnd(t *testing.T) {
	t.Parallel()
	started, finish := make(chan struct{}, 2), make(chan struct{})
	r := run(t, serving.Config{Drain: time.Minute}, func(life *serving.Life) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			started <- struct{}{}
			wait := (<-chan struct{})(finish)
			if r.URL.Path == "/stream" {
				wait = life.Draining()
			}
			<-wait
			ok(w, r)
		}
	})
	answers := make(chan error, 2)
	for _, path := range []string{"/stream", "/slow"} {
		go func() {
			_, err := get(r.api + path)
			answers <- err
		}()
		<-started
	}
	r.end()
	if err := <-answers; err != nil {
		t.Errorf("the stream: %v", err)
	}
	if _, err := get(r.admin); err != nil {
		t.Errorf("the admin server while requests are in flight: %v", err)
	}
	close(finish)
	if err := <-answers; err != nil {
		t.Errorf("the request in flight: %v", err)
	}
	if err := r.result(); err != nil {
		t.Errorf("run: %v", err)
	}
	if _, err := get(r.admin); err == nil {
		t.Error("the admin server outlives it")
	}
}

func TestADrainHasAnEnd(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	r := run(t, serving.Config{Drain: time.Millisecond}, always(func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	}))
	answer := make(chan error, 1)
	go func() {
		_, err := get(r.api)
		answer <- err
	}()
	<-started
	r.end()
	if err := r.result(); err == nil || !strings.Contains(err.Error(), "drain requests") {
		t.Errorf("run: %v, want that it could not drain", err)
	}
	if err := <-answer; err == nil {
		t.Error("a request that takes for ever was answered")
	}
}

func TestAFailureEndsItAtOnce(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	t.Run("while it serves", func(t *testing.T) {
		t.Parallel()
		r := run(t, serving.Config{Delay: delay, Drain: time.Minute}, always(ok))
		r.failed <- broken
		if err := r.result(); !errors.Is(err, broken) {
			t.Errorf("run: %v", err)
		}
		if _, err := get(r.admin); err == nil {
			t.Error("the admin server outlives it")
		}
	})
	t.Run("while it leaves", func(t *testing.T) {
		t.Parallel()
		r := run(t, serving.Config{Delay: delay, Drain: time.Minute}, always(ok))
		r.end()
		r.eventually("it waits out the delay", r.clock.HasWaiters)
		r.failed <- broken
		if err := r.result(); !errors.Is(err, broken) {
			t.Errorf("run: %v", err)
		}
	})
}
