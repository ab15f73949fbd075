package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/local"
)

// Folders that Access writes to; in compose.yaml each is a volume of its own, so that a container has only what it needs.
const (
	// authority has the key that signs certificates. No container but the one that prepares has it.
	authorityFolder = "authority"
	// controlPlane is what kube-apiserver is started with.
	controlPlaneFolder = "control-plane"
	// admin has an administrator's kubeconfig, and the key that signs tokens.
	adminFolder = "admin"
	// gateway has the public key besides its kubeconfig.
	gatewayFolder = "gateway"
)

// Files that are found there.
const (
	// KubeconfigFile is in the folder of whoever calls the API server.
	KubeconfigFile = "kubeconfig"
	privateKeyFile = "private.pem"
	publicKeyFile  = "public.pem"
)

// components call the API server.
func components() []string { return []string{"manager", gatewayFolder, "mirror"} }

// AccessOptions say for whom access is prepared.
type AccessOptions struct {
	// Dir has the folders.
	Dir string
	// Server is the URL by which containers reach the API server. Its host is in the server's certificate.
	Server string
	// Namespace of the orders, and of the kubeconfigs.
	Namespace string
	// Owner is given everything; -1 leaves it to this process' own user.
	Owner int
}

// Access writes certificates, kubeconfigs and the keys of tokens. What signs them is kept from one run to the next, so
// that what was given out stays good.
func Access(o AccessOptions) error {
	server, err := url.Parse(o.Server)
	if err != nil || server.Scheme != "https" || server.Hostname() == "" {
		return fmt.Errorf("prepare access: server %q: give a URL such as https://apiserver:6443", o.Server)
	}
	authority, err := devcluster.OpenAuthority(filepath.Join(o.Dir, authorityFolder))
	if err != nil {
		return fmt.Errorf("prepare access: %w", err)
	}
	if err := authority.WriteServer(filepath.Join(o.Dir, controlPlaneFolder), server.Hostname()); err != nil {
		return fmt.Errorf("prepare access: %w", err)
	}
	if err := o.kubeconfigs(authority); err != nil {
		return fmt.Errorf("prepare access: %w", err)
	}
	if err := o.tokenKeys(); err != nil {
		return fmt.Errorf("prepare access: %w", err)
	}
	if o.Owner < 0 {
		return nil
	}
	return o.give()
}

func (o AccessOptions) kubeconfigs(authority *devcluster.Authority) error {
	admin, err := authority.Admin(o.Server)
	if err != nil {
		return err
	}
	if err := o.kubeconfig(adminFolder, func(file string) error { return devcluster.WriteKubeconfig(file, admin, o.Namespace) }); err != nil {
		return err
	}
	for _, name := range components() {
		user, err := authority.Component(o.Server, name)
		if err != nil {
			return err
		}
		if err := o.kubeconfig(name, func(file string) error { return devcluster.WriteKubeconfig(file, user, o.Namespace) }); err != nil {
			return err
		}
	}
	return nil
}

func (o AccessOptions) kubeconfig(folder string, write func(file string) error) error {
	dir := filepath.Join(o.Dir, folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return write(filepath.Join(dir, KubeconfigFile))
}

// tokenKeys keeps the key that signs tokens with the administrator, and gives the gateway the public one.
func (o AccessOptions) tokenKeys() error {
	_, public, err := local.OpenJWTKeys(filepath.Join(o.Dir, adminFolder))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(public)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.Dir, gatewayFolder, publicKeyFile), key, 0o600)
}

// give hands everything over to the owner, whose containers read it. The authority stays.
func (o AccessOptions) give() error {
	for _, folder := range append(components(), controlPlaneFolder, adminFolder) {
		err := filepath.WalkDir(filepath.Join(o.Dir, folder), func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, o.Owner, o.Owner)) //nolint:gosec // it follows no link
		})
		if err != nil {
			return fmt.Errorf("prepare access: give it to user %d: %w", o.Owner, err)
		}
	}
	return nil
}
