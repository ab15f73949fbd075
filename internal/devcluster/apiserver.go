package devcluster

import (
	"context"
	"fmt"
	"path/filepath"

	"k8s.io/client-go/rest"
)

// Admin is the user of Config: in system:masters, so no rule binds it.
const Admin = "orderplane-admin"

// APIServer is one kube-apiserver of a control plane.
type APIServer struct {
	*Server
	pki *pki
}

// newAPIServer describes the n-th API server, counted from 1, over etcd at etcdURL.
func newAPIServer(o Options, p *pki, etcdURL string, n int) (*APIServer, error) {
	name, port := "kube-apiserver", o.APIServerPort
	if n > 1 {
		name, port = fmt.Sprintf("kube-apiserver-%d", n), 0
	}
	probe, err := p.issueUser(Admin, []string{"system:masters"})
	if err != nil {
		return nil, err
	}
	a := &APIServer{pki: p, Server: &Server{port: port}}
	a.Component = &Component{
		name:    name,
		path:    filepath.Join(o.AssetsDir, "kube-apiserver"),
		logFile: filepath.Join(o.LogDir, name+".log"),
		timeout: o.StartTimeout,
		args:    func() []string { return append(apiServerArgs(p, etcdURL, a.port), o.APIServerArgs...) },
		ready:   func(ctx context.Context) error { return a.serves(ctx, probe) },
	}
	return a, nil
}

func (a *APIServer) serves(ctx context.Context, probe keyPair) error {
	cfg := a.config(probe)
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	if err := answers(ctx, client, cfg.Host+"/readyz"); err != nil {
		return err
	}
	// Made by a loop of the API server's own shortly after it is ready.
	return answers(ctx, client, cfg.Host+"/api/v1/namespaces/default")
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
	return a.config(pair), nil
}

func (a *APIServer) config(user keyPair) *rest.Config {
	return a.pki.access(loopback("https", a.port), user)
}
