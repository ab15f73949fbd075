package rest

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/internal/token"
)

// Config configures the gateway. The environment variable of each field stands
// beside it; filling them in is up to the command line.
type Config struct {
	// BindAddress is the address to listen on, all of them when empty (BIND_ADDRESS).
	BindAddress string
	// Port to listen on, any free one when 0 (HTTP_PORT).
	Port int
	// Namespace the orders and the stock are in (ORDERS_NAMESPACE).
	Namespace string
	// Token says which bearer tokens are good (JWT_PUBLIC_KEY, JWT_JWKS_URL,
	// JWT_ISSUER, JWT_AUDIENCE, JWT_ROLES_CLAIM, JWT_LEEWAY).
	Token token.Config
	// RateLimitPerMinute is how many requests a client may send a minute; 0 is no
	// limit (RATE_LIMIT_PER_MINUTE).
	RateLimitPerMinute int
	// TrustedProxies are the addresses or prefixes of proxies whose
	// X-Forwarded-For is believed (TRUSTED_PROXIES).
	TrustedProxies []string
	// CORSAllowedOrigins are the origins whose pages may use the API in a browser,
	// or * alone for all; none when empty (CORS_ALLOWED_ORIGINS).
	CORSAllowedOrigins []string
	// CORSAllowCredentials lets those pages send cookies and client certificates
	// along; bearer tokens don't need it (CORS_ALLOW_CREDENTIALS).
	CORSAllowCredentials bool
	// BasketsPerCustomer is how many baskets that hold something a customer may have
	// at once; 0 allows none (BASKETS_PER_CUSTOMER).
	BasketsPerCustomer int
	// EventStreams is how many event streams may be open at once, and EventStreamsPerClient
	// how many of them one client may have (EVENT_STREAMS, EVENT_STREAMS_PER_CLIENT).
	EventStreams, EventStreamsPerClient int
	// EventHeartbeat is how long nothing is sent on an event stream at most
	// (EVENT_HEARTBEAT).
	EventHeartbeat time.Duration
	// WaitingCreates is how many creates may wait for their decision at once, a tenth of
	// them of one client; the others are answered at once (WAITING_CREATES).
	WaitingCreates int
	// MaxBodyBytes is how long a request body may be (MAX_BODY_BYTES).
	MaxBodyBytes int64
	// CommandWait is how long a command waits for the order controller before it
	// answers 202 (COMMAND_WAIT).
	CommandWait time.Duration
	// RequestTimeout is how long one call of the API server may take (REQUEST_TIMEOUT).
	RequestTimeout time.Duration
	// AdminPort is where metrics, breakers and the detail of health are served, instead
	// of on Port; on Port when 0 (ADMIN_PORT).
	AdminPort int
	// ShutdownDelay is how long the gateway listens on after it stopped being ready, for
	// load balancers to notice (SHUTDOWN_DELAY).
	ShutdownDelay time.Duration
	// DrainTimeout is how long requests in flight may take at shutdown (DRAIN_TIMEOUT).
	DrainTimeout time.Duration
	// Mirrored are the namespaces in which what is created gets the mirror's
	// finalizer (MIRRORED_NAMESPACES).
	Mirrored mirror.Namespaces
	// ArchiveTimeout is how long a new order waits for the archive to say whether it knows its
	// id, where orders are archived (ARCHIVE_TIMEOUT).
	ArchiveTimeout time.Duration
	// RedisTimeout is how long a request waits for Redis, all in all (REDIS_TIMEOUT).
	RedisTimeout time.Duration
}

// DefaultConfig returns the defaults. What can have none, the key that verifies
// tokens, is missing.
func DefaultConfig() Config {
	return Config{
		Port:                  8080,
		Namespace:             "default",
		Token:                 token.Config{Leeway: 30 * time.Second},
		RateLimitPerMinute:    100,
		BasketsPerCustomer:    10,
		EventStreams:          1000,
		EventStreamsPerClient: 10,
		EventHeartbeat:        15 * time.Second,
		WaitingCreates:        1000,
		MaxBodyBytes:          1 << 20,
		CommandWait:           3 * time.Second,
		RequestTimeout:        10 * time.Second,
		ShutdownDelay:         5 * time.Second,
		DrainTimeout:          15 * time.Second,
		ArchiveTimeout:        500 * time.Millisecond,
		RedisTimeout:          50 * time.Millisecond,
	}
}

// Validate says everything that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	check := func(good bool, format string, args ...any) {
		if !good {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.Port >= 0 && c.Port <= 65535, "HTTP_PORT: %d is no port", c.Port)
	check(c.AdminPort >= 0 && c.AdminPort <= 65535, "ADMIN_PORT: %d is no port; 0 serves it all on HTTP_PORT", c.AdminPort)
	check(c.AdminPort == 0 || c.AdminPort != c.Port, "ADMIN_PORT: %d is also HTTP_PORT; choose another one, or 0 for one port", c.AdminPort)
	check(len(validation.IsDNS1123Label(c.Namespace)) == 0, "ORDERS_NAMESPACE: %q is no namespace name", c.Namespace)
	check(c.RateLimitPerMinute >= 0, "RATE_LIMIT_PER_MINUTE: %d is below 0; 0 is no limit", c.RateLimitPerMinute)
	check(c.BasketsPerCustomer >= 0, "BASKETS_PER_CUSTOMER: %d is below 0; 0 allows none", c.BasketsPerCustomer)
	check(c.EventStreams > 0, "EVENT_STREAMS: %d is not above 0", c.EventStreams)
	check(c.EventStreamsPerClient > 0, "EVENT_STREAMS_PER_CLIENT: %d is not above 0", c.EventStreamsPerClient)
	check(c.EventHeartbeat >= time.Second, "EVENT_HEARTBEAT: %s is less than 1s", c.EventHeartbeat)
	check(c.WaitingCreates >= 0, "WAITING_CREATES: %d is below 0; with 0 no create waits", c.WaitingCreates)
	check(c.MaxBodyBytes > 0, "MAX_BODY_BYTES: %d is not above 0", c.MaxBodyBytes)
	check(c.CommandWait > 0, "COMMAND_WAIT: %s is not above 0", c.CommandWait)
	check(c.RequestTimeout > 0, "REQUEST_TIMEOUT: %s is not above 0", c.RequestTimeout)
	check(c.ArchiveTimeout > 0, "ARCHIVE_TIMEOUT: %s is not above 0", c.ArchiveTimeout)
	check(c.RedisTimeout > 0, "REDIS_TIMEOUT: %s is not above 0; without Redis set REDIS_HOST to none", c.RedisTimeout)
	check(c.ShutdownDelay >= 0, "SHUTDOWN_DELAY: %s is below 0; 0 drains at once", c.ShutdownDelay)
	check(c.DrainTimeout > 0, "DRAIN_TIMEOUT: %s is not above 0", c.DrainTimeout)
	if err := c.Mirrored.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("MIRRORED_NAMESPACES: %w", err))
	}
	if err := c.Token.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("JWT_PUBLIC_KEY, JWT_JWKS_URL, JWT_LEEWAY: %w", err))
	}
	if _, err := c.trustedProxies(); err != nil {
		errs = append(errs, err)
	}
	if err := c.checkCORS(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (c Config) trustedProxies() ([]netip.Prefix, error) {
	prefixes := make([]netip.Prefix, 0, len(c.TrustedProxies))
	for _, s := range c.TrustedProxies {
		if addr, err := netip.ParseAddr(s); err == nil {
			prefixes = append(prefixes, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("TRUSTED_PROXIES: %q is neither an address nor a prefix such as 10.0.0.0/8", s)
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}
