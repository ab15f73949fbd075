// Package kafka is how Orderplane comes to a broker: where it is, how the connection is
// secured, and which topics must be there.
package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Config says where the brokers are and how to connect. Its errors name the variables
// of the environment that set it.
type Config struct {
	// Bootstrap are brokers to begin with, host:port each.
	Bootstrap []string
	TLS       TLS
	SASL      SASL
}

// TLS encrypts the connection.
type TLS struct {
	// Enabled uses TLS also where no file is named; each of the files implies it.
	Enabled bool
	// CAFile has the certificates, PEM, that a broker's must come from; the system's when empty.
	CAFile string
	// CertFile and KeyFile are the certificate by which the client is known, and its key,
	// PEM. They are read at each connection, so that they may be renewed.
	CertFile, KeyFile string
}

// SASL says who connects.
type SASL struct {
	// Mechanism is Plain, ScramSHA256 or ScramSHA512; no SASL when empty.
	Mechanism string
	User      string
	// Password, or PasswordFile that has it; the file is read at each connection. What
	// follows its first line is no part of it.
	Password, PasswordFile string
}

// The mechanisms there are.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// DefaultConfig is a broker on this machine.
func DefaultConfig() Config { return Config{Bootstrap: []string{"localhost:9092"}} }

// Validate tells everything that is wrong at once, and the way out. It reads no file.
func (c *Config) Validate() error {
	return errors.Join(c.validateBootstrap(), c.validateTLS(), c.validateSASL())
}

func (c *Config) validateBootstrap() error {
	if len(c.Bootstrap) == 0 {
		return errors.New("KAFKA_BOOTSTRAP names no broker: set it to host:port, several with commas between")
	}
	for _, broker := range c.Bootstrap {
		host, port, err := net.SplitHostPort(broker)
		if number, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || host == "" || number == 0 {
			return fmt.Errorf("KAFKA_BOOTSTRAP: %q is not host:port, such as localhost:9092", broker)
		}
	}
	return nil
}

func (c *Config) validateTLS() error {
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		return errors.New("KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE go together: set both, or neither")
	}
	return nil
}

func (c *Config) validateSASL() error {
	s := &c.SASL
	switch s.Mechanism {
	case "":
		if s.User != "" || s.Password != "" || s.PasswordFile != "" {
			return fmt.Errorf("KAFKA_SASL_USER or a password is set without KAFKA_SASL_MECHANISM: set that to %s, %s or %s", Plain, ScramSHA256, ScramSHA512)
		}
		return nil
	case Plain, ScramSHA256, ScramSHA512:
	default:
		return fmt.Errorf("KAFKA_SASL_MECHANISM: %q is not %s, %s or %s", s.Mechanism, Plain, ScramSHA256, ScramSHA512)
	}
	switch {
	case s.User == "":
		return errors.New("KAFKA_SASL_USER is empty: KAFKA_SASL_MECHANISM needs a user")
	case (s.Password == "") == (s.PasswordFile == ""):
		return errors.New("set one of KAFKA_SASL_PASSWORD and KAFKA_SASL_PASSWORD_FILE: KAFKA_SASL_MECHANISM needs a password")
	}
	return nil
}

// Options are what every client of the brokers is made with. They read the files once,
// so that one which is missing or wrong is told at start.
func (c *Config) Options() ([]kgo.Opt, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	opts := []kgo.Opt{kgo.SeedBrokers(c.Bootstrap...), kgo.ClientID("orderplane")}
	if c.TLS.used() {
		config, err := c.TLS.config()
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	if c.SASL.Mechanism != "" {
		if _, err := c.SASL.password(); err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(c.SASL.mechanism()))
	}
	return opts, nil
}

func (t *TLS) used() bool { return t.Enabled || t.CAFile != "" || t.CertFile != "" }

func (t *TLS) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		certificates, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("KAFKA_TLS_CA_FILE: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(certificates) {
			return nil, fmt.Errorf("KAFKA_TLS_CA_FILE: %s has no certificate in PEM", t.CAFile)
		}
	}
	if t.CertFile != "" {
		if _, err := t.certificate(); err != nil {
			return nil, err
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return t.certificate() }
	}
	return config, nil
}

func (t *TLS) certificate() (*tls.Certificate, error) {
	certificate, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE: %w", err)
	}
	return &certificate, nil
}

func (s *SASL) password() (string, error) {
	if s.PasswordFile == "" {
		return s.Password, nil
	}
	text, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("KAFKA_SASL_PASSWORD_FILE: %w", err)
	}
	password, _, _ := strings.Cut(string(text), "\n")
	if password = strings.TrimSuffix(password, "\r"); password == "" {
		return "", fmt.Errorf("KAFKA_SASL_PASSWORD_FILE: the first line of %s is empty", s.PasswordFile)
	}
	return password, nil
}

func (s *SASL) mechanism() sasl.Mechanism {
	if s.Mechanism == Plain {
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			password, err := s.password()
			return plain.Auth{User: s.User, Pass: password}, err
		})
	}
	authenticate := func(context.Context) (scram.Auth, error) {
		password, err := s.password()
		return scram.Auth{User: s.User, Pass: password}, err
	}
	if s.Mechanism == ScramSHA256 {
		return scram.Sha256(authenticate)
	}
	return scram.Sha512(authenticate)
}
