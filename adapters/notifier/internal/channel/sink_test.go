package channel_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// sink is a mail server that keeps what it gets.
type sink struct {
	mu    sync.Mutex
	mails []letter
	// answers, when set, say what the server answers at a stage: MAIL, RCPT, DATA.
	answers map[string]error
	// hold, when set, is waited for before a mail is taken.
	hold <-chan struct{}
	// login that is asked for, user and password; none when empty.
	user, password string
	sessions       int
}

// letter is a mail as it came.
type letter struct {
	from, to string
	raw      []byte
}

func (l letter) parsed(t *testing.T) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(l.raw))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (s *sink) NewSession(*smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	return &session{sink: s}, nil
}

func (s *sink) got() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]letter(nil), s.mails...)
}

func (s *sink) opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

// answer sets what is answered at a stage; nil is yes.
func (s *sink) answer(stage string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = map[string]error{stage: err}
}

func (s *sink) at(stage string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[stage]
}

type session struct {
	*sink
	letter
	known bool
}

func (s *session) AuthMechanisms() []string {
	if s.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.user || password != s.password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "wrong"}
		}
		s.known = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.user != "" && !s.known {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return s.at("MAIL")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return s.at("RCPT")
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.hold != nil {
		<-s.hold
	}
	if err := s.at("DATA"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, letter{s.from, s.to, raw})
	return nil
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

// started is a server on a port of this machine.
type started struct {
	host string
	port int
	// ca is the file with the certificate of the server.
	ca string
}

// start serves a sink: in the clear, with STARTTLS, or encrypted from the first byte.
func start(t *testing.T, s *sink, how string) started {
	t.Helper()
	certificate, ca := certificate(t)
	server := smtp.NewServer(s)
	server.Domain, server.AllowInsecureAuth, server.EnableSMTPUTF8 = "localhost", true, true
	server.ErrorLog = quiet{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	serving := listener
	switch how {
	case "starttls":
		server.TLSConfig = config
	case "tls":
		serving = tls.NewListener(listener, config)
	default:
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(serving); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close() // Close leaves open what Serve has not taken up yet
		<-ended
	})
	return started{"127.0.0.1", listener.Addr().(*net.TCPAddr).Port, ca}
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// certificate of 127.0.0.1, and the file that has it.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sink"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
