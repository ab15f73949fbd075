package compose_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/orderplane/orderplane/internal/local/compose"
)

const server = "https://apiserver:6443"

func prepare(t *testing.T, dir string) {
	t.Helper()
	if err := compose.Access(compose.AccessOptions{Dir: dir, Server: server, Namespace: "shop", Owner: -1}); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// authority verifies what it has signed.
func authority(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(read(t, dir, "control-plane", "ca.crt")) {
		t.Fatal("ca.crt has no certificate")
	}
	return pool
}

// client is the user of a kubeconfig, as the API server reads it from its certificate.
func client(t *testing.T, file string, roots *x509.CertPool) (user string, groups []string) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := clientcmd.NewDefaultClientConfig(*config, nil).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	if namespace := config.Contexts[config.CurrentContext].Namespace; cfg.Host != server || namespace != "shop" {
		t.Errorf("%s leads to namespace %s of %s", file, namespace, cfg.Host)
	}
	block, _ := pem.Decode(cfg.CertData)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("%s: %v", file, err)
	}
	return cert.Subject.CommonName, cert.Subject.Organization
}

func TestEachHasTheAccessThatItNeeds(t *testing.T) {
	dir := t.TempDir()
	prepare(t, dir)
	roots := authority(t, dir)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "control-plane", "apiserver.crt"), filepath.Join(dir, "control-plane", "apiserver.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"apiserver", "localhost", "127.0.0.1"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("the API server's certificate is not good for %s: %v", name, err)
		}
	}
	if user, groups := client(t, filepath.Join(dir, "admin", "kubeconfig"), roots); user != "orderplane-admin" || !slices.Contains(groups, "system:masters") {
		t.Errorf("the administrator is %s of %v", user, groups)
	}
	for _, name := range []string{"manager", "gateway", "mirror"} {
		user, groups := client(t, filepath.Join(dir, name, "kubeconfig"), roots)
		if user != "system:serviceaccount:ops-system:orderplane-"+name || slices.Contains(groups, "system:masters") {
			t.Errorf("%s is %s of %v", name, user, groups)
		}
	}
	if !bytes.Equal(read(t, dir, "gateway", "public.pem"), read(t, dir, "admin", "public.pem")) {
		t.Error("the gateway has another public key than the administrator")
	}
}

// TestKeysStayWhereTheyBelong looks through every folder for what it must not have.
func TestKeysStayWhereTheyBelong(t *testing.T) {
	dir := t.TempDir()
	prepare(t, dir)
	homes := map[string]string{"ca.key": "authority", "private.pem": "admin"}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if home, secret := homes[d.Name()]; secret && filepath.Base(filepath.Dir(path)) != home {
			t.Errorf("%s belongs into %s alone", path, home)
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s can be read by others: %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasGivenOutStaysGood(t *testing.T) {
	dir := t.TempDir()
	prepare(t, dir)
	kept := map[string][]byte{}
	for _, file := range []string{"control-plane/ca.crt", "control-plane/service-account.key", "gateway/public.pem", "admin/private.pem"} {
		kept[file] = read(t, dir, file)
	}
	old := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(old, read(t, dir, "manager", "kubeconfig"), 0o600); err != nil {
		t.Fatal(err)
	}
	prepare(t, dir)
	for file, before := range kept {
		if !bytes.Equal(read(t, dir, file), before) {
			t.Errorf("%s is another one the second time", file)
		}
	}
	client(t, old, authority(t, dir))
}

func TestABadServerIsRefused(t *testing.T) {
	for _, server := range []string{"", "apiserver:6443", "http://apiserver:6443", "https://:6443"} {
		err := compose.Access(compose.AccessOptions{Dir: t.TempDir(), Server: server, Owner: -1})
		if err == nil || !strings.Contains(err.Error(), "https://apiserver:6443") {
			t.Errorf("%q: got %v, want an error that says how it is given", server, err)
		}
	}
}
