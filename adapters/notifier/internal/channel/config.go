package channel

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// The channels there are, as orders and the contract name them.
const (
	email v1alpha1.NotificationChannel = "EMAIL"
	sms   v1alpha1.NotificationChannel = "SMS"
	push  v1alpha1.NotificationChannel = "PUSH"
)

// How the connection to a mail server is encrypted.
const (
	// StartTLS begins in the clear and goes on encrypted, or not at all.
	StartTLS = "starttls"
	// ImplicitTLS is encrypted from the first byte.
	ImplicitTLS = "tls"
	// NoTLS is never encrypted.
	NoTLS = "none"
)

// Config says by which providers messages go out. A channel whose provider is not named is off. Its
// errors name the variables of the environment that set it.
type Config struct {
	Mail Mail
	SMS  SMS
	Push Push
	// Clock gives the time that a webhook is signed with; the machine's when nil.
	Clock clock.PassiveClock
}

// Mail is the mail server, or a folder.
type Mail struct {
	// Host of the server; none when empty. Port is 587 for starttls, 465 for tls, 25 for none, when 0.
	Host string
	Port int
	// TLS is StartTLS, ImplicitTLS or NoTLS.
	TLS string
	// CAFile has the certificates, PEM, that the server's must come from; the system's when empty.
	CAFile string
	// User, and the Password or the file that has it, are for AUTH; none when User is empty. The file is
	// read at each connection. What follows its first line is no part of the password.
	User, Password, PasswordFile string
	// From is the sender, such as Shop <orders@shop.example>; ReplyTo is where answers go, if elsewhere.
	From, ReplyTo string
	// Dir is the folder that mails are written to, as .eml files, where there is no Host.
	Dir string
	// Kept is how many connections are kept at most for the next mails; 8 when 0.
	Kept int
	// Timeout is for all that is said before the first mail of a connection, and again for each mail. A mail that takes
	// longer is tried again, and then may arrive twice (RFC 5321, section 4.5.3.2, wants minutes).
	Timeout time.Duration
}

// SMS is Twilio.
type SMS struct {
	// URL of the API.
	URL string
	// AccountSID is the account, none when empty. Token is its secret, or in the file, which is read for each message.
	AccountSID, Token, TokenFile string
	// From is the number the messages come from, or Service the messaging service that has numbers.
	From, Service string
	// Timeout is for a message.
	Timeout time.Duration
}

// Push is the webhook of whoever passes messages on to devices.
type Push struct {
	// URL that messages are posted to; none when empty.
	URL string
	// Secret is what they are signed with: whsec_ and base64 of 24 to 64 bytes. Several, with spaces
	// between, sign each message several times, so that a secret can be changed. Or they are in the file,
	// which is read for each message.
	Secret, SecretFile string
	// AllowPrivate lets the URL be of this machine or a private network, and be plain http.
	AllowPrivate bool
	// Timeout is for a message.
	Timeout time.Duration
}

// DefaultConfig has every channel off.
func DefaultConfig() Config {
	const timeout = 10 * time.Second
	return Config{
		Mail: Mail{TLS: StartTLS, From: "orders@localhost", Timeout: 2 * time.Minute},
		SMS:  SMS{URL: "https://api.twilio.com", Timeout: timeout},
		Push: Push{Timeout: timeout},
	}
}

// Validate tells everything that is wrong at once, and the way out. It reads no file.
func (c *Config) Validate() error {
	return errors.Join(c.Mail.validate(), c.SMS.validate(), c.Push.validate())
}

func (m *Mail) validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if m.Host == "" && m.Dir == "" {
		if m.User != "" {
			refuse("SMTP_USER is set without SMTP_HOST: set the host as well")
		}
		return errors.Join(errs...)
	}
	if _, err := mail.ParseAddress(m.From); err != nil {
		refuse("MAIL_FROM: %q is no mail address such as Shop <orders@shop.example>", m.From)
	}
	if _, err := mail.ParseAddress(m.ReplyTo); m.ReplyTo != "" && err != nil {
		refuse("MAIL_REPLY_TO: %q is no mail address", m.ReplyTo)
	}
	switch m.TLS {
	case StartTLS, ImplicitTLS, NoTLS:
	default:
		refuse("SMTP_TLS: %q is not %s, %s or %s", m.TLS, StartTLS, ImplicitTLS, NoTLS)
	}
	if m.Port < 0 || m.Port > 65535 {
		refuse("SMTP_PORT: %d is no port", m.Port)
	}
	if m.TLS == NoTLS && m.User != "" {
		refuse("SMTP_USER with SMTP_TLS=%s would send the password in the clear: set SMTP_TLS to %s or %s", NoTLS, StartTLS, ImplicitTLS)
	}
	if m.TLS == NoTLS && m.CAFile != "" {
		refuse("SMTP_CA_FILE is set, and SMTP_TLS is %s: set it to %s or %s", NoTLS, StartTLS, ImplicitTLS)
	}
	if m.User != "" && (m.Password == "") == (m.PasswordFile == "") {
		refuse("SMTP_USER needs one of SMTP_PASSWORD and SMTP_PASSWORD_FILE")
	}
	if m.Timeout <= 0 {
		refuse("SMTP_TIMEOUT: %s is not above 0", m.Timeout)
	}
	return errors.Join(errs...)
}

