package compose

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/config"
	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/kube/manifests"
)

// again is how soon something is tried again that the cluster was not ready for.
const again = 500 * time.Millisecond

// InstallOptions say what a cluster gets.
type InstallOptions struct {
	// Namespace of the orders.
	Namespace string
	// Admission are the manifests by which the API server calls the manager's webhooks.
	Admission []*unstructured.Unstructured
}

// Install puts on a cluster what an installation has: CRDs, namespaces, roles, priorities, admission. It tries again
// until ctx is done.
func Install(ctx context.Context, cfg *rest.Config, o InstallOptions) error {
	return until(ctx, "install Orderplane", func(ctx context.Context) error {
		return devcluster.InstallPlatform(ctx, cfg, o.Namespace, o.Admission...)
	})
}

// SampleStock puts the sample stock into a namespace, unless there is stock already. The manager has to run: it is
// asked about stock documents. It tries again until ctx is done.
func SampleStock(ctx context.Context, cfg *rest.Config, namespace string) error {
	samples, err := manifests.Files(config.Manifests, "samples/stock*.yaml")
	if err != nil {
		return err
	}
	for _, o := range samples {
		o.SetNamespace(namespace)
	}
	var there bool
	err = until(ctx, "look for stock", func(ctx context.Context) (err error) {
		there, err = hasStock(ctx, cfg, namespace)
		return err
	})
	if err != nil || there {
		return err
	}
	return until(ctx, "sample stock", func(ctx context.Context) error { return devcluster.Apply(ctx, cfg, samples...) })
}

func hasStock(ctx context.Context, cfg *rest.Config, namespace string) (bool, error) {
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		return false, err
	}
	items := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "orderplane.dev/v1alpha1", "kind": "StockItemList"}}
	if err := c.List(ctx, items, client.InNamespace(namespace), client.Limit(1)); err != nil {
		return false, err
	}
	return len(items.Items) > 0, nil
}

// until tries until it succeeds or ctx is done; the last failure is told then.
func until(ctx context.Context, what string, try func(ctx context.Context) error) error {
	var refused error
	err := wait.PollUntilContextCancel(ctx, again, true, func(ctx context.Context) (bool, error) {
		refused = try(ctx)
		return refused == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, errors.Join(err, refused))
	}
	return nil
}
