package devcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/config"
	"github.com/orderplane/orderplane/internal/kube/manifests"
)

// crdsServedWithin bounds the wait until new kinds are served.
const crdsServedWithin = 30 * time.Second

// InstallCRDs creates or updates Orderplane's custom resource definitions on any
// cluster and waits until it serves them.
//
// It does so itself: a program that imports controller-runtime's envtest ends when it
// starts where it can write no folder, as in a container with a read-only root.
func InstallCRDs(cfg *rest.Config) error {
	ctx, stop := context.WithTimeout(context.Background(), crdsServedWithin)
	defer stop()
	crds, err := manifests.Files(config.CRDs, "crd/bases/*.yaml")
	if err != nil {
		return fmt.Errorf("install CRDs: %w", err)
	}
	if err := createOrUpdate(ctx, cfg, crds); err != nil {
		return fmt.Errorf("install CRDs: %w", err)
	}
	asks, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return fmt.Errorf("install CRDs: %w", err)
	}
	missing := errors.New("not asked yet")
	err = wait.PollUntilContextCancel(ctx, pollInterval, true, func(context.Context) (bool, error) {
		missing = served(asks, crds)
		return missing == nil, nil
	})
	if err != nil {
		return fmt.Errorf("install CRDs: %w", errors.Join(err, missing))
	}
	return nil
}

// createOrUpdate makes objects what they are here, whoever made them before: nothing stays of an earlier version.
func createOrUpdate(ctx context.Context, cfg *rest.Config, objects []*unstructured.Unstructured) error {
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		return err
	}
	for _, o := range objects {
		there := &unstructured.Unstructured{}
		there.SetGroupVersionKind(o.GroupVersionKind())
		switch err := c.Get(ctx, client.ObjectKeyFromObject(o), there); {
		case apierrors.IsNotFound(err):
			if err := c.Create(ctx, o); err != nil {
				return fmt.Errorf("create %s: %w", o.GetName(), err)
			}
		case err != nil:
			return fmt.Errorf("read %s: %w", o.GetName(), err)
		default:
			o.SetResourceVersion(there.GetResourceVersion())
			if err := c.Update(ctx, o); err != nil {
				return fmt.Errorf("update %s: %w", o.GetName(), err)
			}
		}
	}
	return nil
}

// served is an error that names what of the definitions is not served yet.
func served(asks discovery.DiscoveryInterface, crds []*unstructured.Unstructured) error {
	for _, o := range crds {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &crd); err != nil {
			return fmt.Errorf("read %s: %w", o.GetName(), err)
		}
		for _, version := range crd.Spec.Versions {
			if !version.Served {
				continue
			}
			there, err := asks.ServerResourcesForGroupVersion(crd.Spec.Group + "/" + version.Name)
			if err != nil {
				return fmt.Errorf("%s: %w", o.GetName(), err)
			}
			isIt := func(r metav1.APIResource) bool { return r.Name == crd.Spec.Names.Plural }
			if !slices.ContainsFunc(there.APIResources, isIt) {
				return fmt.Errorf("%s: %s is not served yet", o.GetName(), version.Name)
			}
		}
	}
	return nil
}
