package devcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
)

// Admin is the user of Config: in system:masters, so no rule binds it.
const Admin = "orderplane-admin"

// APIServer is one kube-apiserver of a control plane.
type APIServer struct {
	*server
	pki *pki
}

// newAPIServer describes the n-th API server, counted from 1, over etcd at etcdURL.
func newAPIServer(o Options, p *pki, etcdURL string, n int) (*APIServer, error) {
	name, port := "kube-apiserver", o.APIServerPort
	if n > 1 {
		name, port = fmt.Sprintf("kube-apiserver-%d", n), 0
	}
	a := &APIServer{pki: p}
	a.server = &server{
		name:    name,
		path:    filepath.Join(o.AssetsDir, "kube-apiserver"),
		logFile: filepath.Join(o.LogDir, name+".log"),
		port:    port,
		timeout: o.StartTimeout,
		args: func(port int) []string {
			return append(apiServerArgs(p, etcdURL, port), o.APIServerArgs...)
		},
	}
	probe, err := p.issueUser(Admin, []string{"system:masters"})
	if err != nil {
		return nil, err
	}
	a.ready = func(ctx context.Context, port int) error {
		client, err := rest.HTTPClientFor(a.config(port, probe))
		if err != nil {
			return err
		}
		defer client.CloseIdleConnections()
		base := fmt.Sprintf("https://127.0.0.1:%d", port)
		if err := expectOK(ctx, client, base+"/readyz"); err != nil {
			return err
		}
		// Made by a loop of the API server's own shortly after it is ready.
		return expectOK(ctx, client, base+"/api/v1/namespaces/default")
	}
	return a, nil
}

func apiServerArgs(p *pki, etcdURL string, port int) []string {
	return []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file=" + p.path(serverCertFile),
		"--tls-private-key-file=" + p.path(serverKeyFile),
		"--client-ca-file=" + p.path(caCertFile),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + p.path(accountKeyFile),
		"--service-account-signing-key-file=" + p.path(accountKeyFile),
		"--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC",
		// Without kube-controller-manager nobody makes the service accounts it waits for.
		"--disable-admission-plugins=ServiceAccount",
		// The address is a loopback one, which may not stand in Endpoints.
		"--endpoint-reconciler-type=none",
	}
}

// Config is an administrator's access to this API server, without client-side limits.
func (a *APIServer) Config() (*rest.Config, error) {
	return a.User(Admin, "system:masters")
}

// User gives access to this API server for a user of that name and groups. What
// they may do is up to RBAC.
func (a *APIServer) User(name string, groups ...string) (*rest.Config, error) {
	pair, err := a.pki.issueUser(name, groups)
	if err != nil {
		return nil, err
	}
	return a.config(a.port, pair), nil
}

func (a *APIServer) config(port int, user keyPair) *rest.Config {
	return &rest.Config{
		Host: fmt.Sprintf("https://127.0.0.1:%d", port),
		QPS:  -1,
		TLSClientConfig: rest.TLSClientConfig{
			CAData:   a.pki.caPEM,
			CertData: user.cert,
			KeyData:  user.key,
		},
	}
}

// Process is the running process: its pid, its end, signals to it. It is nil
// while the API server is stopped.
func (a *APIServer) Process() *Process { return a.current() }

// Signal sends the process a signal, such as SIGSTOP or SIGCONT.
func (a *APIServer) Signal(sig os.Signal) error {
	p := a.current()
	if p == nil {
		return errors.New("signal kube-apiserver: it is stopped; Restart it first")
	}
	return p.Signal(sig)
}

// Stop ends the API server; Restart brings it back.
func (a *APIServer) Stop() error { return a.stop(context.Background()) }

// Restart stops the API server if it runs and starts it again on the same port,
// so that clients find it again. ctx bounds the start.
func (a *APIServer) Restart(ctx context.Context) error {
	if err := a.Stop(); err != nil {
		return err
	}
	return a.start(ctx)
}
