package postgres_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/internal/devservices"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv/authority"
)

// secureServer is a Postgres that lets users into ops_orders by client certificate, and into
// ops_inventory by password, both over TLS only.
type secureServer struct {
	host   string
	folder string
	ca     *authority.Authority
}

const secret = "s3cret"

func startSecureServer(t *testing.T) *secureServer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	bin, err := devservices.FindPostgres()
	if errors.Is(err, devservices.ErrNoPostgres) {
		bin, err = devservices.FetchPostgres(ctx, t.Logf)
	}
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, passes := range []string{folder, filepath.Dir(folder)} { // the server's account
		if err := os.Chmod(passes, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p, err := devservices.StartPostgres(ctx, devservices.PostgresOptions{
		Bin: bin, Dir: filepath.Join(folder, "postgres"), LogDir: filepath.Join(folder, "log"), UnsafeNoFsync: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	for _, db := range []postgres.Database{postgres.Orders, postgres.Inventory} {
		if err := p.CreateDatabase(ctx, string(db)); err != nil {
			t.Fatal(err)
		}
	}
	s := &secureServer{host: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port())), folder: t.TempDir()}
	s.ca = authority.New(t, s.folder, "ca")
	s.secure(t, p.URL("postgres"))
	return s
}

// secure has a running server ask for TLS.
func (s *secureServer) secure(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // nothing is left to be said
	var data, rules string
	if err := conn.QueryRow(t.Context(), "SELECT current_setting('data_directory'), current_setting('hba_file')").Scan(&data, &rules); err != nil {
		t.Fatal(err)
	}
	server := s.ca.Issue(t, s.folder, "server", "server", x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
	s.handOver(t, data, map[string]string{"server.pem": server.Cert, "server.Key": server.Key, "clients.pem": s.ca.File})
	text := strings.Join([]string{
		"host postgres all 127.0.0.1/32 trust",
		"hostssl ops_orders all 127.0.0.1/32 cert",
		"hostssl ops_inventory all 127.0.0.1/32 scram-sha-256",
	}, "\n")
	if err := os.WriteFile(rules, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"ALTER ROLE ops PASSWORD '" + secret + "'",
		"ALTER SYSTEM SET ssl_cert_file = 'server.pem'", "ALTER SYSTEM SET ssl_key_file = 'server.Key'",
		"ALTER SYSTEM SET ssl_ca_file = 'clients.pem'", "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()",
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for on := ""; on != "on"; { // the server reloads in the background
		if err := conn.QueryRow(t.Context(), "SHOW ssl").Scan(&on); err != nil {
			t.Fatal(err)
		}
	}
}

// handOver copies files into the folder of the data, as the server's own.
func (s *secureServer) handOver(t *testing.T, data string, files map[string]string) {
	t.Helper()
	owner, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	account := owner.Sys().(*syscall.Stat_t)
	for name, from := range files {
		to := filepath.Join(data, name)
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
		if err = errors.Join(err, os.Chown(to, int(account.Uid), int(account.Gid))); err != nil {
			t.Fatal(err)
		}
	}
}

// asks asks a database through a pool made by a configuration, and says how the connection is secured.
func (s *secureServer) asks(t *testing.T, c postgres.Config, db postgres.Database) (encrypted bool, user string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	pool, err := postgres.Open(ctx, c, db)
	if err != nil {
		return false, "", err
	}
	defer pool.Close()
	err = pool.QueryRow(ctx, "SELECT ssl, coalesce(client_dn, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&encrypted, &user)
	return encrypted, user, err
}

// Against a real server: who comes in with which certificate, and what a refusal says.
func TestTLSAgainstAServer(t *testing.T) {
	s := startSecureServer(t)
	client := s.ca.Issue(t, s.folder, "client", "ops", x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
	guest := s.ca.Issue(t, s.folder, "guest", "guest", x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
	stranger := authority.New(t, s.folder, "stranger")
	foreign := stranger.Issue(t, s.folder, "foreign", "ops", x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
	known := postgres.TLS{RootCert: s.ca.File, Cert: client.Cert, Key: client.Key}
	_, port, _ := net.SplitHostPort(s.host)
	for name, c := range map[string]struct {
		change func(*postgres.Config)
		db     postgres.Database
		user   string // of the certificate
		says   string // of the refusal; "" when it is let in
	}{
		"a certificate":                      {func(*postgres.Config) {}, postgres.Orders, "/CN=ops", ""},
		"no certificate":                     {func(c *postgres.Config) { c.TLS.Cert, c.TLS.Key = "", "" }, postgres.Orders, "", "valid client certificate"},
		"one of another user":                {func(c *postgres.Config) { c.TLS.Cert, c.TLS.Key = guest.Cert, guest.Key }, postgres.Orders, "", "authentication failed"},
		"one of another authority":           {func(c *postgres.Config) { c.TLS.Cert, c.TLS.Key = foreign.Cert, foreign.Key }, postgres.Orders, "", "valid client certificate"},
		"a server of another authority":      {func(c *postgres.Config) { c.TLS.RootCert = stranger.File }, postgres.Orders, "", "x509"},
		"a server of another name":           {func(c *postgres.Config) { c.URL = "postgres://localhost:" + port }, postgres.Orders, "", "x509"},
		"another name, only the authority":   {func(c *postgres.Config) { c.URL, c.TLS.Mode = "postgres://localhost:"+port, "verify-ca" }, postgres.Orders, "/CN=ops", ""},
		"no TLS":                             {func(c *postgres.Config) { c.TLS = postgres.TLS{Mode: "disable"} }, postgres.Orders, "", "no encryption"},
		"a password over TLS":                {func(c *postgres.Config) { c.Password, c.TLS = secret, postgres.TLS{RootCert: s.ca.File} }, postgres.Inventory, "", ""},
		"a password of a server unverified":  {func(c *postgres.Config) { c.Password, c.TLS = secret, postgres.TLS{Mode: "require"} }, postgres.Inventory, "", ""},
		"nothing said: TLS where the server": {func(c *postgres.Config) { c.Password, c.TLS = secret, postgres.TLS{} }, postgres.Inventory, "", ""},
		"the wrong password over TLS":        {func(c *postgres.Config) { c.Password, c.TLS = "guess", postgres.TLS{RootCert: s.ca.File} }, postgres.Inventory, "", "password authentication failed"},
	} {
		t.Run(name, func(t *testing.T) {
			config := postgres.Config{URL: "postgres://" + s.host, User: devservices.PostgresUser, TLS: known}
			c.change(&config)
			encrypted, user, err := s.asks(t, config, c.db)
			switch {
			case c.says == "" && err != nil:
				t.Fatal(err)
			case c.says == "" && (!encrypted || user != c.user):
				t.Errorf("encrypted %t, as %q; want TLS and %q", encrypted, user, c.user)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%v; want a refusal that says %q", err, c.says)
			}
		})
	}
}

// A certificate that is renewed while the process runs is used by its next connection.
func TestACertificateIsRenewed(t *testing.T) {
	s := startSecureServer(t)
	files := s.ca.Issue(t, s.folder, "client", "guest", x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
	pool, err := postgres.Open(t.Context(), postgres.Config{
		URL: "postgres://" + s.host, User: devservices.PostgresUser, TLS: postgres.TLS{RootCert: s.ca.File, Cert: files.Cert, Key: files.Key},
	}, postgres.Orders)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := pool.Ping(t.Context()); err == nil {
		t.Fatal("let in with a certificate of somebody else")
	}
	s.ca.Issue(t, s.folder, "client", "ops", x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth) // into the same files
	if err := pool.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
