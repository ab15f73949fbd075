package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/controllers/order"
	"github.com/orderplane/orderplane/controllers/stock"
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/kube/health"
	"github.com/orderplane/orderplane/internal/kube/kinds"
	"github.com/orderplane/orderplane/webhooks"
)

// leaseName is the lease the managers of an installation compete for.
const leaseName = "orderplane-manager"

// shutdownTimeout is how long controllers may take to end what they are at.
const shutdownTimeout = 10 * time.Second

// managerOptions configure the manager.
type managerOptions struct {
	component componentFlags

	namespaces    []string
	bindAddress   string
	httpPort      int
	inventoryPort int
	metrics       string
	metricsSecure bool
	// systemNamespace holds what is the manager's own: its lease, its certificate.
	systemNamespace string
	election        electionOptions
	webhooks        webhookOptions
	mirrored        mirror.Namespaces
}

type webhookOptions struct {
	port  int
	names []string
}

type electionOptions struct {
	enabled       bool
	leaseDuration time.Duration
	renewDeadline time.Duration
	retryPeriod   time.Duration
}

func (o *managerOptions) register(flags *pflag.FlagSet) {
	o.component.register(flags)
	flags.StringSliceVar(&o.namespaces, "namespaces", nil, "namespaces to watch; all when empty")
	flags.StringVar(&o.bindAddress, "bind-address", "", "address to serve health on; every one when empty")
	flags.IntVar(&o.httpPort, "http-port", 8081, "port of /health, /healthz and /readyz")
	flags.IntVar(&o.inventoryPort, "inventory-port", 8082, "further port of the same, for whoever looks for the inventory's health there; 0 for none")
	flags.StringVar(&o.metrics, "metrics-bind-address", "0", "address to serve /metrics on, such as :8443; 0 for not at all")
	flags.BoolVar(&o.metricsSecure, "metrics-secure", true, "serve metrics over HTTPS, to whom the API server lets read them")
	flags.BoolVar(&o.election.enabled, "leader-elect", true, "let one of several managers lead")
	flags.StringVar(&o.systemNamespace, "system-namespace", "ops-system", "namespace of the manager's own lease and certificate")
	flags.DurationVar(&o.election.leaseDuration, "leader-election-lease-duration", 15*time.Second, "how long a silent leader stays leader")
	flags.DurationVar(&o.election.renewDeadline, "leader-election-renew-deadline", 10*time.Second, "how long a leader tries to renew before it gives up")
	flags.DurationVar(&o.election.retryPeriod, "leader-election-retry-period", 2*time.Second, "how often the lease is renewed or tried for")
	flags.IntVar(&o.webhooks.port, "webhook-port", webhooks.DefaultPort, "port of the admission webhooks")
	flags.StringSliceVar(&o.webhooks.names, "webhook-names", nil, "names or addresses by which the API server calls the webhooks, besides their Service's")
	registerMirrored(flags, &o.mirrored)
	fromEnvironment(flags, "namespaces", "ORDERS_NAMESPACE")
	fromEnvironment(flags, "bind-address", "BIND_ADDRESS")
	fromEnvironment(flags, "http-port", "HTTP_PORT")
	fromEnvironment(flags, "inventory-port", "INVENTORY_PORT")
	fromEnvironment(flags, "metrics-bind-address", "METRICS_BIND_ADDRESS")
	fromEnvironment(flags, "system-namespace", "POD_NAMESPACE")
	fromEnvironment(flags, "webhook-port", "WEBHOOK_PORT")
}

// Validate refuses what can't work.
func (o *managerOptions) Validate() error {
	var errs []error
	if o.httpPort < 0 || o.httpPort > 65535 {
		errs = append(errs, fmt.Errorf("--http-port: %d is no port; use 0 (any free one) to 65535", o.httpPort))
	}
	if o.inventoryPort < 0 || o.inventoryPort > 65535 {
		errs = append(errs, fmt.Errorf("--inventory-port: %d is no port; use 0 (none) to 65535", o.inventoryPort))
	}
	if o.systemNamespace == "" {
		errs = append(errs, errors.New("--system-namespace: empty; name the namespace of the manager's lease and certificate"))
	}
	if err := o.mirrored.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("--mirrored-namespaces: %w", err))
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
	log := o.component.logger()
	defer holdHeapFloor()()
	if err := cachedclient.DisableWatchList(); err != nil {
		return err
	}
	cfg, err := clusterConfig("manager")
	if err != nil {
		return err
	}
	scheme, err := kinds.Scheme()
	if err != nil {
		return err
	}
	source, err := cachedclient.NewSource(cfg, scheme, metrics.Registry, o.namespaces...)
	if err != nil {
		return fmt.Errorf("manager: %w", err)
	}
	mgr, err := newManager(cfg, scheme, source.NewCache, o)
	if err != nil {
		return err
	}
	if err := addControllers(ctx, mgr, o); err != nil {
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

func addControllers(ctx context.Context, mgr ctrl.Manager, o *managerOptions) error {
	if err := order.SetupWithManager(mgr, order.Options{Mirrored: o.mirrored}); err != nil {
		return err
	}
	if err := stock.SetupWithManager(mgr, stock.Options{Mirrored: o.mirrored}); err != nil {
		return err
	}
	err := webhooks.SetupWithManager(mgr, webhooks.Options{
		Namespace: o.systemNamespace,
		Host:      o.bindAddress,
		Port:      o.webhooks.port,
		Names:     o.webhooks.names,
		Mirrored:  o.mirrored,
	})
	if err != nil {
		return err
	}
	return warmCache(ctx, mgr)
}

func newManager(cfg *rest.Config, scheme *runtime.Scheme, newCache cache.NewCacheFunc, o *managerOptions) (*healthyManager, error) {
	stopWithin := shutdownTimeout
	opts := ctrl.Options{
		Scheme:                        scheme,
		NewCache:                      newCache,
		Metrics:                       metricsserver.Options{BindAddress: o.metrics, SecureServing: o.metricsSecure},
		MapperProvider:                kinds.MapperOfCluster,
		HealthProbeBindAddress:        "0", // health is served together with /health
		PprofBindAddress:              o.component.pprof,
		GracefulShutdownTimeout:       &stopWithin,
		LeaderElection:                o.election.enabled,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       o.systemNamespace,
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
	return &healthyManager{Manager: mgr, ready: map[string]health.Check{}}, nil
}

// warmCache has a standby read the cluster already, so that it needs no second
// of its own when it comes to lead.
func warmCache(ctx context.Context, mgr ctrl.Manager) error {
	for _, kind := range []client.Object{
		&v1alpha1.Order{}, &v1alpha1.OrderClass{},
		&v1alpha1.StockReservation{}, &v1alpha1.StockItem{}, &v1alpha1.StockAdjustment{}, &v1alpha1.StockJournal{},
	} {
		if _, err := mgr.GetCache().GetInformer(ctx, kind, cache.BlockUntilSynced(false)); err != nil {
			return fmt.Errorf("manager: watch %T: %w", kind, err)
		}
	}
	return nil
}
