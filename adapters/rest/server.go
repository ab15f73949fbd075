package rest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/cors"
	"k8s.io/client-go/discovery"
	kube "k8s.io/client-go/rest"

	"github.com/orderplane/orderplane/api/openapi"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
	"github.com/orderplane/orderplane/internal/token"
)

// Time-outs of the HTTP server against clients that dawdle. Commands wait longer
// than any read, and have WriteTimeout to do it in.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// Metrics is a registry: what the gateway counts goes in, /actuator/metrics shows
// everything in it.
type Metrics interface {
	prometheus.Registerer
	prometheus.Gatherer
}

// Deps are what the gateway needs from the outside.
type Deps struct {
	// Kube is access to the API server. The account may get, list and watch
	// orders, stock items and stock adjustments, create and patch orders, and
	// create stock adjustments; it needs no status. With get, list and watch of
	// order classes it fills in new orders itself, else admission does.
	Kube *kube.Config
	// Log gets one line per request that failed here, and the life of the server.
	Log logr.Logger
	// Metrics is where the gateway's metrics go.
	Metrics Metrics
	// Now is the clock.
	Now func() time.Time
	// NewID returns n random bytes in lower-case hex, for trace ids.
	NewID func(n int) string
	// Limiter limits requests; one in memory of this process when nil.
	Limiter Limiter
	// Orders is ops_orders and Inventory is ops_inventory, where a mirror serves the namespace.
	// Without Orders no order can be asked for, and all new ones are marked; without Inventory
	// there are no movements to show.
	Orders    orderdb.Querier
	Inventory stockdb.Querier
}

// Server is the gateway.
type Server struct {
	cfg      Config
	log      logr.Logger
	now      func() time.Time
	newID    func(n int) string
	cluster  *cluster
	archive  *archive
	ledger   ledger
	verifier *token.Verifier
	limiter  Limiter
	proxies  []netip.Prefix
	metrics  *metrics
	prober   *prober
	// databases are the probes of those that the gateway asks, by the component that shows them.
	databases map[string]*prober
	router    *router
	cors      *cors.Cors
	draining  atomic.Bool
	// stopKeys ends the refresh of a JWKS.
	stopKeys context.CancelFunc
}

// New returns a gateway that is not running yet.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("gateway configuration: %w", err)
	}
	doc, err := openapi.Load()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: deps.Log, now: deps.Now, newID: deps.NewID, limiter: deps.Limiter, cors: cfg.newCORS()}
	if s.limiter == nil && cfg.RateLimitPerMinute > 0 {
		s.limiter = NewLocalLimiter(cfg.RateLimitPerMinute, deps.Now)
	}
	if s.proxies, err = cfg.trustedProxies(); err != nil {
		return nil, err
	}
	if s.cluster, err = newCluster(deps.Kube, cfg, deps.Metrics); err != nil {
		return nil, err
	}
	if s.prober, err = newProber(deps); err != nil {
		return nil, err
	}
	if s.cluster.mirrored {
		s.archive, s.ledger = newArchive(deps.Orders, cfg.ArchiveTimeout), newLedger(deps.Inventory)
		s.databases = newDatabases(deps)
	}
	if s.metrics, err = newMetrics(deps.Metrics, s.breakers()); err != nil {
		return nil, err
	}
	if err := s.archive.register(deps.Metrics); err != nil {
		return nil, err
	}
	if s.router, err = s.newRouter(doc, deps.Metrics); err != nil {
		return nil, err
	}
	cfg.Token.Log = deps.Log
	keys, stop := context.WithCancel(context.Background())
	if s.verifier, err = token.NewVerifier(keys, cfg.Token, deps.Now); err != nil {
		stop()
		return nil, fmt.Errorf("JWT_PUBLIC_KEY, JWT_JWKS_URL: %w", err)
	}
	s.stopKeys = stop
	if err := registerTokenKeys(deps.Metrics, s.verifier); err != nil {
		stop()
		return nil, err
	}
	return s, nil
}

func newProber(deps Deps) (*prober, error) {
	found, err := discovery.NewDiscoveryClientForConfig(deps.Kube)
	if err != nil {
		return nil, fmt.Errorf("make the health probe: %w", err)
	}
	ask := func(ctx context.Context) error {
		return found.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	}
	return &prober{ask: ask, now: deps.Now}, nil
}

// breakers are all there are.
func (s *Server) breakers() []*breaker {
	all := s.cluster.breakers()
	if s.archive != nil {
		all = append(all, s.archive.asking, s.ledger.reading)
	}
	return all
}

// Run serves until ctx ends, then lets the requests in flight finish. It listens
// first and reads the cluster meanwhile, so that health can say so.
func (s *Server) Run(ctx context.Context) error {
	listener, err := s.listen(ctx)
	if err != nil {
		return err
	}
	return s.Serve(ctx, listener)
}

func (s *Server) listen(ctx context.Context) (net.Listener, error) {
	address := net.JoinHostPort(s.cfg.BindAddress, strconv.Itoa(s.cfg.Port))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (HTTP_PORT): %w", address, err)
	}
	return listener, nil
}

// Serve is Run on a listener of the caller's, which it closes.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	defer s.stopKeys()
	// The cache outlives ctx until the last request is answered.
	reads, stopReads := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReads()
	failed := make(chan error, 2)
	go func() {
		if err := s.cluster.start(reads); err != nil {
			failed <- err
		}
	}()
	for _, database := range s.databases {
		go func() { _ = database.probe(reads) }() // connects before the first order asks
	}
	server := s.httpServer()
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve HTTP: %w", err)
		}
	}()
	s.log.Info("gateway is listening", "address", listener.Addr().String(), "namespace", s.cfg.Namespace)
	select {
	case err := <-failed:
		_ = server.Close()
		return err
	case <-ctx.Done():
		return s.drain(ctx, server)
	}
}

func (s *Server) httpServer() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
}

// drain stops listening and waits for the requests in flight.
func (s *Server) drain(ctx context.Context, server *http.Server) error {
	s.draining.Store(true)
	s.log.Info("gateway is draining", "timeout", s.cfg.DrainTimeout.String())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close()
		return fmt.Errorf("drain requests: %w", err)
	}
	return nil
}