func (s *SMS) validate() error {
	if s.AccountSID == "" {
		if s.Token != "" || s.TokenFile != "" {
			return errors.New("TWILIO_AUTH_TOKEN is set without TWILIO_ACCOUNT_SID: set the account as well")
		}
		return nil
	}
	var errs []error
	if u, err := url.Parse(s.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		errs = append(errs, errors.New("TWILIO_URL is no URL such as https://api.twilio.com"))
	}
	if (s.Token == "") == (s.TokenFile == "") {
		errs = append(errs, errors.New("TWILIO_ACCOUNT_SID needs one of TWILIO_AUTH_TOKEN and TWILIO_AUTH_TOKEN_FILE"))
	}
	if (s.From == "") == (s.Service == "") {
		errs = append(errs, errors.New("TWILIO_ACCOUNT_SID needs one of TWILIO_FROM, a number, and TWILIO_MESSAGING_SERVICE_SID"))
	}
	if s.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("SMS_TIMEOUT: %s is not above 0", s.Timeout))
	}
	return errors.Join(errs...)
}

func (p *Push) validate() error {
	if p.URL == "" {
		if p.Secret != "" || p.SecretFile != "" {
			return errors.New("PUSH_SECRET is set without PUSH_URL: set the URL as well")
		}
		return nil
	}
	var errs []error
	u, err := url.Parse(p.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		errs = append(errs, errors.New("PUSH_URL is no URL such as https://push.shop.example/hook"))
	case u.Scheme == "http" && !p.AllowPrivate:
		errs = append(errs, errors.New("PUSH_URL is http: use https, or allow it within your own network by PUSH_ALLOW_PRIVATE=true"))
	case u.User != nil:
		errs = append(errs, errors.New("PUSH_URL has a user in it: messages are signed by PUSH_SECRET instead"))
	}
	switch {
	case (p.Secret == "") == (p.SecretFile == ""):
		errs = append(errs, errors.New("PUSH_URL needs one of PUSH_SECRET and PUSH_SECRET_FILE"))
	case p.Secret != "":
		if _, err := secretsOf(p.Secret); err != nil {
			errs = append(errs, fmt.Errorf("PUSH_SECRET: %w", err))
		}
	}
	if p.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("PUSH_TIMEOUT: %s is not above 0", p.Timeout))
	}
	return errors.Join(errs...)
}

// New makes the channels that are configured. It reads the files once, so that one which is missing or
// wrong is told at start. No provider is asked.
func New(c Config) (map[v1alpha1.NotificationChannel]Channel, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Clock == nil {
		c.Clock = clock.RealClock{}
	}
	channels := map[v1alpha1.NotificationChannel]Channel{}
	add := func(to Channel, err error) error {
		if err == nil {
			channels[to.Name()] = to
		}
		return err
	}
	var errs []error
	switch {
	case c.Mail.Host != "":
		errs = append(errs, add(newMailer(c.Mail)))
	case c.Mail.Dir != "":
		errs = append(errs, add(newMailDir(c.Mail)))
	}
	if c.SMS.AccountSID != "" {
		errs = append(errs, add(newTwilio(c.SMS)))
	}
	if c.Push.URL != "" {
		errs = append(errs, add(newWebhook(c.Push, c.Clock)))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return channels, nil
}

// secret gives what was set, or the first line of the file. The error names the variable and no secret.
func secret(set, file, variable string) (string, error) {
	if file == "" {
		return set, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", variable, err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "", fmt.Errorf("%s: the first line of %s is empty", variable, file)
	}
	return line, nil
}
