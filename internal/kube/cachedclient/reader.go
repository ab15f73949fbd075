package cachedclient

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/go-json-experiment/json"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
)

// object is what a pointer to a T is.
type object[T any] interface {
	*T
	runtime.Object
	metav1.Object
}

// reader lists and watches a resource for one informer, in a namespace or in all when
// that is empty, and tells it of own writes through the watch. Answers other than 200
// are the API server's errors, as client-go makes them.
type reader[T any, P object[T]] struct {
	rest                rest.Interface
	namespace, resource string
	decoding            json.Options

	mu  sync.Mutex
	now *stream[T, P] // the latest watch; nil after a list
}

func readerOf[T any, P object[T]](s *Source, resource string) *reader[T, P] {
	r := &reader[T, P]{rest: s.rest, resource: resource, decoding: decoding()}
	if len(s.namespaces) == 1 {
		r.namespace = s.namespaces[0]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readers[resource] = append(s.readers[resource], r)
	return r
}

func (r *reader[T, P]) open(ctx context.Context, o metav1.ListOptions) (io.ReadCloser, error) {
	return r.rest.Get().NamespaceIfScoped(r.namespace, r.namespace != "").Resource(r.resource).
		VersionedParams(&o, metav1.ParameterCodec).Stream(ctx)
}

// ListWithContext implements cache.ListerWithContext. What was told before is in it: it is asked
// for after that.
func (r *reader[T, P]) ListWithContext(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	r.mu.Lock()
	r.now = nil
	r.mu.Unlock()
	body, err := r.open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // it was only read
	list, err := readList[T, P](body, r.decoding)
	if err != nil {
		return nil, fmt.Errorf("read a list of %s: %w", r.resource, err)
	}
	return list, nil
}

// WatchWithContext implements cache.WatcherWithContext. It goes on where the watch
// before it ended, which is not where an informer that was told of own writes thinks.
func (r *reader[T, P]) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	from := r.position()
	switch {
	case o.ResourceVersion == "" || o.ResourceVersion == "0" || ptr.Deref(o.SendInitialEvents, false):
		from = newPosition("") // it begins with what there is, in any order
	case from == nil || from.at == "":
		from = newPosition(o.ResourceVersion)
	default:
		o.ResourceVersion = from.at
	}
	o.Watch = true
	body, err := r.open(ctx, o)
	if err != nil {
		return nil, err
	}
	s := newStream[T, P](body, from, r.decoding)
	r.mu.Lock()
	r.now = s
	r.mu.Unlock()
	reporter := apierrors.NewClientErrorReporter(http.StatusInternalServerError, http.MethodGet, "ClientWatchDecoding")
	return watch.NewStreamWatcher(s, reporter), nil
}

// position is where the latest watch stands; nil when none was begun since a list.
func (r *reader[T, P]) position() *position {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil {
		return nil
	}
	return r.now.stands()
}

// tell implements teller. While no watch is under way it does nothing: the list or
// watch that comes next brings it.
func (r *reader[T, P]) tell(answer []byte) {
	r.mu.Lock()
	s := r.now
	r.mu.Unlock()
	if s == nil {
		return
	}
	o := P(new(T))
	if json.Unmarshal(answer, o, r.decoding) == nil && (r.namespace == "" || r.namespace == o.GetNamespace()) {
		s.tell(o)
	}
}
