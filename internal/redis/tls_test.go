package redis_test

import (
	"context"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/orderplane/orderplane/internal/redis"
	"github.com/orderplane/orderplane/test/testenv/authority"
)

// Against a real server: who comes in with which certificate, and what a refusal says.
func TestTLSAgainstAServer(t *testing.T) {
	folder := t.TempDir()
	ca, stranger := authority.New(t, folder, "ca"), authority.New(t, folder, "stranger")
	client, foreign := ca.Issue(t, folder, "client", "client", x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth), stranger.Issue(t, folder, "foreign", "foreign", x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth)
	open, strict := secureServer(t, ca, "no"), secureServer(t, ca, "yes")
	for name, c := range map[string]struct {
		port   int
		change func(*redis.Config)
		says   string // of the refusal; "" when it is let in
	}{
		"its authority":                  {open, func(*redis.Config) {}, ""},
		"another authority":              {open, func(c *redis.Config) { c.CAFile = stranger.File }, "unknown authority"},
		"the authorities of the system":  {open, func(c *redis.Config) { c.CAFile = "" }, "unknown authority"},
		"a server of another name":       {open, func(c *redis.Config) { c.Host = "localhost" }, "localhost"},
		"no TLS":                         {open, func(c *redis.Config) { c.TLS, c.CAFile = false, "" }, ""},
		"a client certificate":           {strict, func(c *redis.Config) { c.CertFile, c.KeyFile = client.Cert, client.Key }, ""},
		"one of another authority":       {strict, func(c *redis.Config) { c.CertFile, c.KeyFile = foreign.Cert, foreign.Key }, "unknown certificate authority"},
		"none where one is asked for":    {strict, func(*redis.Config) {}, "certificate required"},
		"one that need not have been":    {open, func(c *redis.Config) { c.CertFile, c.KeyFile = client.Cert, client.Key }, ""},
		"a certificate with another key": {strict, func(c *redis.Config) { c.CertFile, c.KeyFile = client.Cert, foreign.Key }, "REDIS_CERT_FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			config := redis.Config{Host: "127.0.0.1", Port: c.port, TLS: true, CAFile: ca.File}
			c.change(&config)
			err := ping(t, config)
			switch {
			case name == "no TLS": // the server takes what is no TLS for a broken connection
				if err == nil {
					t.Error("it is answered without TLS")
				}
			case c.says == "" && err != nil:
				t.Error(err)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%v; want a refusal that says %q", err, c.says)
			}
		})
	}
}

// A certificate that is renewed while the process runs is used by its next connection.
func TestACertificateIsRenewed(t *testing.T) {
	folder := t.TempDir()
	ca, stranger := authority.New(t, folder, "ca"), authority.New(t, folder, "stranger")
	files := stranger.Issue(t, folder, "client", "client", x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth)
	client, err := redis.Open(redis.Config{
		Host: "127.0.0.1", Port: secureServer(t, ca, "yes"), TLS: true, CAFile: ca.File, CertFile: files.Cert, KeyFile: files.Key,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close() //nolint:errcheck // it was only asked
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Fatal("a stranger is let in")
	}
	ca.Issue(t, folder, "client", "client", x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth)
	eventually(t, "the new certificate lets it in", func() bool { return client.Ping(t.Context()).Err() == nil })
}

// Who asks waits no longer than asked for, also while TLS is being agreed on.
func TestAServerThatHangsIsNotWaitedFor(t *testing.T) {
	hangs, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer hangs.Close() //nolint:errcheck // the test is over
	client, err := redis.Open(redis.Config{Addr: hangs.Addr().String(), TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close() //nolint:errcheck // it was only asked
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	err = client.Ping(ctx).Err()
	if took := time.Since(began); err == nil || took > 800*time.Millisecond { // a call may take a second
		t.Errorf("after %s: %v", took, err)
	}
}

// ping asks a server through a client of a configuration.
func ping(t *testing.T, c redis.Config) error {
	t.Helper()
	client, err := redis.Open(c)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // it was only asked
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return client.Ping(ctx).Err()
}

// secureServer runs a redis-server that speaks nothing but TLS, and gives its port. It asks clients
// for a certificate, or does not.
func secureServer(t *testing.T, ca *authority.Authority, asksClients string) int {
	t.Helper()
	files := ca.Issue(t, t.TempDir(), "server", "server", x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth)
	return serve(t, func(port string) []string {
		return []string{"--port", "0", "--tls-port", port, "--tls-cert-file", files.Cert, "--tls-key-file", files.Key,
			"--tls-ca-cert-file", ca.File, "--tls-auth-clients", asksClients}
	})
}
