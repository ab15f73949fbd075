// Package kinds knows the kinds that Orderplane deals with: the Go types they are decoded
// into (a scheme) and the resources they are served under (a REST mapper).
package kinds

import (
	"errors"
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Scheme knows the kinds of orderplane.dev and those that Kubernetes comes with.
func Scheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("register kinds: %w", err)
	}
	return scheme, nil
}

// Mapper knows the kinds of orderplane.dev, without asking an API server.
func Mapper() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	add := func(scope meta.RESTScope, kinds ...string) {
		for _, kind := range kinds {
			mapper.Add(v1alpha1.GroupVersion.WithKind(kind), scope)
			mapper.Add(v1alpha1.GroupVersion.WithKind(kind+"List"), scope)
		}
	}
	add(meta.RESTScopeNamespace, "Order", "StockReservation", "StockItem", "StockAdjustment", "StockJournal")
	add(meta.RESTScopeRoot, "OrderClass")
	return mapper
}

// MapperOfCluster is Mapper for the kinds of orderplane.dev and looks all others up in a
// cluster. A cache of chosen namespaces asks its mapper at every read; to ask one that
// looks everything up would be a tenth of what the manager does.
func MapperOfCluster(cfg *rest.Config, client *http.Client) (meta.RESTMapper, error) {
	others, err := apiutil.NewDynamicRESTMapper(cfg, client)
	if err != nil {
		return nil, fmt.Errorf("look up the kinds of the cluster: %w", err)
	}
	return meta.FirstHitRESTMapper{MultiRESTMapper: meta.MultiRESTMapper{Mapper(), others}}, nil
}
