package devcluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// AssetsEnv names the folder that holds etcd, kube-apiserver and kubectl.
const AssetsEnv = "KUBEBUILDER_ASSETS"

// ErrNoAssets is wrapped by FindAssets when the binaries are nowhere.
var ErrNoAssets = errors.New("no control plane binaries")

// FindAssets gives the folder that holds etcd, kube-apiserver and kubectl:
// $KUBEBUILDER_ASSETS, else bin/k8s of the module the working directory is in.
func FindAssets() (string, error) {
	if dir := os.Getenv(AssetsEnv); dir != "" {
		if missing := missingAsset(dir); missing != "" {
			return "", fmt.Errorf("%w: %s=%s lacks %s; correct it, or unset it and run `make controlplane`",
				ErrNoAssets, AssetsEnv, dir, missing)
		}
		return dir, nil
	}
	root, err := ModuleRoot()
	if err != nil {
		return "", fmt.Errorf("%w: %w: set %s, or run this inside Orderplane's checkout after `make controlplane`",
			ErrNoAssets, err, AssetsEnv)
	}
	dir := filepath.Join(root, "bin", "k8s")
	if missing := missingAsset(dir); missing != "" {
		return "", fmt.Errorf("%w: %s lacks %s; run `make controlplane`, or set %s",
			ErrNoAssets, dir, missing, AssetsEnv)
	}
	return dir, nil
}

func missingAsset(dir string) string {
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode()&0o111 == 0 {
			return name
		}
	}
	return ""
}

// ModuleRoot is the folder of the module that the working directory is in.
func ModuleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module root: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the working directory is in no Go module")
		}
		dir = parent
	}
}
