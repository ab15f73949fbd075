package faults

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/controllers/order"
	"github.com/orderplane/orderplane/controllers/stock"
	"github.com/orderplane/orderplane/test/testenv"
)

// world is one namespace, the people in it and the managers that serve it.
type world struct {
	*WithT
	t    *testing.T
	ctx  context.Context
	env  *testenv.Env
	feed *feed
	k8s  client.Client
	ns   string
	book *book
	log  *logBook

	mu    sync.Mutex
	wires []*wire
}

// newWorld is a namespace on the shared control plane.
func newWorld(t *testing.T) *world { return newWorldOn(t, env, history) }

func newWorldOn(t *testing.T, e *testenv.Env, f *feed) *world {
	g := NewWithT(t)
	g.SetDefaultEventuallyTimeout(45 * time.Second)
	g.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	ns := e.Namespace(t)
	w := &world{WithT: g, t: t, ctx: t.Context(), env: e, feed: f, k8s: e.Client, ns: ns, book: f.book(ns), log: &logBook{}}
	t.Cleanup(func() {
		for _, p := range w.book.problems() {
			t.Errorf("not conserved: %s", p)
		}
		if t.Failed() {
			t.Logf("namespace %s, not settled: %q\nlog of the managers:\n%s", ns, w.book.unsettled(), w.log)
		}
	})
	return w
}

// logBook keeps what managers log until the test needs it.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) add(name, prefix, args string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.Len() < 1<<16 {
		fmt.Fprintf(&l.b, "%s %s %s %s\n", time.Now().Format("05.000"), name, prefix, args)
	}
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// process is a manager that can be ended the hard way.
type process struct {
	*testenv.Manager
	wire *wire
}

// settings of a manager. The zero value is the usual one.
type settings struct {
	wire *wire
	// cfg is the API server to talk to; the first when nil.
	cfg    *rest.Config
	orders bool
	clock  clock.WithTicker
	// holder names the process.
	holder   string
	maxBatch int
	audit    time.Duration
	// registry takes the metrics; one of its own when nil.
	registry *prometheus.Registry
}

// projectionInterval is short, so that tests need not wait for projections.
const projectionInterval = 50 * time.Millisecond

// start runs a manager for the namespace.
func (w *world) start(s settings) *process {
	w.t.Helper()
	if s.wire == nil {
		s.wire = newWire()
	}
	if s.clock == nil {
		s.clock = clock.RealClock{}
	}
	if s.holder == "" {
		s.holder = "manager"
	}
	if s.registry == nil {
		s.registry = prometheus.NewRegistry()
	}
	decide := func(mgr ctrl.Manager) error {
		return stock.SetupWithManager(mgr, stock.Options{
			Clock: s.clock, Holder: s.holder, MaxBatch: s.maxBatch, AuditInterval: s.audit,
			ProjectionInterval: projectionInterval, Registerer: s.registry,
		})
	}
	judge := func(mgr ctrl.Manager) error {
		if !s.orders {
			return nil
		}
		return order.SetupWithManager(mgr, order.Options{Clock: s.clock})
	}
	m := w.env.StartManager(w.t, testenv.ManagerOptions{
		Namespace: w.ns, Config: s.cfg, Wrap: []func(http.RoundTripper) http.RoundTripper{s.wire.wrap}, Plug: s.wire.Plug,
		Logger: funcr.New(func(prefix, args string) { w.log.add(s.holder, prefix, args) }, funcr.Options{}),
	}, decide, judge)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wires = append(w.wires, s.wire)
	return &process{m, s.wire}
}

func (w *world) allWires() []*wire {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.wires)
}
