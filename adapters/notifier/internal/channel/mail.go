package channel

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"os"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// mailer sends mails by SMTP. Connections are kept for the next mails.
//
// What the server says of a mail by 5xx is for good, all else is tried again: 4xx, connections that do
// not come about or break, certificates, and a refused password, which the operator mends. A mail whose
// connection breaks between its last byte and the server's answer may arrive twice, with one Message-ID.
type mailer struct {
	Mail
	tls  *tls.Config
	idle chan *link
}

// usuallyKept is how many connections are kept, where nobody says. The server ends those that nobody uses.
const usuallyKept = 8

func newMailer(c Mail) (*mailer, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.Host}
	if c.CAFile != "" {
		certificates, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("SMTP_CA_FILE: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(certificates) {
			return nil, fmt.Errorf("SMTP_CA_FILE: %s has no certificate in PEM form", c.CAFile)
		}
	}
	if _, err := secret(c.Password, c.PasswordFile, "SMTP_PASSWORD_FILE"); err != nil {
		return nil, err
	}
	if c.Port == 0 {
		c.Port = map[string]int{StartTLS: mail.DefaultPortTLS, ImplicitTLS: mail.DefaultPortSSL, NoTLS: mail.DefaultPort}[c.TLS]
	}
	if c.Kept == 0 {
		c.Kept = usuallyKept
	}
	return &mailer{Mail: c, tls: config, idle: make(chan *link, c.Kept)}, nil
}

func (m *mailer) Name() v1alpha1.NotificationChannel { return email }

func (m *mailer) Send(ctx context.Context, message Message) error {
	letter, err := m.compose(message)
	if err != nil {
		return err
	}
	select {
	case kept := <-m.idle:
		if err := m.sendBy(ctx, kept, letter); !isStale(err) {
			return told(err)
		}
	default:
	}
	fresh, err := m.connect(ctx)
	if err != nil {
		return told(err)
	}
	return told(m.sendBy(ctx, fresh, letter))
}

// sendBy sends by a connection, and keeps it if it is still good.
func (m *mailer) sendBy(ctx context.Context, by *link, letter *mail.Msg) error {
	stop := context.AfterFunc(ctx, by.drop)
	err := by.client.SendWithSMTPClient(by.smtp, letter)
	inTime := stop()
	if letter.IsDelivered() {
		// What follows the server's yes, such as a reset that fails, is no error of the mail.
		if inTime && err == nil {
			m.keep(by)
		} else {
			by.drop()
		}
		return nil
	}
	if refused := (*mail.SendError)(nil); errors.As(err, &refused) && refused.ErrorCode() >= 400 && ctx.Err() == nil {
		// It said no to this mail, not to the connection. If it has ended it, the next one will notice.
		m.keep(by)
		return err
	}
	by.drop()
	return err
}

func (m *mailer) keep(l *link) {
	select {
	case m.idle <- l:
	default:
		l.drop()
	}
}

// isStale says that a kept connection was gone before the mail was begun.
func isStale(err error) bool {
	var failed *mail.SendError
	return errors.As(err, &failed) && failed.Reason == mail.ErrConnCheck
}

// compose writes the mail.
func (m *Mail) compose(message Message) (*mail.Msg, error) {
	to, err := netmail.ParseAddress(message.Recipient)
	if err != nil || to.Name != "" || to.Address != message.Recipient {
		return nil, Permanent(errors.New("the recipient is no bare mail address"))
	}
	from, err := netmail.ParseAddress(m.From)
	if err != nil {
		return nil, fmt.Errorf("MAIL_FROM: %w", err)
	}
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	letter.FromMailAddress(from)
	letter.ToMailAddress(to)
	if m.ReplyTo != "" {
		if err := letter.ReplyTo(m.ReplyTo); err != nil {
			return nil, fmt.Errorf("MAIL_REPLY_TO: %w", err)
		}
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	letter.SetMessageIDWithValue(oneLine(message.ID) + "@" + domain)
	letter.Subject(oneLine(message.Subject))
	// RFC 3834: nobody's absence is to be answered to a program.
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.SetGenHeader("X-Auto-Response-Suppress", "All")
	if message.Language != "" {
		letter.SetGenHeader("Content-Language", oneLine(message.Language))
	}
	letter.SetBodyString(mail.TypeTextPlain, message.Text)
	if message.HTML != "" {
		letter.AddAlternativeString(mail.TypeTextHTML, message.HTML)
	}
	return letter, nil
}

// oneLine is a text that ends no header.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, text)
}

// told is an error as it may be kept: what a server repeats of a recipient is not in it.
func told(err error) error {
	if err == nil {
		return nil
	}
	var failed *mail.SendError
	if errors.As(err, &failed) {
		code := failed.ErrorCode()
		if code == 0 {
			return fmt.Errorf("mail server: the connection broke: %s", stage(failed.Reason))
		}
		refusal := fmt.Errorf("mail server: %d %s: %s", code, failed.EnhancedStatusCode(), stage(failed.Reason))
		if code >= 500 && !isOperators(code) {
			return Permanent(refusal)
		}
		return refusal
	}
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return fmt.Errorf("mail server: %s before any mail", strconv.Itoa(answer.Code))
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return errors.New("mail server: its name is not known")
	}
	return fmt.Errorf("mail server: %w", err)
}

// isOperators says that a refusal is about who sends and how, not about the mail: commands that the server does
// not take (RFC 5321), and the login (RFC 4954).
func isOperators(code int) bool {
	switch code {
	case 500, 501, 502, 503, 504, 530, 534, 535, 538:
		return true
	default:
		return false
	}
}

// stage says at what a mail failed.
func stage(reason mail.SendErrReason) string {
	switch reason {
	case mail.ErrSMTPMailFrom:
		return "at the sender"
	case mail.ErrSMTPRcptTo:
		return "at the recipient"
	case mail.ErrSMTPData, mail.ErrWriteContent:
		return "at the text"
	case mail.ErrSMTPDataClose:
		return "at the end of the text"
	default:
		return "before the mail"
	}
}
