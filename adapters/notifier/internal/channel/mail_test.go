package channel_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"mime"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/orderplane/orderplane/adapters/notifier/internal/channel"
)

// generous is a time-out that nothing on a busy machine reaches.
const generous = 30 * time.Second

func message() channel.Message {
	return channel.Message{
		ID: "3c721504-313c-59ac-a0e8-58197ade4f09", OrderID: "o-1", CustomerID: "cust-1", Template: "order.confirmed",
		Recipient: "ines@example.com", Language: "de", Subject: "Ihre Bestellung ist bestätigt", Text: "Guten Tag\n", HTML: "<p>Guten Tag</p>",
		At: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC),
	}
}

func mailer(t *testing.T, s started, how string, change func(*channel.Mail)) channel.Channel {
	t.Helper()
	c := channel.DefaultConfig()
	c.Mail.Host, c.Mail.Port, c.Mail.TLS, c.Mail.Timeout, c.Mail.From = s.host, s.port, how, generous, "Shop <orders@shop.example>"
	if how != channel.NoTLS {
		c.Mail.CAFile = s.ca
	}
	if change != nil {
		change(&c.Mail)
	}
	channels, err := channel.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return channels["EMAIL"]
}

func TestMailArrives(t *testing.T) {
	for _, how := range []string{channel.StartTLS, channel.ImplicitTLS, channel.NoTLS} {
		t.Run(how, func(t *testing.T) {
			s := &sink{}
			if how != channel.NoTLS {
				s.user, s.password = "shop", "s3cret"
			}
			to := mailer(t, start(t, s, how), how, func(m *channel.Mail) { m.User, m.Password, m.ReplyTo = s.user, s.password, "help@shop.example" })
			if err := to.Send(t.Context(), message()); err != nil {
				t.Fatal(err)
			}
			mails := s.got()
			if len(mails) != 1 || mails[0].to != "ines@example.com" || mails[0].from != "orders@shop.example" {
				t.Fatalf("%+v", mails)
			}
			header := mails[0].parsed(t).Header
			subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
			if err != nil || subject != "Ihre Bestellung ist bestätigt" {
				t.Errorf("subject %q: %v", subject, err)
			}
			for name, want := range map[string]string{
				"Message-ID": "<3c721504-313c-59ac-a0e8-58197ade4f09@shop.example>", "Auto-Submitted": "auto-generated", "Content-Language": "de",
				"To": "<ines@example.com>", "From": `"Shop" <orders@shop.example>`, "Reply-To": "<help@shop.example>",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if kind := header.Get("Content-Type"); !strings.HasPrefix(kind, "multipart/alternative") {
				t.Errorf("content type %q", kind)
			}
		})
	}
}

// What a mail server may answer, and what becomes of the mail.
func TestRefusals(t *testing.T) {
	refusal := func(code int, enhanced smtp.EnhancedCode) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: "no <ines@example.com>, Guten Tag"}
	}
	for name, test := range map[string]struct {
		stage   string
		err     error
		forGood bool
		told    string
	}{
		"sender for good":       {"MAIL", refusal(550, smtp.EnhancedCode{5, 7, 1}), true, "550 5.7.1: at the sender"},
		"sender for now":        {"MAIL", refusal(451, smtp.EnhancedCode{4, 3, 0}), false, "451 4.3.0: at the sender"},
		"login is asked for":    {"MAIL", refusal(530, smtp.EnhancedCode{5, 7, 0}), false, "530"},
		"recipient for good":    {"RCPT", refusal(550, smtp.EnhancedCode{5, 1, 1}), true, "550 5.1.1: at the recipient"},
		"mailbox full":          {"RCPT", refusal(452, smtp.EnhancedCode{4, 2, 2}), false, "452 4.2.2"},
		"greylisted":            {"RCPT", refusal(450, smtp.EnhancedCode{4, 7, 1}), false, "450"},
		"text for good":         {"DATA", refusal(554, smtp.EnhancedCode{5, 7, 1}), true, "554 5.7.1: at the end of the text"},
		"text for now":          {"DATA", refusal(451, smtp.EnhancedCode{4, 3, 0}), false, "451"},
		"server ends meanwhile": {"RCPT", refusal(421, smtp.EnhancedCode{4, 3, 2}), false, "421"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sink{}
			to := mailer(t, start(t, s, ""), channel.NoTLS, nil)
			s.answer(test.stage, test.err)
			err := to.Send(t.Context(), message())
			if err == nil || channel.IsPermanent(err) != test.forGood || !strings.Contains(err.Error(), test.told) {
				t.Errorf("%v, for good: %t; want %q, %t", err, channel.IsPermanent(err), test.told, test.forGood)
			}
			for _, personal := range []string{"ines", "example.com", "Guten"} {
				if err != nil && strings.Contains(err.Error(), personal) {
					t.Errorf("the error has %q in it: %v", personal, err)
				}
			}
			s.answer("", nil)
			if err := to.Send(t.Context(), message()); err != nil || len(s.got()) != 1 {
				t.Errorf("the next one: %v, %d mails", err, len(s.got()))
			}
		})
	}
}

