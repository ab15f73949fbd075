// Package redis gives access to Redis. Redis is a help and never the truth: nobody waits for
// it, and without it nothing is lost.
package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// answersWithin bounds every call.
const answersWithin = time.Second

// Config says where Redis is. The zero value is no Redis.
type Config struct {
	// Addr is host:port; Host and Port count when it is empty. REDIS_ADDR, REDIS_HOST, REDIS_PORT.
	Addr, Host string
	Port       int
	// Username of an ACL; the default user when empty.
	Username string
	// Password, or the file that has it, which is read again for each connection.
	// REDIS_PASSWORD, REDIS_PASSWORD_FILE.
	Password, PasswordFile string
	// TLS is whether the connection is encrypted, by the authorities in CAFile or the system's.
	// REDIS_TLS, REDIS_CA_FILE.
	TLS    bool
	CAFile string
	// CertFile and KeyFile are the client certificate and its key in PEM, for a server that asks
	// for one. They are read again for each connection. REDIS_CERT_FILE, REDIS_KEY_FILE.
	CertFile, KeyFile string
	// Connections is how many there are at most; a few when 0.
	Connections int
}

// DefaultConfig is a Redis on this machine.
func DefaultConfig() Config { return Config{Host: "localhost", Port: 6379} }

// none is a host that says that there is no Redis: an environment variable that is empty is not set.
const none = "none"

// IsNone reports whether there is no Redis.
func (c *Config) IsNone() bool { return c.Addr == "" && (c.Host == "" || c.Host == none) }

// Validate names what is wrong and the way out.
func (c *Config) Validate() error {
	if c.IsNone() {
		return nil
	}
	var errs []error
	if c.Addr != "" {
		if _, port, err := net.SplitHostPort(c.Addr); err != nil || port == "" {
			errs = append(errs, fmt.Errorf("REDIS_ADDR %q is no host:port, such as localhost:6379", c.Addr))
		}
	} else if c.Port < 1 || c.Port > 65535 {
		errs = append(errs, fmt.Errorf("REDIS_PORT %d is no port; give 1 to 65535", c.Port))
	}
	if c.Password != "" && c.PasswordFile != "" {
		errs = append(errs, errors.New("both REDIS_PASSWORD and REDIS_PASSWORD_FILE are set; give one of them"))
	}
	if c.CAFile != "" && !c.TLS {
		errs = append(errs, errors.New("REDIS_CA_FILE is set and REDIS_TLS is not; set REDIS_TLS=true"))
	}
	if (c.CertFile != "" || c.KeyFile != "") && !c.TLS {
		errs = append(errs, errors.New("REDIS_CERT_FILE or REDIS_KEY_FILE is set and REDIS_TLS is not; set REDIS_TLS=true"))
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		errs = append(errs, errors.New("only one of REDIS_CERT_FILE and REDIS_KEY_FILE is set; give both"))
	}
	return errors.Join(errs...)
}

// Open makes a client; nil when there is no Redis. The server need not be there.
func Open(c Config) (*goredis.Client, error) {
	if err := c.Validate(); err != nil || c.IsNone() {
		return nil, err
	}
	o := &goredis.Options{
		Addr: c.Addr, DialTimeout: answersWithin, ReadTimeout: answersWithin, WriteTimeout: answersWithin,
		// Who is answered late does without.
		MaxRetries: -1, DialerRetries: 1, PoolSize: cmp.Or(c.Connections, 4),
		ContextTimeoutEnabled: true,
		CredentialsProviderContext: func(context.Context) (string, string, error) {
			password, err := c.password()
			return c.Username, password, err
		},
	}
	if o.Addr == "" {
		o.Addr = net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
	}
	if c.TLS {
		var err error
		if o.TLSConfig, err = c.tls(); err != nil {
			return nil, err
		}
	}
	return goredis.NewClient(o), nil
}

func (c *Config) password() (string, error) {
	if c.PasswordFile == "" {
		return c.Password, nil
	}
	text, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("REDIS_PASSWORD_FILE: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}
