package devcluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// startTries is how often a server is started when its port was left to us and
// somebody else took it between our looking and the server's listening.
const startTries = 3

// pollInterval is how often a starting server is asked whether it is ready.
const pollInterval = 50 * time.Millisecond

// server is a child process behind a loopback port: how to start it and how to
// see that it serves.
type server struct {
	name    string
	path    string
	logFile string
	port    int // 0 until chosen; then kept across restarts
	timeout time.Duration
	args    func(port int) []string
	ready   func(ctx context.Context, port int) error

	mu      sync.Mutex
	process *Process
	log     *os.File
}

func (s *server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	fixed := s.port != 0
	for try := 1; ; try++ {
		if !fixed {
			port, err := FreePort()
			if err != nil {
				return err
			}
			s.port = port
		}
		err := s.startOnce(ctx)
		if err == nil || fixed || try == startTries || !s.portWasTaken() {
			return err
		}
	}
}

func (s *server) startOnce(ctx context.Context) error {
	log, err := os.OpenFile(s.logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open log of %s: %w", s.name, err)
	}
	p, err := StartProcess(s.name, Command{Path: s.path, Args: s.args(s.port), Log: log})
	if err != nil {
		return errors.Join(err, log.Close())
	}
	s.set(p, log)
	if err := s.waitReady(ctx, p); err != nil {
		stop := s.stop(context.Background())
		return errors.Join(fmt.Errorf("%w\n%s", err, s.logTail()), stop)
	}
	return nil
}

func (s *server) set(p *Process, log *os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process, s.log = p, log
}

func (s *server) current() *Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

func (s *server) waitReady(ctx context.Context, p *Process) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := s.ready(ctx, s.port)
		if err == nil {
			return nil
		}
		select {
		case <-p.Exited():
			return fmt.Errorf("start %s: it ended at once: %w", s.name, p.Err())
		case <-ctx.Done():
			return fmt.Errorf("start %s: not ready on port %d: %w (last answer: %w)", s.name, s.port, ctx.Err(), err)
		case <-tick.C:
		}
	}
}

func (s *server) stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	err := errors.Join(s.process.Stop(ctx), s.log.Close())
	s.process, s.log = nil, nil
	return err
}

func (s *server) portWasTaken() bool {
	return strings.Contains(s.logTail(), "address already in use")
}

// logTail is the last part of the server's log, for an error message.
func (s *server) logTail() string {
	const most = 2048
	data, err := os.ReadFile(s.logFile)
	if err != nil {
		return ""
	}
	if len(data) > most {
		data = data[len(data)-most:]
	}
	return fmt.Sprintf("end of %s:\n%s", s.logFile, data)
}

// expectOK asks an URL for status 200.
func expectOK(ctx context.Context, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only the status is of interest
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}

func newEtcd(o Options) *server {
	url := func(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }
	return &server{
		name:    "etcd",
		path:    filepath.Join(o.AssetsDir, "etcd"),
		logFile: filepath.Join(o.LogDir, "etcd.log"),
		port:    o.EtcdPort,
		timeout: o.StartTimeout,
		args: func(port int) []string {
			args := []string{
				"--data-dir=" + filepath.Join(o.DataDir, "etcd"),
				"--listen-client-urls=" + url(port),
				"--advertise-client-urls=" + url(port),
				"--listen-peer-urls=http://127.0.0.1:0",
				"--quota-backend-bytes=8589934592",
				"--log-level=warn",
			}
			if o.UnsafeNoFsync {
				args = append(args, "--unsafe-no-fsync")
			}
			return append(args, o.EtcdArgs...)
		},
		ready: func(ctx context.Context, port int) error {
			return expectOK(ctx, http.DefaultClient, url(port)+"/health")
		},
	}
}
