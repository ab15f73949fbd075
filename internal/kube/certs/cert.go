// Package certs makes and renews the certificate that the webhooks are
// served with.
//
// There is no authority: the certificate signs itself, and the API server trusts
// exactly the certificates in a bundle. On renewal the old one stays in the bundle
// until it has expired, so that replicas may change over one after the other.
package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

// Validity is how long a certificate is valid; it is renewed when two thirds of
// that are over.
const Validity = 365 * 24 * time.Hour

// skew is how far the clocks of the API server and ours may be apart.
const skew = time.Hour

// Pair is a certificate with its key, and the bundle by which it is trusted; all
// of them PEM.
type Pair struct {
	Cert, Key, Bundle []byte
}

// Renew returns the pair that is to be served for these names (DNS names or IP
// addresses): the same one while it is good, else a new one whose bundle also
// holds what is still valid of the old. It reports whether it is new.
func (p Pair) Renew(names []string, now time.Time) (Pair, bool, error) {
	if len(names) == 0 {
		return p, false, fmt.Errorf("a serving certificate needs a name")
	}
	if p.isGood(names, now) {
		return p, false, nil
	}
	cert, key, err := issue(names, now)
	if err != nil {
		return p, false, fmt.Errorf("make a serving certificate for %s: %w", names[0], err)
	}
	bundle := append([]byte(nil), cert...)
	for _, old := range parseAll(p.Bundle) {
		if now.Before(old.NotAfter) {
			bundle = append(bundle, encode("CERTIFICATE", old.Raw)...)
		}
	}
	return Pair{Cert: cert, Key: key, Bundle: bundle}, true, nil
}

// TLS returns the pair as a server presents it.
func (p Pair) TLS() (*tls.Certificate, error) {
	cert, err := tls.X509KeyPair(p.Cert, p.Key)
	if err != nil {
		return nil, fmt.Errorf("read the serving certificate: %w", err)
	}
	return &cert, nil
}

// isGood is whether a pair can be served: key and certificate belong together,
// it carries every name, its bundle trusts it, and its last third has not begun.
// That it is not valid yet by our clock is no reason: replicas whose clocks are
// apart would renew each other's for ever.
func (p Pair) isGood(names []string, now time.Time) bool {
	if _, err := tls.X509KeyPair(p.Cert, p.Key); err != nil {
		return false
	}
	certs := parseAll(p.Cert)
	if len(certs) == 0 {
		return false
	}
	cert := certs[0]
	for _, name := range names {
		if cert.VerifyHostname(name) != nil {
			return false
		}
	}
	trusted := slices.ContainsFunc(parseAll(p.Bundle), func(c *x509.Certificate) bool { return bytes.Equal(c.Raw, cert.Raw) })
	renewal := cert.NotAfter.Add(-cert.NotAfter.Sub(cert.NotBefore) / 3)
	return trusted && now.Before(renewal)
}

func issue(names []string, now time.Time) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "orderplane-webhook"},
		NotBefore:    now.Add(-skew),
		NotAfter:     now.Add(Validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return encode("CERTIFICATE", raw), encode("PRIVATE KEY", rawKey), nil
}

func encode(kind string, raw []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})
}

// parseAll reads the certificates of a bundle; what is none is passed over.
func parseAll(bundle []byte) []*x509.Certificate {
	var certs []*x509.Certificate
	for {
		block, rest := pem.Decode(bundle)
		if block == nil {
			return certs
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			certs = append(certs, cert)
		}
		bundle = rest
	}
}
