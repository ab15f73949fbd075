package devcluster

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// server is a component of the control plane behind a loopback port.
type server struct {
	*Component
	port int // 0 until chosen; then kept across restarts
}

// start is the first start: it chooses the port if that was left to us, again when
// somebody else took it meanwhile.
func (s *server) start(ctx context.Context) error {
	fixed := s.port != 0
	for try := 1; ; try++ {
		if !fixed {
			port, err := FreePort()
			if err != nil {
				return err
			}
			s.port = port
		}
		err := s.Start(ctx)
		if err == nil {
			return nil
		}
		log := s.logTail()
		if fixed || try == startTries || !strings.Contains(log, "address already in use") {
			return fmt.Errorf("%w\n%s", err, log)
		}
	}
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

func newEtcd(o Options) *server {
	s := &server{port: o.EtcdPort}
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
