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

// Writer writes namespaced objects of orderplane.dev. Safe for concurrent use.
type Writer struct {
	rest  rest.Interface
	wrote Wrote
}

// Wrote is told what the API server answered to a write of an object of a resource,
// such as "orders": the object as JSON.
type Wrote func(resource string, answer []byte)

// NewWriter makes a writer that shares a manager's connection. Wrote may be nil.
func NewWriter(cfg *rest.Config, shared *http.Client, scheme *runtime.Scheme, wrote Wrote) (*Writer, error) {
	r, err := apiutil.RESTClientForGVK(v1alpha1.GroupVersion.WithKind("Order"), true, false, cfg, serializer.NewCodecFactory(scheme), shared)
	if err != nil {
		return nil, fmt.Errorf("make a client for %s: %w", v1alpha1.GroupVersion, err)
	}
	return &Writer{rest: r, wrote: wrote}, nil
}

// Create makes an object of a resource, such as "stockreservations".
func (w *Writer) Create(ctx context.Context, resource string, o client.Object) error {
	_, err := w.write(ctx, w.rest.Post().Namespace(o.GetNamespace()).Resource(resource), resource, o)
	return err
}

// UpdateStatus puts the status of an object of a resource, such as "orders".
// The API server takes nothing else from it but its name, uid and resourceVersion.
func (w *Writer) UpdateStatus(ctx context.Context, resource string, o client.Object) error {
	_, err := w.put(ctx, resource, o)
	return err
}

// SwapStatus is UpdateStatus for who is to write the object again: it gives it the
// resourceVersion it has now.
func (w *Writer) SwapStatus(ctx context.Context, resource string, o client.Object) error {
	text, err := w.put(ctx, resource, o)
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

func (w *Writer) put(ctx context.Context, resource string, o client.Object) (answer []byte, err error) {
	return w.write(ctx, w.rest.Put().Namespace(o.GetNamespace()).Resource(resource).Name(o.GetName()).SubResource("status"), resource, o)
}

func (w *Writer) write(ctx context.Context, to *rest.Request, resource string, o client.Object) (answer []byte, err error) {
	result := to.Body(o).Do(ctx)
	if err := result.Error(); err != nil {
		return nil, err
	}
	if answer, err = result.Raw(); err == nil && w.wrote != nil {
		w.wrote(resource, answer)
	}
	return answer, err
}
