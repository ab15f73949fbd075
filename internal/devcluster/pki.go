package devcluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certLifetime is long because a local stack's data may be kept for years and
// nobody rotates it; the authority never leaves the machine.
const certLifetime = 10 * 365 * 24 * time.Hour

const (
	caCertFile     = "ca.crt"
	caKeyFile      = "ca.key"
	serverCertFile = "apiserver.crt"
	serverKeyFile  = "apiserver.key"
	accountKeyFile = "service-account.key"
)

// pki is the certificate authority of one control plane, kept in a folder.
type pki struct {
	dir   string
	caPEM []byte
	ca    *x509.Certificate
	key   crypto.Signer
}

// keyPair is a certificate and its key, both PEM.
type keyPair struct {
	cert, key []byte
}

// openPKI loads the authority from dir, or makes it there.
func openPKI(dir string) (*pki, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open certificates: %w", err)
	}
	p := &pki{dir: dir}
	err := p.load()
	if errors.Is(err, fs.ErrNotExist) {
		err = p.create()
	}
	if err != nil {
		return nil, fmt.Errorf("certificates in %s: %w", dir, err)
	}
	return p, nil
}

func (p *pki) path(name string) string { return filepath.Join(p.dir, name) }

func (p *pki) load() error {
	// The service account key is written last: with it, all is there.
	if _, err := os.Stat(p.path(accountKeyFile)); err != nil {
		return err
	}
	keyPEM, err := os.ReadFile(p.path(caKeyFile))
	if err != nil {
		return err
	}
	if p.caPEM, err = os.ReadFile(p.path(caCertFile)); err != nil {
		return err
	}
	return p.parse(keyPEM)
}

func (p *pki) parse(keyPEM []byte) error {
	keyBlock, _ := pem.Decode(keyPEM)
	certBlock, _ := pem.Decode(p.caPEM)
	if keyBlock == nil || certBlock == nil {
		return fmt.Errorf("%s and %s hold no PEM; delete the folder to have them made again", caKeyFile, caCertFile)
	}
	key, err := x509.ParseECPrivateKey(keyBlock.Bytes)
	if err != nil {
		return fmt.Errorf("parse %s: %w", caKeyFile, err)
	}
	p.key = key
	if p.ca, err = x509.ParseCertificate(certBlock.Bytes); err != nil {
		return fmt.Errorf("parse %s: %w", caCertFile, err)
	}
	return nil
}

func (p *pki) create() error {
	key, keyPEM, err := newKey()
	if err != nil {
		return err
	}
	template, err := newTemplate(pkix.Name{CommonName: "orderplane-local-ca"})
	if err != nil {
		return err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("sign the authority: %w", err)
	}
	p.caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := p.parse(keyPEM); err != nil {
		return err
	}
	server, err := p.issueServer()
	if err != nil {
		return err
	}
	_, accountKey, err := newKey()
	if err != nil {
		return err
	}
	return p.write(
		pkiFile{caCertFile, p.caPEM}, pkiFile{caKeyFile, keyPEM},
		pkiFile{serverCertFile, server.cert}, pkiFile{serverKeyFile, server.key},
		pkiFile{accountKeyFile, accountKey},
	)
}

type pkiFile struct {
	name string
	data []byte
}

func (p *pki) write(files ...pkiFile) error {
	for _, f := range files {
		if err := os.WriteFile(p.path(f.name), f.data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// issueServer makes the API server's certificate, for the names and addresses of this machine and for further ones.
func (p *pki) issueServer(names ...string) (keyPair, error) {
	template, err := newTemplate(pkix.Name{CommonName: "kube-apiserver"})
	if err != nil {
		return keyPair{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.IPv4(10, 0, 0, 1)}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return p.issue(template)
}

// issueUser makes a client certificate; the API server takes the user's name
// from the common name and their groups from the organizations.
func (p *pki) issueUser(name string, groups []string) (keyPair, error) {
	template, err := newTemplate(pkix.Name{CommonName: name, Organization: groups})
	if err != nil {
		return keyPair{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return p.issue(template)
}

func (p *pki) issue(template *x509.Certificate) (keyPair, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return keyPair{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, p.ca, key.Public(), p.key)
	if err != nil {
		return keyPair{}, fmt.Errorf("sign certificate of %s: %w", template.Subject.CommonName, err)
	}
	return keyPair{cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key: keyPEM}, nil
}

func newKey() (crypto.Signer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate key: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode key: %w", err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func newTemplate(subject pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		// An hour back: a clock that was just corrected must not refuse its own certificates.
		NotBefore: now.Add(-time.Hour),
		NotAfter:  now.Add(certLifetime),
	}, nil
}
