package devservices

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/orderplane/orderplane/internal/devcluster"
)

const (
	// mailPatience is how long a client of the sink may be silent.
	mailPatience = time.Minute
	// largestMail is how many bytes a mail has at most.
	largestMail = 10 << 20
)

// MailSink is a mail server that delivers nothing: it keeps what it gets as files that a mail program opens.
type MailSink struct {
	server   *smtp.Server
	listener net.Listener
	served   chan struct{}
}

// StartMailSink starts one on a port of the loopback interface, any free one for 0. A mail becomes the file
// ID.eml of the folder, by the part of its Message-ID before the @. A mail that comes again is the same file.
func StartMailSink(folder string, port int) (*MailSink, error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, fmt.Errorf("folder for mails: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(devcluster.Host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen for mails: %w", err)
	}
	s := &MailSink{listener: listener, served: make(chan struct{})}
	s.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{folder: folder}, nil }))
	s.server.Domain, s.server.MaxMessageBytes = "localhost", largestMail
	s.server.ReadTimeout, s.server.WriteTimeout = mailPatience, mailPatience
	go func() {
		defer close(s.served)
		_ = s.server.Serve(listener) // it ends with Stop
	}()
	return s, nil
}

// Port is where it listens.
func (s *MailSink) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Stop ends it, with its connections.
func (s *MailSink) Stop() {
	_ = s.listener.Close() // it may not have been served yet
	_ = s.server.Close()
	<-s.served
}

// mailSession is what a client says on one connection.
type mailSession struct {
	folder string
}

func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }

// Data keeps a mail. It is written aside first, so that nobody opens half of one.
func (s mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	aside, err := os.CreateTemp(s.folder, ".mail-*")
	if err != nil {
		return fmt.Errorf("keep a mail: %w", err)
	}
	_, err = aside.Write(text)
	if err = errors.Join(err, aside.Close()); err == nil {
		err = os.Rename(aside.Name(), filepath.Join(s.folder, mailName(string(text))+".eml"))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep a mail: %w", err), os.Remove(aside.Name()))
	}
	return nil
}

// mailName is the part of a mail's Message-ID before the @, or a new one where that is no name of a file.
func mailName(text string) string {
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		return rand.Text()
	}
	name, _, _ := strings.Cut(strings.Trim(m.Header.Get("Message-ID"), "<> "), "@")
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
	}
	if name == "" || len(name) > 100 || strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) {
		return rand.Text()
	}
	return name
}
