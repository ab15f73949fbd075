package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/order"
	"github.com/orderplane/orderplane/controllers/stock"
	"github.com/orderplane/orderplane/internal/health"
)

// leaseName is the lease the managers of an installation compete for.
const leaseName = "orderplane-manager"

// shutdownTimeout is how long controllers may take to end what they are at.
const shutdownTimeout = 10 * time.Second

// managerOptions configure the manager.
type managerOptions struct {
	role roleFlags

	namespaces    []string
	bindAddress   string
	httpPort      int
	metrics       string
	metricsSecure bool
	election      electionOptions
}

type electionOptions struct {
	enabled       bool
	namespace     string
	leaseDuration time.Duration
	renewDeadline time.Duration
	retryPeriod   time.Duration
}

func (o *managerOptions) register(flags *pflag.FlagSet) {
	o.role.register(flags)
	flags.StringSliceVar(&o.namespaces, "namespaces", nil, "namespaces to watch; all when empty")
	flags.StringVar(&o.bindAddress, "bind-address", "", "address to serve health on; every one when empty")
	flags.IntVar(&o.httpPort, "http-port", 8081, "port of /health, /healthz and /readyz")
	flags.StringVar(&o.metrics, "metrics-bind-address", "0", "address to serve /metrics on, such as :8443; 0 for not at all")
	flags.BoolVar(&o.metricsSecure, "metrics-secure", true, "serve metrics over HTTPS, to whom the API server lets read them")
	flags.BoolVar(&o.election.enabled, "leader-elect", true, "let one of several managers lead")
	flags.StringVar(&o.election.namespace, "leader-election-namespace", "", "namespace of the lease; the pod's own when empty")
	flags.DurationVar(&o.election.leaseDuration, "leader-election-lease-duration", 15*time.Second, "how long a silent leader stays leader")
	flags.DurationVar(&o.election.renewDeadline, "leader-election-renew-deadline", 10*time.Second, "how long a leader tries to renew before it gives up")
	flags.DurationVar(&o.election.retryPeriod, "leader-election-retry-period", 2*time.Second, "how often the lease is renewed or tried for")
	fromEnvironment(flags, "namespaces", "ORDERS_NAMESPACE")
	fromEnvironment(flags, "bind-address", "BIND_ADDRESS")
	fromEnvironment(flags, "http-port", "HTTP_PORT")
	fromEnvironment(flags, "metrics-bind-address", "METRICS_BIND_ADDRESS")
	fromEnvironment(flags, "leader-election-namespace", "POD_NAMESPACE")
}

// Validate refuses what can't work.
func (o *managerOptions) Validate() error {
	var errs []error
	if o.httpPort < 0 || o.httpPort > 65535 {
		errs = append(errs, fmt.Errorf("--http-port: %d is no port; use 0 (any free one) to 65535", o.httpPort))
	}
	e := o.election
	if e.enabled && (e.retryPeriod <= 0 || e.renewDeadline <= e.retryPeriod || e.leaseDuration <= e.renewDeadline) {
		errs = append(errs, fmt.Errorf("--leader-election-*: lease duration %s must be above renew deadline %s, and that above retry period %s",
			e.leaseDuration, e.renewDeadline, e.retryPeriod))
	}
	return errors.Join(errs...)
}

