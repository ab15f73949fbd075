package postgres_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
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
)

// secureServer is a Postgres that lets users into ops_orders by client certificate, and into
// ops_inventory by password, both over TLS only.
type secureServer struct {
	host   string
	folder string
	ca     *authority
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
	s.ca = newAuthority(t, s.folder, "ca")
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
	server := s.ca.issue(t, s.folder, "server", "server")
	s.handOver(t, data, map[string]string{"server.pem": server.cert, "server.key": server.key, "clients.pem": s.ca.file})
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
		"ALTER SYSTEM SET ssl_cert_file = 'server.pem'", "ALTER SYSTEM SET ssl_key_file = 'server.key'",
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
	client := s.ca.issue(t, s.folder, "client", "ops")
	guest := s.ca.issue(t, s.folder, "guest", "guest")
	stranger := newAuthority(t, s.folder, "stranger")
	foreign := stranger.issue(t, s.folder, "foreign", "ops")
	known := postgres.TLS{RootCert: s.ca.file, Cert: client.cert, Key: client.key}
	_, port, _ := net.SplitHostPort(s.host)
	for name, c := range map[string]struct {
		change func(*postgres.Config)
		db     postgres.Database
		user   string // of the certificate
		says   string // of the refusal; "" when it is let in
	}{
		"a certificate":                      {func(*postgres.Config) {}, postgres.Orders, "/CN=ops", ""},
		"no certificate":                     {func(c *postgres.Config) { c.TLS.Cert, c.TLS.Key = "", "" }, postgres.Orders, "", "valid client certificate"},
		"one of another user":                {func(c *postgres.Config) { c.TLS.Cert, c.TLS.Key = guest.cert, guest.key }, postgres.Orders, "", "authentication failed"},
		"one of another authority":           {func(c *postgres.Config) { c.TLS.Cert, c.TLS.Key = foreign.cert, foreign.key }, postgres.Orders, "", "valid client certificate"},
		"a server of another authority":      {func(c *postgres.Config) { c.TLS.RootCert = stranger.file }, postgres.Orders, "", "x509"},
		"a server of another name":           {func(c *postgres.Config) { c.URL = "postgres://localhost:" + port }, postgres.Orders, "", "x509"},
		"another name, only the authority":   {func(c *postgres.Config) { c.URL, c.TLS.Mode = "postgres://localhost:"+port, "verify-ca" }, postgres.Orders, "/CN=ops", ""},
		"no TLS":                             {func(c *postgres.Config) { c.TLS = postgres.TLS{Mode: "disable"} }, postgres.Orders, "", "no encryption"},
		"a password over TLS":                {func(c *postgres.Config) { c.Password, c.TLS = secret, postgres.TLS{RootCert: s.ca.file} }, postgres.Inventory, "", ""},
		"a password of a server unverified":  {func(c *postgres.Config) { c.Password, c.TLS = secret, postgres.TLS{Mode: "require"} }, postgres.Inventory, "", ""},
		"nothing said: TLS where the server": {func(c *postgres.Config) { c.Password, c.TLS = secret, postgres.TLS{} }, postgres.Inventory, "", ""},
		"the wrong password over TLS":        {func(c *postgres.Config) { c.Password, c.TLS = "guess", postgres.TLS{RootCert: s.ca.file} }, postgres.Inventory, "", "password authentication failed"},
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
	files := s.ca.issue(t, s.folder, "client", "guest")
	pool, err := postgres.Open(t.Context(), postgres.Config{
		URL: "postgres://" + s.host, User: devservices.PostgresUser, TLS: postgres.TLS{RootCert: s.ca.file, Cert: files.cert, Key: files.key},
	}, postgres.Orders)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := pool.Ping(t.Context()); err == nil {
		t.Fatal("let in with a certificate of somebody else")
	}
	s.ca.issue(t, s.folder, "client", "ops") // into the same files
	if err := pool.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// authority issues certificates for this machine.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

// issued are the files of a certificate.
type issued struct{ cert, key string }

func newAuthority(t *testing.T, folder, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, file: filepath.Join(folder, name+".pem")}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// issue makes a certificate of a common name into files of a name.
func (a *authority) issue(t *testing.T, folder, file, commonName string) issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: commonName}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := issued{cert: filepath.Join(folder, file+".pem"), key: filepath.Join(folder, file+".key")}
	writePEM(t, files.cert, "CERTIFICATE", der)
	writePEM(t, files.key, "PRIVATE KEY", private)
	return files
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
