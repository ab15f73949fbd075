package testenv

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/kube/kinds"
)

// stopsWithin is how long a manager that is asked to stop may take.
const stopsWithin = 20 * time.Second

// Setup adds something to a manager, such as a controller.
type Setup func(mgr ctrl.Manager) error

// ManagerOptions of a test's manager. The zero value is the usual one.
type ManagerOptions struct {
	// Namespace that it sees; every one when empty.
	Namespace string
	// Namespaces are further ones that it sees.
	Namespaces []string
	// Config says which API server it talks to, and as whom. The administrator at
	// the first API server when nil.
	Config *rest.Config
	// Wrap are transports around its client's; the last is the outermost.
	Wrap []func(http.RoundTripper) http.RoundTripper
	// Plug ends it the hard way when it is pulled. One of its own when nil.
	Plug *Plug
	// Logger of everything in it. The global one when unset.
	Logger logr.Logger
}

// Manager is a manager that runs, as cmd/orderplane would run it, with caches of
// package cachedclient and without leader election.
type Manager struct {
	ctrl.Manager

	plug   *Plug
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
}

// StartManager runs a manager until the test is over, or until it is stopped or killed.
func (e *Env) StartManager(t TB, o ManagerOptions, setups ...Setup) *Manager {
	t.Helper()
	m, err := e.newManager(o, setups)
	if err != nil {
		t.Fatalf("make a manager: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	go func() {
		defer close(m.ended)
		m.err = m.Start(ctx)
	}()
	go func() {
		select {
		case <-m.plug.Pulled():
			cancel()
		case <-m.ended:
		}
	}()
	go m.watchStopping(ctx)
	t.Cleanup(func() {
		if err := m.Stop(); err != nil && !m.plug.IsPulled() {
			t.Errorf("the manager ended with: %v", err)
		}
	})
	return m
}

func (e *Env) newManager(o ManagerOptions, setups []Setup) (*Manager, error) {
	if o.Config == nil {
		o.Config = e.Config
	}
	if o.Plug == nil {
		o.Plug = NewPlug()
	}
	cfg := rest.CopyConfig(o.Config)
	for _, wrap := range o.Wrap {
		cfg.Wrap(wrap)
	}
	cfg.Wrap(o.Plug.Wrap)
	namespaces := o.Namespaces
	if o.Namespace != "" {
		namespaces = append(slices.Clone(namespaces), o.Namespace)
	}
	source, err := cachedclient.NewSource(cfg, e.Scheme, metrics.Registry, namespaces...)
	if err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme: e.Scheme, MapperProvider: kinds.MapperOfCluster, Logger: o.Logger, NewCache: source.NewCache,
		Metrics: server.Options{BindAddress: "0"},
		// A test binary runs several controllers of a name.
		Controller:              config.Controller{SkipNameValidation: ptr.To(true)},
		GracefulShutdownTimeout: ptr.To(stopsWithin),
	})
	if err != nil {
		return nil, err
	}
	for _, setup := range setups {
		if err := setup(mgr); err != nil {
			return nil, err
		}
	}
	return &Manager{Manager: mgr, plug: o.Plug, ended: make(chan struct{})}, nil
}

// Stop ends it in an orderly way and returns how it ended. Once it has ended, it
// returns that again.
func (m *Manager) Stop() error {
	m.cancel()
	<-m.ended
	return m.err
}

// watchStopping tells what every goroutine does, when a manager that was stopped takes
// nearly as long as it may.
func (m *Manager) watchStopping(ctx context.Context) {
	<-ctx.Done()
	select {
	case <-m.ended:
	case <-time.After(stopsWithin / 2):
		fmt.Fprintf(os.Stderr, "a manager that was stopped %s ago still runs:\n", stopsWithin/2)
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
	}
}

// Kill ends it the hard way: nothing it asks for from now on arrives.
func (m *Manager) Kill() {
	m.plug.Pull()
	<-m.ended
}

// Ended is closed when nothing of it runs any more.
func (m *Manager) Ended() <-chan struct{} { return m.ended }
