package devcluster

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/config"
)

// InstallCRDs creates or updates Orderplane's custom resource definitions and
// waits until the API server serves them.
func (cp *ControlPlane) InstallCRDs(ctx context.Context) error {
	return InstallCRDs(ctx, cp.admin)
}

// InstallCRDs creates or updates Orderplane's custom resource definitions on any
// cluster and waits until it serves them.
func InstallCRDs(ctx context.Context, cfg *rest.Config) error {
	crds, err := embeddedCRDs()
	if err != nil {
		return err
	}
	client, err := apiextensions.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("install CRDs: %w", err)
	}
	for _, crd := range crds {
		if err := applyCRD(ctx, client.CustomResourceDefinitions(), crd); err != nil {
			return fmt.Errorf("install CRD %s: %w", crd.Name, err)
		}
	}
	found, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return fmt.Errorf("install CRDs: %w", err)
	}
	for _, crd := range crds {
		if err := waitServed(ctx, client.CustomResourceDefinitions(), found, crd); err != nil {
			return fmt.Errorf("wait for CRD %s to be served: %w", crd.Name, err)
		}
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

func applyCRD(ctx context.Context, client apiextensions.CustomResourceDefinitionInterface, want *apiextensionsv1.CustomResourceDefinition) error {
	_, err := client.Create(ctx, want, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	have, err := client.Get(ctx, want.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	have.Spec = want.Spec
	have.Annotations = want.Annotations
	have.Labels = want.Labels
	_, err = client.Update(ctx, have, metav1.UpdateOptions{})
	return err
}

// waitServed asks for Established and then for discovery: between the two a
// request for the new kind may still be answered with 404.
func waitServed(ctx context.Context, client apiextensions.CustomResourceDefinitionInterface, found discovery.DiscoveryInterface, crd *apiextensionsv1.CustomResourceDefinition) error {
	return wait.PollUntilContextTimeout(ctx, pollInterval, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		have, err := client.Get(ctx, crd.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if !established(have) {
			return false, nil
		}
		list, err := found.ServerResourcesForGroupVersion(crd.Spec.Group + "/" + crd.Spec.Versions[0].Name)
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		for _, r := range list.APIResources {
			if r.Name == crd.Spec.Names.Plural {
				return true, nil
			}
		}
		return false, nil
	})
}

func established(crd *apiextensionsv1.CustomResourceDefinition) bool {
	for _, c := range crd.Status.Conditions {
		if c.Type == apiextensionsv1.Established {
			return c.Status == apiextensionsv1.ConditionTrue
		}
	}
	return false
}
