package informer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// object is what a pointer to a T is.
type object[T any] interface {
	*T
	runtime.Object
}

// direct lists and watches a resource in a namespace, or in all when it is empty.
// Answers other than 200 are the API server's errors, as client-go makes them.
func direct[T any, P object[T]](r rest.Interface, namespace, resource string) cache.ListerWatcherWithContext {
	open := func(ctx context.Context, o metav1.ListOptions) (io.ReadCloser, error) {
		return r.Get().NamespaceIfScoped(namespace, namespace != "").Resource(resource).
			VersionedParams(&o, metav1.ParameterCodec).Stream(ctx)
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			body, err := open(ctx, o)
			if err != nil {
				return nil, err
			}
			defer body.Close() //nolint:errcheck // it was only read
			list, err := readList[T, P](body)
			if err != nil {
				return nil, fmt.Errorf("read a list of %s: %w", resource, err)
			}
			return list, nil
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.Watch = true
			body, err := open(ctx, o)
			if err != nil {
				return nil, err
			}
			reporter := apierrors.NewClientErrorReporter(http.StatusInternalServerError, http.MethodGet, "ClientWatchDecoding")
			return watch.NewStreamWatcher(&events[T, P]{body: body, json: json.NewDecoder(body)}, reporter), nil
		},
	}
}

// readList decodes a list item by item, as it arrives. One that ends early is an error.
func readList[T any, P object[T]](r io.Reader) (*internalversion.List, error) {
	list, d := &internalversion.List{}, json.NewDecoder(r)
	if err := expect(d, json.Delim('{')); err != nil {
		return nil, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch key {
		case "items":
			list.Items, err = readItems[T, P](d)
		case "metadata":
			err = d.Decode(&list.ListMeta)
		default:
			err = d.Decode(&json.RawMessage{})
		}
		if err != nil {
			return nil, fmt.Errorf("%v: %w", key, err)
		}
	}
	return list, expect(d, json.Delim('}'))
}

func readItems[T any, P object[T]](d *json.Decoder) ([]runtime.Object, error) {
	if err := expect(d, json.Delim('[')); err != nil {
		return nil, err
	}
	var items []runtime.Object
	for d.More() {
		item := P(new(T))
		if err := d.Decode(item); err != nil {
			return nil, err
		}
		items = append(items, withoutKind(item))
	}
	return items, expect(d, json.Delim(']'))
}

// withoutKind drops what every object of a Go type says of itself, as client-go does.
func withoutKind(o runtime.Object) runtime.Object {
	o.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	return o
}

func expect(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	if err == io.EOF { //nolint:errorlint // Token returns it bare
		err = io.ErrUnexpectedEOF
	}
	if err == nil && got != want {
		err = fmt.Errorf("found %v where %v should be", got, want)
	}
	return err
}

// events decodes a watch.
type events[T any, P object[T]] struct {
	body io.ReadCloser
	json *json.Decoder
	next struct {
		Type   watch.EventType `json:"type"`
		Object json.RawMessage `json:"object"`
	}
}

// Decode waits for the next event. It returns io.EOF when the watch ended between two.
func (e *events[T, P]) Decode() (watch.EventType, runtime.Object, error) {
	if err := e.json.Decode(&e.next); err != nil {
		return "", nil, err
	}
	var o runtime.Object = P(new(T))
	if e.next.Type == watch.Error {
		o = &metav1.Status{}
	}
	if err := json.Unmarshal(e.next.Object, o); err != nil {
		return "", nil, fmt.Errorf("decode a watch event of type %s: %w", e.next.Type, err)
	}
	return e.next.Type, withoutKind(o), nil
}

// Close ends the watch, and a Decode that waits.
func (e *events[T, P]) Close() { _ = e.body.Close() }
