package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// tls is how connections are encrypted. The name in the server's certificate has to be the host
// of its address.
func (c *Config) tls() (*tls.Config, error) {
	encryption := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		text, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("REDIS_CA_FILE: %w", err)
		}
		encryption.RootCAs = x509.NewCertPool()
		if !encryption.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("REDIS_CA_FILE %s has no certificate in PEM", c.CAFile)
		}
	}
	if c.CertFile == "" {
		return encryption, nil
	}
	if _, err := c.certificate(nil); err != nil {
		return nil, err
	}
	encryption.GetClientCertificate = c.certificate
	return encryption, nil
}

// certificate reads the client certificate, whatever the server asks for.
func (c *Config) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	certificate, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, errors.Join(errors.New("REDIS_CERT_FILE, REDIS_KEY_FILE: give a certificate and its key in PEM"), err)
	}
	return &certificate, nil
}
