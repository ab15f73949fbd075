package channel

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// dialWithin bounds how long a connection may take to come about: a server that is slow to answer accepts it at once.
const dialWithin = 10 * time.Second

// link is a connection to the mail server that has said hello, is encrypted and knows who sends.
type link struct {
	conn   net.Conn
	client *mail.Client
	smtp   *smtp.Client
}

// drop ends the connection without a word. Whatever waits at it is woken.
func (l *link) drop() { _ = l.conn.Close() }

// connect makes a link. It ends with ctx, or after twice the time-out.
func (m *mailer) connect(ctx context.Context) (*link, error) {
	conn, err := m.dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	client, err := m.client(conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	said, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &link{conn, client, said}, nil
}

// dial makes the connection itself, so that it can be closed by ctx and is closed after every error.
func (m *mailer) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, min(m.Timeout, dialWithin))
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(m.Host, strconv.Itoa(m.Port)))
	if err != nil || m.TLS != ImplicitTLS {
		return conn, err
	}
	encrypted := tls.Client(conn, m.tls.Clone())
	if err := encrypted.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return encrypted, nil
}

// client speaks SMTP on one connection.
func (m *mailer) client(conn net.Conn) (*mail.Client, error) {
	policy := mail.NoTLS
	if m.TLS == StartTLS {
		policy = mail.TLSMandatory
	}
	options := []mail.Option{
		mail.WithPort(m.Port), mail.WithTimeout(m.Timeout),
		mail.WithTLSConfig(m.tls.Clone()), mail.WithTLSPolicy(policy),
		mail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return conn, nil }),
	}
	if m.User != "" {
		password, err := secret(m.Password, m.PasswordFile, "SMTP_PASSWORD_FILE")
		if err != nil {
			return nil, err
		}
		// PLAIN and LOGIN refuse by themselves to go over a connection that is not encrypted.
		options = append(options, mail.WithUsername(m.User), mail.WithPassword(password), mail.WithOpportunisticSMTPAuth(
			mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin, mail.SMTPAuthCramMD5))
	}
	return mail.NewClient(m.Host, options...)
}
