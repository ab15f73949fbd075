// Package authority issues certificates for tests of connections.
package authority

import (
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
	"testing"
	"time"
)

// Authority signs certificates that are good for an hour.
type Authority struct {
	// Cert is its own certificate, and File has it in PEM.
	Cert *x509.Certificate
	File string

	key *ecdsa.PrivateKey
}

// Pair are the files of a certificate and its key, in PEM.
type Pair struct{ Cert, Key string }

// New makes an authority with a certificate of a name in a folder.
func New(t *testing.T, folder, name string) *Authority {
	t.Helper()
	a := &Authority{File: filepath.Join(folder, name+".pem")}
	a.Cert, a.key = a.sign(t, a.File, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// Issue makes a certificate of a common name for this machine's addresses, into files of a name in a folder.
func (a *Authority) Issue(t *testing.T, folder, file, commonName string, usage ...x509.ExtKeyUsage) Pair {
	t.Helper()
	files := Pair{Cert: filepath.Join(folder, file+".pem"), Key: filepath.Join(folder, file+".key")}
	_, key := a.sign(t, files.Cert, &x509.Certificate{
		Subject: pkix.Name{CommonName: commonName}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: usage,
	})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, files.Key, "PRIVATE KEY", der)
	return files
}

// sign makes a certificate for a new key. An authority that has no certificate yet signs its own.
func (a *Authority) sign(t *testing.T, file string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, by := a.Cert, a.key
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, "CERTIFICATE", der)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func write(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
