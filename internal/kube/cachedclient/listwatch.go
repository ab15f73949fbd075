package cachedclient

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// object is what a pointer to a T is.
type object[T any] interface {
	*T
	runtime.Object
	metav1.Object
}

// listWatch lists and watches a resource in a namespace, or in all when that is empty, and
// decodes what comes. Answers other than 200 are the API server's errors, as client-go makes them.
type listWatch[T any, P object[T]] struct {
	rest                rest.Interface
	namespace, resource string
	decoding            json.Options
}

func newListWatch[T any, P object[T]](s *Source, resource string) *listWatch[T, P] {
	lw := &listWatch[T, P]{rest: s.rest, resource: resource, decoding: decoding()}
	if len(s.namespaces) == 1 {
		lw.namespace = s.namespaces[0]
	}
	return lw
}

func (lw *listWatch[T, P]) open(ctx context.Context, o metav1.ListOptions) (io.ReadCloser, error) {
	return lw.rest.Get().NamespaceIfScoped(lw.namespace, lw.namespace != "").Resource(lw.resource).
		VersionedParams(&o, metav1.ParameterCodec).Stream(ctx)
}

// ListWithContext implements cache.ListerWithContext.
func (lw *listWatch[T, P]) ListWithContext(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	body, err := lw.open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // it was only read
	list, err := decodeList[T, P](body, lw.decoding)
	if err != nil {
		return nil, fmt.Errorf("read a list of %s: %w", lw.resource, err)
	}
	return list, nil
}

// WatchWithContext implements cache.WatcherWithContext.
func (lw *listWatch[T, P]) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	o.Watch = true
	body, err := lw.open(ctx, o)
	if err != nil {
		return nil, err
	}
	reporter := apierrors.NewClientErrorReporter(http.StatusInternalServerError, http.MethodGet, "ClientWatchDecoding")
	return watch.NewStreamWatcher(newWatchDecoder[T, P](body, lw.decoding), reporter), nil
}
