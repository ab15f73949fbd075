package cachedclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
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
	rest      rest.Interface
	namespace *string
	resource  string
	decoding  json.Options
	news      *news
}

func (lw *listWatch[T, P]) open(ctx context.Context, o metav1.ListOptions) (io.ReadCloser, error) {
	return lw.rest.Get().NamespaceIfScoped(*lw.namespace, *lw.namespace != "").Resource(lw.resource).
		VersionedParams(&o, metav1.ParameterCodec).Stream(ctx)
}

// ListWithContext implements cache.ListerWithContext. A list in which something can't be decoded
// is asked for again, and read with care: that takes longer, and no other list needs it.
func (lw *listWatch[T, P]) ListWithContext(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	list, err := lw.list(ctx, o, lw.read)
	if wrong := (*json.SemanticError)(nil); errors.As(err, &wrong) {
		list, err = lw.list(ctx, o, lw.readWithCare)
	}
	if err != nil {
		return nil, err
	}
	for _, o := range list.Items {
		lw.news.seen(o.(P))
	}
	return list, nil
}

func (lw *listWatch[T, P]) list(ctx context.Context, o metav1.ListOptions, read itemReader) (*internalversion.List, error) {
	body, err := lw.open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // it was only read
	list, err := decodeList(body, lw.decoding, read)
	if err != nil {
		return nil, fmt.Errorf("read a list of %s: %w", lw.resource, err)
	}
	return list, nil
}

// read decodes the next item of a list as it arrives.
func (lw *listWatch[T, P]) read(d *jsontext.Decoder) (runtime.Object, error) {
	item := P(new(T))
	if err := json.UnmarshalDecode(d, item, lw.decoding); err != nil {
		return nil, err
	}
	return withoutKind(item), nil
}

// readWithCare reads the text of the next item first, so that it can be set aside.
func (lw *listWatch[T, P]) readWithCare(d *jsontext.Decoder) (runtime.Object, error) {
	text, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	return decodeObject[T, P](text, lw.decoding)
}

// WatchWithContext implements cache.WatcherWithContext.
func (lw *listWatch[T, P]) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	o.Watch = true
	body, err := lw.open(ctx, o)
	if err != nil {
		return nil, err
	}
	reporter := apierrors.NewClientErrorReporter(http.StatusInternalServerError, http.MethodGet, "ClientWatchDecoding")
	return watch.NewStreamWatcher(newWatchDecoder[T, P](body, lw.decoding, lw.news), reporter), nil
}
