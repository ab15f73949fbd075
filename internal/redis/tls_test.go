package redis_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderplane/orderplane/internal/redis"
)

// Against a real server: who comes in with which certificate, and what a refusal says.
func TestTLSAgainstAServer(t *testing.T) {
	folder := t.TempDir()
	ca, stranger := newAuthority(t, folder, "ca"), newAuthority(t, folder, "stranger")
	client, foreign := ca.issue(t, folder, "client"), stranger.issue(t, folder, "foreign")
	open, strict := secureServer(t, ca, "no"), secureServer(t, ca, "yes")
	for name, c := range map[string]struct {
		port   int
		change func(*redis.Config)
		says   string // of the refusal; "" when it is let in
	}{
		"its authority":                  {open, func(*redis.Config) {}, ""},
		"another authority":              {open, func(c *redis.Config) { c.CAFile = stranger.file }, "unknown authority"},
		"the authorities of the system":  {open, func(c *redis.Config) { c.CAFile = "" }, "unknown authority"},
		"a server of another name":       {open, func(c *redis.Config) { c.Host = "localhost" }, "localhost"},
		"no TLS":                         {open, func(c *redis.Config) { c.TLS, c.CAFile = false, "" }, ""},
		"a client certificate":           {strict, func(c *redis.Config) { c.CertFile, c.KeyFile = client.cert, client.key }, ""},
		"one of another authority":       {strict, func(c *redis.Config) { c.CertFile, c.KeyFile = foreign.cert, foreign.key }, "unknown certificate authority"},
		"none where one is asked for":    {strict, func(*redis.Config) {}, "certificate required"},
		"one that need not have been":    {open, func(c *redis.Config) { c.CertFile, c.KeyFile = client.cert, client.key }, ""},
		"a certificate with another key": {strict, func(c *redis.Config) { c.CertFile, c.KeyFile = client.cert, foreign.key }, "REDIS_CERT_FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			config := redis.Config{Host: "127.0.0.1", Port: c.port, TLS: true, CAFile: ca.file}
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
	ca, stranger := newAuthority(t, folder, "ca"), newAuthority(t, folder, "stranger")
	files := stranger.issue(t, folder, "client")
	client, err := redis.Open(redis.Config{
		Host: "127.0.0.1", Port: secureServer(t, ca, "yes"), TLS: true, CAFile: ca.file, CertFile: files.cert, KeyFile: files.key,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close() //nolint:errcheck // it was only asked
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Fatal("a stranger is let in")
	}
	ca.issue(t, folder, "client")
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
func secureServer(t *testing.T, ca *authority, asksClients string) int {
	t.Helper()
	files := ca.issue(t, t.TempDir(), "server")
	return serve(t, func(port string) []string {
		return []string{"--port", "0", "--tls-port", port, "--tls-cert-file", files.cert, "--tls-key-file", files.key,
			"--tls-ca-cert-file", ca.file, "--tls-auth-clients", asksClients}
	})
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

// pair are the files of a certificate and its key.
type pair struct{ cert, key string }

func newAuthority(t *testing.T, folder, name string) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(folder, name+".pem")}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.cert, a.key = a.sign(t, template, a.file)
	return a
}

// issue makes a certificate for 127.0.0.1, in files of a name.
func (a *authority) issue(t *testing.T, folder, name string) pair {
	t.Helper()
	files := pair{cert: filepath.Join(folder, name+".pem"), key: filepath.Join(folder, name+".key")}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.ParseIP("127.0.0.1")},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	_, key := a.sign(t, template, files.cert)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, files.key, "PRIVATE KEY", der)
	return files
}

// sign has the authority sign a certificate with a new key; one that is none yet signs its own.
func (a *authority) sign(t *testing.T, template *x509.Certificate, file string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, "CERTIFICATE", der)
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return signed, key
}

func write(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
