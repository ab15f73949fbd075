package devcluster

import (
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
)

// Authority signs the certificates of a control plane whose processes this one does not start, such as those of
// containers.
type Authority struct{ pki *pki }

// OpenAuthority finds the authority in a folder, or makes it there. Its key never leaves the folder.
func OpenAuthority(dir string) (*Authority, error) {
	p, err := openPKI(dir)
	if err != nil {
		return nil, err
	}
	return &Authority{pki: p}, nil
}

// WriteServer writes into a folder what kube-apiserver is started with: ca.crt, apiserver.crt, apiserver.key and
// service-account.key. Its certificate is good for the names and addresses given and for those of this machine.
func (a *Authority) WriteServer(dir string, names ...string) error {
	server, err := a.pki.issueServer(names...)
	if err != nil {
		return err
	}
	accounts, err := os.ReadFile(a.pki.path(accountKeyFile))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, f := range []pkiFile{
		{caCertFile, a.pki.caPEM}, {serverCertFile, server.cert}, {serverKeyFile, server.key}, {accountKeyFile, accounts},
	} {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Admin gives an administrator access to the API server at a URL.
func (a *Authority) Admin(server string) (*rest.Config, error) {
	return a.user(server, Admin, "system:masters")
}

// Component gives a component of Orderplane, such as "manager", access to the API server at a URL.
func (a *Authority) Component(server, name string) (*rest.Config, error) {
	user, groups := componentUser(name)
	return a.user(server, user, groups...)
}

func (a *Authority) user(server, name string, groups ...string) (*rest.Config, error) {
	pair, err := a.pki.issueUser(name, groups)
	if err != nil {
		return nil, err
	}
	return a.pki.access(server, pair), nil
}

// access is the configuration of a client that brings a certificate, without client-side limits.
func (p *pki) access(server string, user keyPair) *rest.Config {
	return &rest.Config{
		Host:            server,
		QPS:             -1,
		TLSClientConfig: rest.TLSClientConfig{CAData: p.caPEM, CertData: user.cert, KeyData: user.key},
	}
}

// componentUser is who a component is for the API server. Where in a cluster it would bring the token of its service
// account, it brings a certificate of that name: the same bindings hold.
func componentUser(component string) (name string, groups []string) {
	return "system:serviceaccount:" + SystemNamespace + ":orderplane-" + component,
		[]string{"system:serviceaccounts", "system:serviceaccounts:" + SystemNamespace}
}