func TestConnectionsAreKept(t *testing.T) {
	s := &sink{}
	to := mailer(t, start(t, s, "starttls"), channel.StartTLS, nil)
	for range 20 {
		if err := to.Send(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
	}
	if s.opened() > 3 { // a session before STARTTLS and one after it
		t.Errorf("%d sessions for 20 mails", s.opened())
	}
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			if err := to.Send(t.Context(), message()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(s.got()); n != 52 {
		t.Errorf("%d mails", n)
	}
}

func TestWhatTheOperatorMendsIsTriedAgain(t *testing.T) {
	s := &sink{user: "shop", password: "s3cret"}
	server := start(t, s, "starttls")
	plain := start(t, &sink{}, "")
	for name, to := range map[string]channel.Channel{
		"a wrong password":         mailer(t, server, channel.StartTLS, func(m *channel.Mail) { m.User, m.Password = "shop", "wrong" }),
		"a certificate of nobody":  mailer(t, server, channel.StartTLS, func(m *channel.Mail) { m.CAFile = "" }),
		"another's certificate":    mailer(t, server, channel.StartTLS, func(m *channel.Mail) { m.Host = "localhost" }),
		"no STARTTLS":              mailer(t, plain, channel.StartTLS, nil),
		"no TLS at all":            mailer(t, plain, channel.ImplicitTLS, func(m *channel.Mail) { m.Timeout = time.Second }),
		"a port that nobody has":   mailer(t, started{host: "127.0.0.1", port: 1}, channel.NoTLS, nil),
		"a login without a login?": mailer(t, server, channel.StartTLS, nil),
	} {
		t.Run(name, func(t *testing.T) {
			if err := to.Send(t.Context(), message()); err == nil || channel.IsPermanent(err) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v, for good: %t", err, channel.IsPermanent(err))
			}
		})
	}
	if n := len(s.got()); n != 0 {
		t.Errorf("%d mails went out all the same", n)
	}
}

// scripted is a server that does what a test says, line by line.
func scripted(t *testing.T, serve func(net.Conn, *bufio.Reader)) started {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer func() { _ = conn.Close() }()
				serve(conn, bufio.NewReader(conn))
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		open.Wait()
	})
	return started{host: "127.0.0.1", port: listener.Addr().(*net.TCPAddr).Port}
}

// upToData speaks until the client begins with the text.
func upToData(conn net.Conn, lines *bufio.Reader) bool {
	_, _ = io.WriteString(conn, "220 here\r\n")
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return false
		}
		if strings.HasPrefix(line, "DATA") {
			_, _ = io.WriteString(conn, "354 go on\r\n")
			return true
		}
		_, _ = io.WriteString(conn, "250 yes\r\n")
	}
}

func TestServerThatClosesWithinTheText(t *testing.T) {
	to := mailer(t, scripted(t, func(conn net.Conn, lines *bufio.Reader) {
		if upToData(conn, lines) {
			_, _ = lines.ReadString('\n')
		}
	}), channel.NoTLS, nil)
	if err := to.Send(t.Context(), message()); err == nil || channel.IsPermanent(err) {
		t.Errorf("%v, for good: %t", err, channel.IsPermanent(err))
	}
}

// Once the server has said yes the mail is sent, whatever becomes of the connection.
func TestServerThatClosesAfterItsYes(t *testing.T) {
	to := mailer(t, scripted(t, func(conn net.Conn, lines *bufio.Reader) {
		if !upToData(conn, lines) {
			return
		}
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if line == ".\r\n" {
				_, _ = io.WriteString(conn, "250 taken\r\n")
				return
			}
		}
	}), channel.NoTLS, nil)
	for range 2 {
		if err := to.Send(t.Context(), message()); err != nil {
			t.Error(err)
		}
	}
}

