package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// Closed is a check that says yes once a channel is closed, and fails with no until then.
func Closed(done <-chan struct{}, yes, no string) Check {
	return func(context.Context) (string, error) {
		select {
		case <-done:
			return yes, nil
		default:
			return "", errors.New(no)
		}
	}
}

// Leads is a check that says Leader or Standby. Both are well.
func Leads(leader func() bool) Check {
	return func(context.Context) (string, error) {
		if leader() {
			return Leader, nil
		}
		return Standby, nil
	}
}

// Reachable is a check that asks an API server whether it is ready.
func Reachable(cfg *rest.Config) (Check, error) {
	client, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("make the health probe: %w", err)
	}
	return func(ctx context.Context) (string, error) {
		if _, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
			return "", fmt.Errorf("ask the API server: %w", err)
		}
		return "", nil
	}, nil
}

// Server has the time-outs that keep a slow client from holding a connection.
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    1 << 16,
	}
}

// stopWithin is how long health may take to answer its last request.
const stopWithin = time.Second

// Serve answers on a listener, which it closes, until ctx is over.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := Server(handler)
	stopped := context.AfterFunc(ctx, func() {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		if err := server.Shutdown(within); err != nil {
			_ = server.Close()
		}
	})
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve health: %w", err)
	}
	return nil
}