func newManagerCommand() *cobra.Command {
	var o managerOptions
	cmd := &cobra.Command{
		Use:   "manager",
		Short: "Run the controllers: orders and stock",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			return runManager(cmd.Context(), &o)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func runManager(ctx context.Context, o *managerOptions) error {
	log := o.role.logger()
	cfg, err := clusterConfig("manager")
	if err != nil {
		return err
	}
	mgr, err := newManager(cfg, o)
	if err != nil {
		return err
	}
	if err := order.SetupWithManager(mgr, order.Options{}); err != nil {
		return err
	}
	if err := stock.SetupWithManager(mgr, stock.Options{}); err != nil {
		return err
	}
	if err := warmCache(ctx, mgr); err != nil {
		return err
	}
	if err := serveHealth(ctx, mgr, cfg, o); err != nil {
		return err
	}
	log.Info("manager starts", "version", version(), "namespaces", o.namespaces)
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("manager: %w", err)
	}
	return nil
}

func newManager(cfg *rest.Config, o *managerOptions) (ctrl.Manager, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	stopWithin := shutdownTimeout
	opts := ctrl.Options{
		Scheme: scheme,
		Cache: cache.Options{
			DefaultTransform:  cache.TransformStripManagedFields(),
			DefaultNamespaces: namespaceConfigs(o.namespaces),
		},
		Metrics:                       metricsserver.Options{BindAddress: o.metrics, SecureServing: o.metricsSecure},
		HealthProbeBindAddress:        "0", // health is served together with /health
		PprofBindAddress:              o.role.pprof,
		GracefulShutdownTimeout:       &stopWithin,
		LeaderElection:                o.election.enabled,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       o.election.namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &o.election.leaseDuration,
		RenewDeadline:                 &o.election.renewDeadline,
		RetryPeriod:                   &o.election.retryPeriod,
	}
	if o.metricsSecure {
		opts.Metrics.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	mgr, err := ctrl.NewManager(cfg, opts)
	if err != nil {
		return nil, fmt.Errorf("manager: %w", err)
	}
	return mgr, nil
}

// namespaceConfigs restricts the cache; nil, for every namespace, when none is named.
func namespaceConfigs(namespaces []string) map[string]cache.Config {
	if len(namespaces) == 0 {
		return nil
	}
	configs := make(map[string]cache.Config, len(namespaces))
	for _, ns := range namespaces {
		configs[ns] = cache.Config{}
	}
	return configs
}

// warmCache has a standby read the cluster already, so that it needs no second
// of its own when it comes to lead.
func warmCache(ctx context.Context, mgr ctrl.Manager) error {
	for _, kind := range []client.Object{
		&v1alpha1.Order{}, &v1alpha1.OrderClass{},
		&v1alpha1.StockReservation{}, &v1alpha1.StockItem{}, &v1alpha1.StockAdjustment{},
	} {
		if _, err := mgr.GetCache().GetInformer(ctx, kind, cache.BlockUntilSynced(false)); err != nil {
			return fmt.Errorf("manager: watch %T: %w", kind, err)
		}
	}
	return nil
}

// serveHealth adds /health, /healthz and /readyz to the manager. They are served
// by standbys too.
func serveHealth(ctx context.Context, mgr ctrl.Manager, cfg *rest.Config, o *managerOptions) error {
	listener, err := listen(ctx, "--http-port", net.JoinHostPort(o.bindAddress, strconv.Itoa(o.httpPort)))
	if err != nil {
		return err
	}
	synced := make(chan struct{})
	if err := mgr.Add(afterSync{cache: mgr.GetCache(), synced: synced}); err != nil {
		return fmt.Errorf("manager: %w", err)
	}
	reachable, err := reachability(cfg)
	if err != nil {
		return err
	}
	ready := map[string]health.Check{"cache": closed(synced, "synced", "reading the cluster")}
	whole := map[string]health.Check{
		"cache":           ready["cache"],
		"kubernetes":      reachable,
		health.Leadership: leadership(mgr.Elected()),
	}
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", health.Handler(nil))
	mux.Handle("GET /readyz", health.Handler(ready))
	mux.Handle("GET /health", health.Handler(whole))
	stopWithin := time.Second
	err = mgr.Add(&manager.Server{Name: "health", Server: httpServer(mux), Listener: listener, ShutdownTimeout: &stopWithin})
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

func closed(done <-chan struct{}, yes, no string) health.Check {
	return func(context.Context) (string, error) {
		select {
		case <-done:
			return yes, nil
		default:
			return "", errors.New(no)
		}
	}
}

func leadership(elected <-chan struct{}) health.Check {
	return func(context.Context) (string, error) {
		select {
		case <-elected:
			return health.Leader, nil
		default:
			return health.Standby, nil
		}
	}
}

func reachability(cfg *rest.Config) (health.Check, error) {
	client, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("manager: %w", err)
	}
	return func(ctx context.Context) (string, error) {
		if _, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
			return "", fmt.Errorf("ask the API server: %w", err)
		}
		return "", nil
	}, nil
}
