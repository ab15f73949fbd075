package rest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"
	"github.com/rs/cors"
	"k8s.io/client-go/discovery"
	kube "k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/rest/internal/serving"
	"github.com/orderplane/orderplane/adapters/rest/internal/shared"
	"github.com/orderplane/orderplane/api/openapi"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
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
	// Limiter limits requests; when nil, one by Redis or in memory of this process.
	Limiter Limiter
	// Orders is ops_orders, Inventory is ops_inventory and Notifications is ops_notifications, where
	// a mirror serves the namespace. Without Orders no order can be asked for, and all new ones are
	// marked; without the others there are no movements and no notifications to show.
	Orders        orderdb.Querier
	Inventory     stockdb.Querier
	Notifications notificationdb.Querier
	// Redis is what gateways share; nil without one. It need not be there.
	Redis *goredis.Client
	// Document is the OpenAPI document; loaded when nil. Gateways of one process may share it.
	Document *openapi.Document
}

func (d Deps) document() (*openapi.Document, error) {
	if d.Document != nil {
		return d.Document, nil
	}
	return openapi.LoadDocument()
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
	notices  notices
	help     *help
	answers  *shared.Answers
	verifier *token.Verifier
	limiter  Limiter
	proxies  []netip.Prefix
	metrics  *metrics
	streams  *streams
	waits    *waits
	prober   *prober
	// databases are the probes of those that the gateway asks, and of Redis, by the component that
	// shows them.
	databases map[string]*prober
	router    *router
	cors      *cors.Cors
	// life is that of the servers: whether they are wanted on, leaving or draining.
	life *serving.Life
	// admin serves operators on a port of their own; nil without ADMIN_PORT.
	admin http.Handler
	// stopKeys ends the refresh of a JWKS.
	stopKeys context.CancelFunc
}

// New returns a gateway that is not running yet.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("gateway configuration: %w", err)
	}
	doc, err := deps.document()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: deps.Log, now: deps.Now, newID: deps.NewID, cors: cfg.newCORS(), help: newHelp(cfg, deps)}
	s.life = serving.New(serving.Config{Delay: cfg.ShutdownDelay, Drain: cfg.DrainTimeout, Clock: clock.RealClock{}, Log: deps.Log})
	s.limiter, s.answers = newLimiter(cfg, deps, s.help.call), newAnswers(deps, s.help)
	if s.proxies, err = cfg.trustedProxies(); err != nil {
		return nil, err
	}
	if s.cluster, err = newCluster(deps.Kube, cfg, deps.Metrics, deps.Now); err != nil {
		return nil, err
	}
	s.cluster.levels = newLevels(deps, s.help, s.cluster)
	if s.prober, err = newProber(deps); err != nil {
		return nil, err
	}
	if s.cluster.mirrored {
		s.archive, s.ledger, s.notices = newArchive(deps.Orders, cfg.ArchiveTimeout), newLedger(deps.Inventory), newNotices(deps.Notifications)
		s.databases = newDatabases(deps)
	}
	s.probeRedis(deps.Redis)
	if s.metrics, err = newMetrics(deps.Metrics, s.breakers()); err != nil {
		return nil, err
	}
	if err := s.archive.register(deps.Metrics); err != nil {
		return nil, err
	}
	s.streams, s.waits = newStreams(cfg, deps.Log, s.cluster.orders, s.life.Draining()), newWaits(cfg.WaitingCreates)
	if err := errors.Join(s.streams.register(deps.Metrics), s.waits.register(deps.Metrics)); err != nil {
		return nil, fmt.Errorf("register the metrics of streams: %w", err)
	}
	if s.router, err = s.newRouter(doc, deps.Metrics); err != nil {
		return nil, err
	}
	if cfg.AdminPort != 0 {
		s.admin = s.newAdmin(deps.Metrics)
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
		all = append(all, s.archive.asking, s.ledger.reading, s.notices.reading)
	}
	if s.help != nil {
		all = append(all, s.help.asking)
	}
	return all
}

// Listeners are what a gateway serves on.
type Listeners struct {
	API net.Listener
	// Admin is for what operators ask; nil without ADMIN_PORT.
	Admin net.Listener
}

// Run serves until ctx ends. It then says that it is not ready, serves on for
// ShutdownDelay, and lets the requests in flight finish. It listens first and reads
// the cluster meanwhile, so that health can say so.
func (s *Server) Run(ctx context.Context) error {
	listener, err := s.listen(ctx, s.cfg.Port, "HTTP_PORT")
	if err != nil {
		return err
	}
	return s.Serve(ctx, listener)
}

func (s *Server) listen(ctx context.Context, port int, variable string) (net.Listener, error) {
	address := net.JoinHostPort(s.cfg.BindAddress, strconv.Itoa(port))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (%s): %w", address, variable, err)
	}
	return listener, nil
}

// Serve is Run on a listener of the caller's, which it closes.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	on := Listeners{API: listener}
	if s.admin != nil {
		var err error
		if on.Admin, err = s.listen(ctx, s.cfg.AdminPort, "ADMIN_PORT"); err != nil {
			_ = listener.Close()
			return err
		}
	}
	return s.ServeOn(ctx, on)
}

// ServeOn is Serve on listeners of the caller's.
func (s *Server) ServeOn(ctx context.Context, on Listeners) error {
	defer s.stopKeys()
	// The cache outlives ctx until the last request is answered.
	reads, stopReads := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReads()
	failed := make(chan error, 1)
	go func() {
		if err := s.cluster.start(reads); err != nil {
			failed <- err
		}
	}()
	for _, database := range s.databases {
		go func() { _ = database.probe(reads) }() // connects before the first order asks
	}
	servers := serving.Servers{API: httpServer(s), Listener: on.API}
	if s.admin != nil {
		servers.Admin, servers.AdminListener = httpServer(s.admin), on.Admin
		s.log.Info("gateway serves operators", "address", on.Admin.Addr().String())
	}
	s.log.Info("gateway is listening", "address", on.API.Addr().String(), "namespace", s.cfg.Namespace)
	return s.life.Run(ctx, servers, failed)
}

func httpServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
}
