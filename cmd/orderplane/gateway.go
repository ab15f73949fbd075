package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/redis"
)

// redisConnections are those of a gateway: each request asks Redis.
const redisConnections = 64

// gatewayOptions configure the gateway.
type gatewayOptions struct {
	component componentFlags
	rest      rest.Config
	postgres  postgresFlags
	redis     redisFlags
}

func (o *gatewayOptions) register(flags *pflag.FlagSet) {
	o.component.register(flags)
	o.rest = rest.DefaultConfig()
	c := &o.rest
	flags.StringVar(&c.BindAddress, "bind-address", c.BindAddress, "address to listen on; every one when empty")
	flags.IntVar(&c.Port, "http-port", c.Port, "port of the REST API; 0 for any free one")
	flags.StringVar(&c.Namespace, "namespace", c.Namespace, "namespace of the orders and the stock")
	flags.StringVar(&c.Token.PublicKey, "jwt-public-key", "", "RSA key that verifies tokens: PEM, base64 DER or a file")
	flags.StringVar(&c.Token.JWKSURL, "jwt-jwks-url", "", "where a JSON Web Key Set that verifies tokens is fetched, instead of a key")
	flags.StringVar(&c.Token.Issuer, "jwt-issuer", "", "issuer that tokens must name, if any")
	flags.StringVar(&c.Token.Audience, "jwt-audience", "", "audience that tokens must name, if any")
	flags.StringVar(&c.Token.RolesClaim, "jwt-roles-claim", "", "claim that has the roles, such as resource_access.shop.roles; the usual claims when empty")
	flags.StringVar(&c.Token.RequiredType, "jwt-required-type", "", "type that tokens must name in their header typ, such as at+jwt; any when empty")
	flags.StringSliceVar(&c.Token.RequiredScopes, "jwt-required-scopes", nil, "scopes that a token must have, all of them; none when empty")
	flags.DurationVar(&c.Token.Leeway, "jwt-leeway", c.Token.Leeway, "how far clocks may differ, at most 1m")
	flags.IntVar(&c.RateLimitPerMinute, "rate-limit-per-minute", c.RateLimitPerMinute, "requests a client may send a minute; 0 for no limit")
	flags.StringSliceVar(&c.TrustedProxies, "trusted-proxies", nil, "addresses or prefixes of proxies whose X-Forwarded-For is believed")
	flags.StringSliceVar(&c.CORSAllowedOrigins, "cors-allowed-origins", nil, "origins whose pages may use the API in a browser, or * for all; none when empty")
	flags.BoolVar(&c.CORSAllowCredentials, "cors-allow-credentials", false, "let those pages send cookies and client certificates along")
	flags.IntVar(&c.BasketsPerCustomer, "baskets-per-customer", c.BasketsPerCustomer, "how many baskets that hold something a customer may have; 0 for none")
	flags.IntVar(&c.EventStreams, "event-streams", c.EventStreams, "how many event streams may be open at once")
	flags.IntVar(&c.EventStreamsPerClient, "event-streams-per-client", c.EventStreamsPerClient, "how many event streams one client may have open")
	flags.DurationVar(&c.EventHeartbeat, "event-heartbeat", c.EventHeartbeat, "how long nothing is sent on an event stream at most; shorter than the idle time-out of proxies")
	flags.IntVar(&c.WaitingCreates, "waiting-creates", c.WaitingCreates, "how many creates may wait for their decision at once, a tenth of them of one client; more are answered at once")
	flags.Int64Var(&c.MaxBodyBytes, "max-body-bytes", c.MaxBodyBytes, "how long a request body may be")
	flags.DurationVar(&c.CommandWait, "command-wait", c.CommandWait, "how long a command waits for its result before it answers 202")
	flags.DurationVar(&c.RequestTimeout, "request-timeout", c.RequestTimeout, "how long one call of the API server may take")
	flags.DurationVar(&c.ArchiveTimeout, "archive-timeout", c.ArchiveTimeout, "how long a new order waits for the archive to say whether it knows its id; else the order is marked")
	flags.IntVar(&c.AdminPort, "admin-port", c.AdminPort, "port of metrics, breakers and the detail of health, instead of the REST API's; 0 for one port")
	flags.DurationVar(&c.ShutdownDelay, "shutdown-delay", c.ShutdownDelay, "how long to listen on after readiness is gone, for load balancers to notice")
	flags.DurationVar(&c.DrainTimeout, "drain-timeout", c.DrainTimeout, "how long requests in flight may take at shutdown")
	registerMirrored(flags, &c.Mirrored)
	flags.DurationVar(&c.RedisTimeout, "redis-timeout", c.RedisTimeout, "how long a request waits for Redis, all in all; the gateway goes on without then")
	o.postgres.register(flags)
	o.redis.register(flags)
	for name, variable := range map[string]string{ //nolint:gosec // names of variables, no secret
		"bind-address":             "BIND_ADDRESS",
		"http-port":                "HTTP_PORT",
		"namespace":                "ORDERS_NAMESPACE",
		"jwt-public-key":           "JWT_PUBLIC_KEY",
		"jwt-jwks-url":             "JWT_JWKS_URL",
		"jwt-issuer":               "JWT_ISSUER",
		"jwt-audience":             "JWT_AUDIENCE",
		"jwt-leeway":               "JWT_LEEWAY",
		"jwt-roles-claim":          "JWT_ROLES_CLAIM",
		"jwt-required-type":        "JWT_REQUIRED_TYPE",
		"jwt-required-scopes":      "JWT_REQUIRED_SCOPES",
		"rate-limit-per-minute":    "RATE_LIMIT_PER_MINUTE",
		"trusted-proxies":          "TRUSTED_PROXIES",
		"cors-allowed-origins":     "CORS_ALLOWED_ORIGINS",
		"cors-allow-credentials":   "CORS_ALLOW_CREDENTIALS",
		"baskets-per-customer":     "BASKETS_PER_CUSTOMER",
		"event-streams":            "EVENT_STREAMS",
		"event-streams-per-client": "EVENT_STREAMS_PER_CLIENT",
		"event-heartbeat":          "EVENT_HEARTBEAT",
		"waiting-creates":          "WAITING_CREATES",
		"max-body-bytes":           "MAX_BODY_BYTES",
		"command-wait":             "COMMAND_WAIT",
		"request-timeout":          "REQUEST_TIMEOUT",
		"archive-timeout":          "ARCHIVE_TIMEOUT",
		"admin-port":               "ADMIN_PORT",
		"redis-timeout":            "REDIS_TIMEOUT",
		"shutdown-delay":           "SHUTDOWN_DELAY",
		"drain-timeout":            "DRAIN_TIMEOUT",
	} {
		fromEnvironment(flags, name, variable)
	}
}

