package certs_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"testing"
	"time"

	"github.com/orderplane/orderplane/internal/kube/certs"
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func names() []string { return []string{"orderplane-webhook.ops-system.svc", "127.0.0.1"} }

func renew(t *testing.T, p certs.Pair, now time.Time) (certs.Pair, bool) {
	t.Helper()
	next, isNew, err := p.Renew(names(), now)
	if err != nil {
		t.Fatal(err)
	}
	return next, isNew
}

func certificates(bundle []byte) int { return bytes.Count(bundle, []byte("BEGIN CERTIFICATE")) }

func TestFirstPair(t *testing.T) {
	p, isNew := renew(t, certs.Pair{}, start())
	if !isNew || certificates(p.Bundle) != 1 {
		t.Fatalf("new %t, %d certificates in the bundle", isNew, certificates(p.Bundle))
	}
	if same, isNew := renew(t, p, start().Add(24*time.Hour)); isNew || !bytes.Equal(same.Cert, p.Cert) {
		t.Error("renewed after a day")
	}
}

func TestRenewalKeepsTheOldOneTrusted(t *testing.T) {
	first, _ := renew(t, certs.Pair{}, start())
	second, isNew := renew(t, first, start().Add(250*24*time.Hour))
	if !isNew || bytes.Equal(first.Cert, second.Cert) {
		t.Fatal("not renewed when two thirds are over")
	}
	if certificates(second.Bundle) != 2 || !bytes.Contains(second.Bundle, bytes.TrimSpace(first.Cert)) {
		t.Errorf("the bundle has %d certificates and must keep the old one", certificates(second.Bundle))
	}
	third, _ := renew(t, second, start().Add(500*24*time.Hour))
	if certificates(third.Bundle) != 2 || bytes.Contains(third.Bundle, bytes.TrimSpace(first.Cert)) {
		t.Errorf("the bundle has %d certificates and must drop the expired one", certificates(third.Bundle))
	}
}

func TestWhatIsBrokenIsReplaced(t *testing.T) {
	good, _ := renew(t, certs.Pair{}, start())
	other, _ := renew(t, certs.Pair{}, start())
	block, _ := pem.Decode(good.Cert)
	for name, p := range map[string]certs.Pair{
		"garbage":           {Cert: []byte("x"), Key: []byte("y"), Bundle: []byte("z")},
		"another's key":     {Cert: good.Cert, Key: other.Key, Bundle: good.Bundle},
		"not in its bundle": {Cert: good.Cert, Key: good.Key, Bundle: other.Bundle},
		"no bundle":         {Cert: good.Cert, Key: good.Key},
		"truncated":         {Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes[:20]}), Key: good.Key, Bundle: good.Bundle},
		"nothing":           {},
	} {
		if _, isNew := renew(t, p, start()); !isNew {
			t.Errorf("%s: kept", name)
		}
	}
	if _, isNew := renew(t, good, start().Add(-24*time.Hour)); isNew {
		t.Error("replaced by somebody whose clock is a day behind")
	}
	if _, isNew, err := good.Renew([]string{"elsewhere.svc"}, start()); err != nil || !isNew {
		t.Errorf("kept for another name (%v)", err)
	}
	if _, _, err := good.Renew(nil, start()); err == nil {
		t.Error("a certificate for nobody")
	}
}

// What the API server does: verify by the bundle alone, under the name it called.
func TestBundleIsAllThatIsNeededToTrust(t *testing.T) {
	p, _ := renew(t, certs.Pair{}, time.Now())
	cert, err := p.TLS()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(p.Bundle) {
		t.Fatal("no certificate in the bundle")
	}
	for _, name := range names() {
		ours, theirs := net.Pipe()
		server := tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{*cert}})
		go func() { _ = server.Handshake() }()
		if err := tls.Client(ours, &tls.Config{RootCAs: roots, ServerName: name}).Handshake(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
