package devcluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Options say how a control plane is run. The zero value is a throw-away one.
type Options struct {
	// AssetsDir holds etcd and kube-apiserver. FindAssets decides when empty.
	AssetsDir string
	// DataDir keeps etcd's data and the certificates across restarts. A
	// temporary one, deleted by Stop, when empty.
	DataDir string
	// LogDir receives etcd.log and kube-apiserver.log; DataDir/log when empty.
	LogDir string
	// EtcdPort and APIServerPort are loopback ports; free ones when 0.
	EtcdPort, APIServerPort int
	// UnsafeNoFsync lets etcd skip fsync. For tests: a lost machine may lose data, a lost process can't.
	UnsafeNoFsync bool
	// EtcdArgs and APIServerArgs come after our own flags, so they override them.
	EtcdArgs, APIServerArgs []string
	// StartTimeout bounds the start of each process; a minute when 0.
	StartTimeout time.Duration
}

// Validate refuses what can't work.
func (o Options) Validate() error {
	var errs []error
	for _, p := range []struct {
		field string
		port  int
	}{{"EtcdPort", o.EtcdPort}, {"APIServerPort", o.APIServerPort}} {
		if p.port < 0 || p.port > 65535 {
			errs = append(errs, fmt.Errorf("%s: %d is no port; use 0 (any free one) to 65535", p.field, p.port))
		}
	}
	if o.EtcdPort != 0 && o.EtcdPort == o.APIServerPort {
		errs = append(errs, fmt.Errorf("EtcdPort and APIServerPort: both are %d; give each its own", o.EtcdPort))
	}
	if o.StartTimeout < 0 {
		errs = append(errs, fmt.Errorf("StartTimeout: %s is below zero", o.StartTimeout))
	}
	return errors.Join(errs...)
}

// complete fills what was left open, and tells whether DataDir is temporary.
func (o Options) complete() (Options, bool, error) {
	if o.AssetsDir == "" {
		dir, err := FindAssets()
		if err != nil {
			return o, false, err
		}
		o.AssetsDir = dir
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = time.Minute
	}
	temporary := o.DataDir == ""
	if temporary {
		dir, err := os.MkdirTemp("", "orderplane-controlplane-")
		if err != nil {
			return o, false, fmt.Errorf("make a data folder: %w", err)
		}
		o.DataDir = dir
	}
	if o.LogDir == "" {
		o.LogDir = filepath.Join(o.DataDir, "log")
	}
	if err := os.MkdirAll(o.LogDir, 0o750); err != nil {
		return o, temporary, fmt.Errorf("make the log folder: %w", err)
	}
	return o, temporary, nil
}

// FreePort asks the kernel for a loopback port nobody listens on. Somebody else
// may take it before it is used; whoever can, tries again then.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // returns at once
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return 0, fmt.Errorf("give back port %d: %w", port, err)
	}
	return port, nil
}
