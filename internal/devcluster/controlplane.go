package devcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/client-go/rest"
)

// ControlPlane is a running etcd with one or more API servers over it.
type ControlPlane struct {
	opts      Options
	temporary bool
	pki       *pki
	etcd      *Server
	admin     *rest.Config
	servers   []*APIServer
}

// Start runs etcd and one API server and waits until they serve. ctx bounds the
// start only; Stop ends them.
func Start(ctx context.Context, opts Options) (*ControlPlane, error) {
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("control plane options: %w", err)
	}
	opts, temporary, err := opts.complete()
	if err != nil {
		return nil, err
	}
	cp := &ControlPlane{opts: opts, temporary: temporary, etcd: newEtcd(opts)}
	if err := cp.start(ctx); err != nil {
		return nil, errors.Join(err, cp.Stop())
	}
	return cp, nil
}

func (cp *ControlPlane) start(ctx context.Context) error {
	p, err := openPKI(filepath.Join(cp.opts.DataDir, "pki"))
	if err != nil {
		return err
	}
	cp.pki = p
	if err := cp.etcd.Launch(ctx); err != nil {
		return err
	}
	first, err := cp.StartAPIServer(ctx)
	if err != nil {
		return err
	}
	cp.admin, err = first.Config()
	return err
}

// StartAPIServer runs a further API server on the same etcd: the first call is
// the control plane's own, later ones are for tests that need a view of the
// cluster that can lag. Not safe for use by several goroutines.
func (cp *ControlPlane) StartAPIServer(ctx context.Context) (*APIServer, error) {
	a, err := newAPIServer(cp.opts, cp.pki, cp.EtcdEndpoint(), len(cp.servers)+1)
	if err != nil {
		return nil, err
	}
	if err := a.Launch(ctx); err != nil {
		return nil, err
	}
	cp.servers = append(cp.servers, a)
	return a, nil
}

// Config is an administrator's access to the first API server: system:masters,
// no client-side limits, a copy the caller may change. Note that priority and
// fairness exempts it.
func (cp *ControlPlane) Config() *rest.Config { return rest.CopyConfig(cp.admin) }

// AddUser gives access to the first API server for a user of that name and
// groups, with what RBAC grants them and not more.
func (cp *ControlPlane) AddUser(name string, groups ...string) (*rest.Config, error) {
	return cp.servers[0].User(name, groups...)
}

// APIServer is the first API server.
func (cp *ControlPlane) APIServer() *APIServer { return cp.servers[0] }

// RestartAPIServer stops the first API server and starts it again on its port.
func (cp *ControlPlane) RestartAPIServer(ctx context.Context) error {
	return cp.servers[0].Restart(ctx)
}

// Etcd is the control plane's etcd.
func (cp *ControlPlane) Etcd() *Component { return cp.etcd.Component }

// EtcdEndpoint is the URL of etcd's client port.
func (cp *ControlPlane) EtcdEndpoint() string {
	return loopback("http", cp.etcd.port)
}

// Ports are the loopback ports in use: give them to Options at the next start
// and every kubeconfig written for this one stays good.
func (cp *ControlPlane) Ports() (etcd, apiServer int) {
	return cp.etcd.port, cp.servers[0].port
}

// Kubectl is the path of the kubectl that belongs to this control plane.
func (cp *ControlPlane) Kubectl() string { return filepath.Join(cp.opts.AssetsDir, "kubectl") }

// Stop ends the API servers, then etcd, and deletes a temporary data folder.
func (cp *ControlPlane) Stop() error {
	var errs []error
	for _, a := range slices.Backward(cp.servers) {
		errs = append(errs, a.Stop())
	}
	errs = append(errs, cp.etcd.Stop())
	if cp.temporary {
		errs = append(errs, os.RemoveAll(cp.opts.DataDir))
	}
	return errors.Join(errs...)
}
