package cachedclient

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// StatusWriter writes namespaced objects of orderplane.dev, and does not decode the answers. Safe
// for concurrent use.
type StatusWriter struct{ rest rest.Interface }

// NewStatusWriter makes a writer that shares a manager's connection.
func NewStatusWriter(cfg *rest.Config, shared *http.Client, scheme *runtime.Scheme) (*StatusWriter, error) {
	r, err := apiutil.RESTClientForGVK(v1alpha1.GroupVersion.WithKind("Order"), true, false, cfg, serializer.NewCodecFactory(scheme), shared)
	if err != nil {
		return nil, fmt.Errorf("make a client for %s: %w", v1alpha1.GroupVersion, err)
	}
	return &StatusWriter{rest: r}, nil
}

// Create makes an object of a resource, such as "stockreservations".
func (w *StatusWriter) Create(ctx context.Context, resource string, o client.Object) error {
	return w.rest.Post().Namespace(o.GetNamespace()).Resource(resource).Body(o).Do(ctx).Error()
}

// UpdateStatus puts the status of an object of a resource, such as "orders". It is refused as a
// conflict unless the object has the resourceVersion that is stored. The API server takes nothing
// else from it but its name, uid and resourceVersion.
func (w *StatusWriter) UpdateStatus(ctx context.Context, resource string, o client.Object) error {
	return w.putStatus(resource, o).Do(ctx).Error()
}

// SwapStatus is UpdateStatus for a caller that writes the object again: it gives the object the
// resourceVersion that the write made.
func (w *StatusWriter) SwapStatus(ctx context.Context, resource string, o client.Object) error {
	result := w.putStatus(resource, o).Do(ctx)
	if err := result.Error(); err != nil {
		return err
	}
	text, err := result.Raw()
	if err != nil {
		return err
	}
	var answer metav1.PartialObjectMetadata
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	o.SetResourceVersion(answer.ResourceVersion)
	return nil
}

func (w *StatusWriter) putStatus(resource string, o client.Object) *rest.Request {
	return w.rest.Put().Namespace(o.GetNamespace()).Resource(resource).Name(o.GetName()).SubResource("status").Body(o)
}
