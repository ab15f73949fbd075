// Package terse writes objects and does not read the answers. An answer repeats
// the object; decoding it costs a seventh of what a controller under load does,
// and a controller that is told by its watch anyway has no use for it.
//
// The writes themselves are ordinary: a PUT carries the resourceVersion and uid
// of the object it is given, and refusals are the API server's own errors
// (apierrors.IsConflict and so on).
package terse

import (
	"context"
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Writer writes namespaced objects of orderplane.dev. Safe for concurrent use.
type Writer struct{ rest rest.Interface }

// NewWriter makes a writer that shares a manager's connection.
func NewWriter(cfg *rest.Config, shared *http.Client, scheme *runtime.Scheme) (*Writer, error) {
	r, err := apiutil.RESTClientForGVK(v1alpha1.GroupVersion.WithKind("Order"), true, false, cfg, serializer.NewCodecFactory(scheme), shared)
	if err != nil {
		return nil, fmt.Errorf("make a client for %s: %w", v1alpha1.GroupVersion, err)
	}
	return &Writer{rest: r}, nil
}

// Create makes an object of a resource, such as "stockreservations".
func (w *Writer) Create(ctx context.Context, resource string, o client.Object) error {
	return w.rest.Post().Namespace(o.GetNamespace()).Resource(resource).Body(o).Do(ctx).Error()
}

// UpdateStatus puts the status of an object of a resource, such as "orders".
// The API server takes nothing else from it but its name, uid and resourceVersion.
func (w *Writer) UpdateStatus(ctx context.Context, resource string, o client.Object) error {
	return w.rest.Put().Namespace(o.GetNamespace()).Resource(resource).Name(o.GetName()).SubResource("status").Body(o).Do(ctx).Error()
}
