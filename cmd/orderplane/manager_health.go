package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/orderplane/orderplane/internal/kube/health"
)

// healthyManager keeps the readiness checks that are added to a manager, so that
// they are served together with /health, on one port.
type healthyManager struct {
	ctrl.Manager
	ready map[string]health.Check
}

// AddReadyzCheck keeps a check for /readyz and /health. The checks of
// controller-runtime look at a request; ours ask nothing of it but its context.
func (m *healthyManager) AddReadyzCheck(name string, check healthz.Checker) error {
	m.ready[name] = func(ctx context.Context) (string, error) {
		return "", check((&http.Request{}).WithContext(ctx))
	}
	return nil
}

// serveHealth adds /health, /healthz and /readyz to the manager. They are served
// by standbys too.
func serveHealth(ctx context.Context, mgr *healthyManager, cfg *rest.Config, o *managerOptions) error {
	synced := make(chan struct{})
	if err := mgr.Add(afterSync{cache: mgr.GetCache(), synced: synced}); err != nil {
		return fmt.Errorf("manager: %w", err)
	}
	reachable, err := health.Reachable(cfg)
	if err != nil {
		return fmt.Errorf("manager: %w", err)
	}
	mgr.ready["cache"] = health.Closed(synced, "synced", "reading the cluster")
	whole := maps.Clone(mgr.ready)
	whole["kubernetes"] = reachable
	whole[health.Leadership] = health.Leads(leads(mgr.Elected()))
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", health.Handler(nil))
	mux.Handle("GET /readyz", health.Handler(mgr.ready))
	mux.Handle("GET /health", health.Handler(whole))
	if err := serveOn(ctx, mgr, mux, listener{"--http-port", o.bindAddress, o.httpPort}); err != nil {
		return err
	}
	if o.inventoryPort == 0 {
		return nil
	}
	return serveOn(ctx, mgr, mux, listener{"--inventory-port", o.bindAddress, o.inventoryPort})
}

// listener is where something is served, and the flag that says so.
type listener struct {
	flag, host string
	port       int
}

// serveOn adds an HTTP server to a manager, its port already open.
func serveOn(ctx context.Context, mgr ctrl.Manager, handler http.Handler, at listener) error {
	open, err := listen(ctx, at.flag, net.JoinHostPort(at.host, strconv.Itoa(at.port)))
	if err != nil {
		return err
	}
	stopWithin := time.Second
	err = mgr.Add(&manager.Server{Name: "health", Server: health.Server(handler), Listener: open, ShutdownTimeout: &stopWithin})
	if err != nil {
		return fmt.Errorf("manager: %w", err)
	}
	return nil
}

// afterSync closes a channel once the cache holds the cluster.
type afterSync struct {
	cache  cache.Cache
	synced chan<- struct{}
}

func (a afterSync) Start(ctx context.Context) error {
	if a.cache.WaitForCacheSync(ctx) {
		close(a.synced)
	}
	return nil
}

// NeedLeaderElection is false: a standby keeps its cache warm.
func (afterSync) NeedLeaderElection() bool { return false }

// leads reports whether this process was elected.
func leads(elected <-chan struct{}) func() bool {
	return func() bool {
		select {
		case <-elected:
			return true
		default:
			return false
		}
	}
}
