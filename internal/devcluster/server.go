package devcluster

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Server is a component behind a loopback port.
type Server struct {
	*Component
	port    int // 0 until chosen; then kept across restarts
	prepare func(port int) error
}

// ServerOptions describe a server that is none of the control plane's, such as a database.
type ServerOptions struct {
	// Name of the component, and Path of its executable.
	Name, Path string
	// Prepare, if any, is called once the port is chosen, before the first start.
	Prepare func(port int) error
	// Args and Ready are what it is started with, and how it is asked whether it serves at a port.
	Args  func(port int) []string
	Ready func(ctx context.Context, port int) error
	// Env and Dir, the working directory, are this process' own when empty.
	Env []string
	Dir string
	// LogFile receives what it says.
	LogFile string
	// Port is a loopback port; a free one when 0.
	Port int
	// StartTimeout bounds its start.
	StartTimeout time.Duration
	// RunAs is the account it runs as; this process' own when nil.
	RunAs *Account
	// StopSignal asks it to end; SIGTERM when nil.
	StopSignal os.Signal
}

// NewServer describes a server. Launch starts it first.
func NewServer(o ServerOptions) *Server {
	s := &Server{port: o.Port, prepare: o.Prepare}
	s.Component = &Component{
		name: o.Name, path: o.Path, env: o.Env, dir: o.Dir, logFile: o.LogFile, timeout: o.StartTimeout,
		runAs: o.RunAs, stop: o.StopSignal,
		args:  func() []string { return o.Args(s.port) },
		ready: func(ctx context.Context) error { return o.Ready(ctx, s.port) },
	}
	return s
}

// Port is the loopback port; 0 until the first Launch chooses one.
func (s *Server) Port() int { return s.port }

// Launch is the first start: it chooses the port if that was left to us, again when
// somebody else took it meanwhile. Start, Stop and Restart keep the port.
func (s *Server) Launch(ctx context.Context) error {
	fixed := s.port != 0
	for try := 1; ; try++ {
		if !fixed {
			port, err := FreePort()
			if err != nil {
				return err
			}
			s.port = port
		}
		if s.prepare != nil {
			if err := s.prepare(s.port); err != nil {
				return err
			}
		}
		err := s.Start(ctx)
		if err == nil {
			return nil
		}
		log := s.LogTail()
		if fixed || try == startTries || !strings.Contains(strings.ToLower(log), "address already in use") {
			return fmt.Errorf("%w\n%s", err, log)
		}
	}
}

// LogTail is the last part of the log, for an error message.
func (s *Server) LogTail() string {
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

func newEtcd(o Options) *Server {
	s := &Server{port: o.EtcdPort}
	s.Component = &Component{
		name:    "etcd",
		path:    filepath.Join(o.AssetsDir, "etcd"),
		logFile: filepath.Join(o.LogDir, "etcd.log"),
		timeout: o.StartTimeout,
		args: func() []string {
			url := loopback("http", s.port)
			args := []string{
				"--data-dir=" + filepath.Join(o.DataDir, "etcd"),
				"--listen-client-urls=" + url,
				"--advertise-client-urls=" + url,
				"--listen-peer-urls=http://127.0.0.1:0",
				"--quota-backend-bytes=8589934592",
				"--log-level=warn",
			}
			if o.UnsafeNoFsync {
				args = append(args, "--unsafe-no-fsync")
			}
			return append(args, o.EtcdArgs...)
		},
		ready: func(ctx context.Context) error {
			return answers(ctx, http.DefaultClient, loopback("http", s.port)+"/health")
		},
	}
	return s
}
