package mirrorfaults

import (
	"errors"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/orderplane/orderplane/test/testenv"
)

// pgWire is between one mirror and Postgres. It understands what passes.
type pgWire struct {
	life     *life
	listener net.Listener
	// server is the address of Postgres.
	server string
	open   sync.WaitGroup
}

func newPGWire(l *life, server string) (*pgWire, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &pgWire{life: l, listener: listener, server: server}
	w.open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			w.open.Go(func() { w.serve(conn) })
		}
	})
	return w, nil
}

func (w *pgWire) address() string { return w.listener.Addr().String() }

// close ends it, once its mirror has ended.
func (w *pgWire) close() {
	_ = w.listener.Close()
	w.life.Pull()
	w.open.Wait()
}

// serve brings what a connection of the mirror says to the server, and its answers back.
func (w *pgWire) serve(mirror net.Conn) {
	server, err := net.Dial("tcp", w.server)
	if err != nil {
		_ = mirror.Close()
		return
	}
	s := &pgSession{life: w.life, mirror: mirror, server: server, statements: map[string]string{}, portals: map[string]string{}}
	ended := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() {
		w.life.cutWith(ended, func() { _, _ = mirror.Close(), server.Close() })
	})
	both.Go(func() {
		_ = s.answers()
		_ = mirror.Close()
	})
	_ = s.asks() // however it ended
	close(ended)
	both.Wait()
}

// pgSession is one connection.
type pgSession struct {
	life           *life
	mirror, server net.Conn
	database       string
	// statements are the texts of prepared statements, portals those of bound ones.
	statements, portals map[string]string
	// began is true inside a transaction; wrote is what it has written.
	began bool
	wrote []string
	// dying is true when the answer to what was sent is the last that happens.
	dying atomic.Bool
}

// asks passes on what the mirror says until either side ends.
func (s *pgSession) asks() error {
	from := pgproto3.NewBackend(s.mirror, s.mirror)
	start, err := from.ReceiveStartupMessage()
	if err != nil {
		return err
	}
	if m, ok := start.(*pgproto3.StartupMessage); ok {
		s.database, _, _ = strings.Cut(strings.TrimPrefix(m.Parameters["database"], "ops_"), "_")
	}
	if err := send(s.server, start); err != nil {
		return err
	}
	for {
		msg, err := from.Receive()
		if err != nil {
			return err
		}
		what := never
		if sites := s.sites(msg); len(sites) > 0 {
			what = s.life.writes(sites...)
		}
		switch what {
		case before:
			s.life.Pull()
			return testenv.ErrUnplugged
		case after:
			s.dying.Store(true)
		default:
		}
		if err := send(s.server, msg); err != nil {
			return err
		}
	}
}

// answers passes on what the server says.
func (s *pgSession) answers() error {
	from := pgproto3.NewFrontend(s.server, s.server)
	for {
		msg, err := from.Receive()
		if err != nil {
			return err
		}
		if s.dying.Load() {
			if _, done := msg.(*pgproto3.ReadyForQuery); done {
				s.life.Pull()
				return testenv.ErrUnplugged
			}
			continue
		}
		if err := send(s.mirror, msg); err != nil {
			return err
		}
	}
}

func send(to net.Conn, msg interface {
	Encode(dst []byte) ([]byte, error)
},
) error {
	text, err := msg.Encode(nil)
	if err == nil {
		_, err = to.Write(text)
	}
	if errors.Is(err, net.ErrClosed) {
		return testenv.ErrUnplugged
	}
	return err
}

// sites are those of a message: a statement that writes, or the commit of several.
func (s *pgSession) sites(msg pgproto3.FrontendMessage) []string {
	switch m := msg.(type) {
	case *pgproto3.Parse:
		s.statements[m.Name] = m.Query
	case *pgproto3.Bind:
		s.portals[m.DestinationPortal] = s.statements[m.PreparedStatement]
	case *pgproto3.Execute:
		return s.statement(s.portals[m.Portal])
	case *pgproto3.Query:
		return s.statement(m.String)
	}
	return nil
}

func (s *pgSession) statement(text string) (sites []string) {
	switch strings.ToLower(strings.TrimRight(strings.TrimSpace(text), ";")) {
	case "begin":
		s.began, s.wrote = true, nil
		return nil
	case "rollback":
		s.began = false
		return nil
	case "commit":
		s.began = false
		for _, what := range s.wrote {
			sites = append(sites, "postgres "+s.database+" COMMIT of "+what)
		}
		return sites
	}
	what := writesOf(text)
	if what == "" {
		return nil
	}
	if s.began && !slices.Contains(s.wrote, what) {
		s.wrote = append(s.wrote, what)
	}
	return []string{"postgres " + s.database + " " + what}
}

var writing = regexp.MustCompile(`(?i)\b(INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|ALTER TABLE|DROP TABLE|TRUNCATE|COPY)\s+"?([a-z_.]+)"?`)

// writesOf says what a statement writes: "" is nothing.
func writesOf(text string) string {
	var what []string
	for _, found := range writing.FindAllStringSubmatch(text, -1) {
		verb, _, _ := strings.Cut(strings.ToUpper(found[1]), " ")
		if table := strings.ToLower(found[2]); table != "set" && table != "of" && table != "skip" {
			what = append(what, verb+" "+table)
		}
	}
	return strings.Join(what, " + ")
}