// A server that takes its time holds a mail up until the time-out or the caller's end, and no other mail.
func TestSlowServer(t *testing.T) {
	hold := make(chan struct{})
	s := &sink{hold: hold}
	server := start(t, s, "")
	defer close(hold)
	t.Run("time-out", func(t *testing.T) {
		to := mailer(t, server, channel.NoTLS, func(m *channel.Mail) { m.Timeout = 100 * time.Millisecond })
		if err := to.Send(t.Context(), message()); err == nil || channel.IsPermanent(err) {
			t.Errorf("%v, for good: %t", err, channel.IsPermanent(err))
		}
	})
	t.Run("caller's end", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begun := time.Now()
		if err := mailer(t, server, channel.NoTLS, nil).Send(ctx, message()); err == nil || channel.IsPermanent(err) {
			t.Errorf("%v, for good: %t", err, channel.IsPermanent(err))
		}
		if took := time.Since(begun); took > generous/2 {
			t.Errorf("it took %s, as if nobody had ended it", took)
		}
	})
	t.Run("says nothing at all", func(t *testing.T) {
		silent := scripted(t, func(_ net.Conn, lines *bufio.Reader) { _, _ = lines.ReadString('\n') })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := mailer(t, silent, channel.NoTLS, nil).Send(ctx, message()); err == nil {
			t.Error("sent")
		}
	})
	if n := len(s.got()); n != 0 {
		t.Errorf("%d mails", n)
	}
}

func TestKeptConnectionThatWentAway(t *testing.T) {
	var conns []net.Conn
	var mu sync.Mutex
	to := mailer(t, scripted(t, func(conn net.Conn, lines *bufio.Reader) {
		mu.Lock()
		conns = append(conns, conn)
		mu.Unlock()
		if upToData(conn, lines) {
			for line := ""; line != ".\r\n"; {
				var err error
				if line, err = lines.ReadString('\n'); err != nil {
					return
				}
			}
			_, _ = io.WriteString(conn, "250 taken\r\n")
			// What is not read when a connection ends takes along what was answered.
			for line := ""; !strings.HasPrefix(line, "RSET"); {
				var err error
				if line, err = lines.ReadString('\n'); err != nil {
					return
				}
				_, _ = io.WriteString(conn, "250 yes\r\n")
			}
		}
	}), channel.NoTLS, nil)
	for n := range 3 {
		if err := to.Send(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		if len(conns) != n+1 {
			t.Errorf("%d connections after %d mails", len(conns), n+1)
		}
		mu.Unlock()
	}
}

func TestRecipientsThatAreNoBareAddress(t *testing.T) {
	s := &sink{}
	to := mailer(t, start(t, s, ""), channel.NoTLS, nil)
	for _, recipient := range []string{
		"", "ines", "Ines <ines@example.com>", "ines@example.com, eve@example.com", "ines@example.com\r\nBcc: eve@example.com",
		"ines@example.com>\r\nRCPT TO:<eve@example.com", " ines@example.com", "<ines@example.com>", "ines@example.com\x00",
	} {
		m := message()
		m.Recipient = recipient
		if err := to.Send(t.Context(), m); !channel.IsPermanent(err) || strings.Contains(err.Error(), "example.com") {
			t.Errorf("%q: %v", recipient, err)
		}
	}
	if len(s.got()) != 0 || s.opened() != 0 {
		t.Errorf("%d mails, %d sessions", len(s.got()), s.opened())
	}
}

func TestHeadersAreNotBroken(t *testing.T) {
	s := &sink{}
	to := mailer(t, start(t, s, ""), channel.NoTLS, nil)
	for _, end := range []string{"\r\n", "\n", "\r", "\x00", "\u0085", "\u2028", "\u2029", "\v", "\f", "=\r\n", "?=\r\n"} {
		m := message()
		m.Subject = "Hello" + end + "Bcc: eve@example.com" + end + end + "<b>body</b>"
		m.Language = "de" + end + "X-Evil: 1"
		m.ID = "id" + end + "X-Evil: 1"
		m.Text = "Hello" + end + "." + end + "MAIL FROM:<eve@example.com>" + end
		if err := to.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range s.got() {
		header := l.parsed(t).Header
		if header.Get("Bcc") != "" || header.Get("X-Evil") != "" || l.to != "ines@example.com" || len(header["Subject"]) != 1 {
			t.Errorf("%s", l.raw)
		}
	}
	if n := len(s.got()); n != 11 {
		t.Errorf("%d mails", n)
	}
}

func TestMailDir(t *testing.T) {
	c := channel.DefaultConfig()
	c.Mail.Dir = filepath.Join(t.TempDir(), "mail", "out")
	channels, err := channel.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"one", "two", "two", "../../three"} {
		m := message()
		m.ID = id
		if err := channels["EMAIL"].Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(c.Mail.Dir)
	if err != nil || fmt.Sprint(files) != "[- ..-..-three.eml - one.eml - two.eml]" {
		t.Errorf("%v, %v", files, err)
	}
	raw, err := os.ReadFile(filepath.Join(c.Mail.Dir, "one.eml"))
	if err != nil || (letter{raw: raw}).parsed(t).Header.Get("To") != "<ines@example.com>" {
		t.Errorf("%v\n%s", err, raw)
	}
}
