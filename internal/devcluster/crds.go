package devcluster

import (
	"fmt"
	"io/fs"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/config"
)

// crdsServedWithin bounds the wait until new kinds are served.
const crdsServedWithin = 30 * time.Second

// InstallCRDs creates or updates Orderplane's custom resource definitions on any
// cluster and waits until it serves them.
func InstallCRDs(cfg *rest.Config) error {
	crds, err := embeddedCRDs()
	if err != nil {
		return err
	}
	_, err = envtest.InstallCRDs(cfg, envtest.CRDInstallOptions{CRDs: crds, MaxTime: crdsServedWithin, PollInterval: pollInterval})
	if err != nil {
		return fmt.Errorf("install CRDs: %w", err)
	}
	return nil
}

func embeddedCRDs() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	files, err := fs.Glob(config.CRDs, "crd/bases/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list embedded CRDs: %w", err)
	}
	crds := make([]*apiextensionsv1.CustomResourceDefinition, 0, len(files))
	for _, file := range files {
		data, err := config.CRDs.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read embedded %s: %w", file, err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(data, crd); err != nil {
			return nil, fmt.Errorf("parse embedded %s: %w", file, err)
		}
		crds = append(crds, crd)
	}
	return crds, nil
}
