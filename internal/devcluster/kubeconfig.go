package devcluster

import (
	"fmt"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig is an administrator's access to the first API server as a kubeconfig file.
func (cp *ControlPlane) Kubeconfig(namespace string) ([]byte, error) {
	return Kubeconfig(cp.admin, namespace)
}

// Kubeconfig writes a configuration that authenticates by client certificate as
// a kubeconfig file whose current namespace is the given one.
func Kubeconfig(cfg *rest.Config, namespace string) ([]byte, error) {
	const name = "orderplane"
	file := clientcmdapi.NewConfig()
	file.Clusters[name] = &clientcmdapi.Cluster{Server: cfg.Host, CertificateAuthorityData: cfg.CAData}
	file.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: cfg.CertData, ClientKeyData: cfg.KeyData}
	file.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: namespace}
	file.CurrentContext = name
	data, err := clientcmd.Write(*file)
	if err != nil {
		return nil, fmt.Errorf("write kubeconfig: %w", err)
	}
	return data, nil
}

// WriteKubeconfig writes a kubeconfig file as Kubeconfig makes it, for this user alone.
func WriteKubeconfig(file string, cfg *rest.Config, namespace string) error {
	data, err := Kubeconfig(cfg, namespace)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}