func newGatewayCommand() *cobra.Command {
	var o gatewayOptions
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Run the REST API",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runGateway(cmd.Context(), &o) },
	}
	o.register(cmd.Flags())
	return cmd
}

func runGateway(ctx context.Context, o *gatewayOptions) error {
	log := o.component.logger()
	defer holdHeapFloor()()
	if err := cachedclient.DisableWatchList(); err != nil {
		return err
	}
	cfg, err := clusterConfig("gateway")
	if err != nil {
		return err
	}
	deps := rest.Deps{
		Kube:    cfg,
		Log:     log,
		Metrics: metrics.Registry,
		Now:     time.Now,
		NewID:   randomHex,
	}
	closeDatabases, err := openDatabases(ctx, o, &deps)
	if err != nil {
		return err
	}
	defer closeDatabases()
	o.redis.Connections = redisConnections
	if deps.Redis, err = redis.Open(o.redis.Config); err != nil {
		return err
	}
	if deps.Redis != nil {
		defer deps.Redis.Close() //nolint:errcheck // the process ends
	}
	server, err := rest.New(o.rest, deps)
	if err != nil {
		return err
	}
	if err := servePprof(ctx, o.component.pprof, log); err != nil {
		return err
	}
	log.Info("gateway starts", "version", version())
	return server.Run(ctx)
}

// openDatabases gives the gateway the databases that it asks where a mirror serves its namespace.
// They need not be there.
func openDatabases(ctx context.Context, o *gatewayOptions, deps *rest.Deps) (closeAll func(), err error) {
	if !o.rest.Mirrored.Has(o.rest.Namespace) {
		return func() {}, nil
	}
	pools := map[postgres.Database]*pgxpool.Pool{}
	closeAll = func() {
		for _, pool := range pools {
			pool.Close()
		}
	}
	for _, db := range postgres.Databases() {
		if pools[db], err = postgres.Open(ctx, o.postgres.Config, db); err != nil {
			delete(pools, db)
			closeAll()
			return nil, err
		}
	}
	deps.Orders, deps.Inventory, deps.Notifications = pools[postgres.Orders], pools[postgres.Inventory], pools[postgres.Notifications]
	return closeAll, nil
}

func randomHex(n int) string {
	id := make([]byte, n)
	_, _ = rand.Read(id) // it never fails: the runtime ends the process first
	return hex.EncodeToString(id)
}
