// Package cachedclient settles how caches come to know what there is: by lists in large
// pages, and, of the kinds there are many of, decoded straight from the connection and
// told of this process' own writes when they are answered.
package cachedclient

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Page is how many objects to list at once. The API server goes through all that
// lies behind a page to make it, so that small pages of a large collection cost
// more than they save: 100,000 objects in pages of 500 seven CPU seconds.
const Page = 10_000

// watchListSwitch is client-go's own switch for how informers first read what
// there is.
const watchListSwitch = "KUBE_FEATURE_WatchListClient"

// ByList has all informers of this process list what there is instead of having it
// streamed, if the environment does not say otherwise: a streamed object is parsed
// several times over, and a start with many orders spends most of its time on that.
// To be called before the first informer is made.
func ByList() error {
	if _, given := os.LookupEnv(watchListSwitch); given {
		return nil
	}
	if err := os.Setenv(watchListSwitch, "false"); err != nil {
		return fmt.Errorf("set %s: %w", watchListSwitch, err)
	}
	return nil
}

// Source is what the informers of a process read from. Orders and reservations, of
// which there are many, it decodes itself, straight from the connection: client-go
// reads a list into memory, parses it for its kind and parses it again, and an event
// of a watch five times. That would be half of what a start costs the manager and a
// fifth of what it does under load. Stock journals, of which there are few, for the
// sake of being told of own writes. Safe for concurrent use.
type Source struct {
	rest       rest.Interface
	namespaces []string

	mu      sync.Mutex
	readers map[string][]teller // by resource
}

// teller can be told of a write by the API server's answer to it.
type teller interface{ tell(answer []byte) }

// NewSource makes a source for caches of these namespaces, or of all when none is given.
func NewSource(cfg *rest.Config, scheme *runtime.Scheme, namespaces ...string) (*Source, error) {
	// It shares its connection with every other client of this configuration.
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("informers: %w", err)
	}
	gvk := v1alpha1.GroupVersion.WithKind("Order")
	access, err := apiutil.RESTClientForGVK(gvk, true, false, cfg, serializer.NewCodecFactory(scheme), client)
	if err != nil {
		return nil, fmt.Errorf("informers: %w", err)
	}
	return &Source{rest: access, namespaces: namespaces, readers: map[string][]teller{}}, nil
}

// CacheOptions are those of a cache of the source's namespaces: its informers read
// from the source, and managed fields are not kept.
func (s *Source) CacheOptions() ctrlcache.Options {
	o := ctrlcache.Options{NewInformer: s.New, DefaultTransform: ctrlcache.TransformStripManagedFields()}
	for _, ns := range s.namespaces {
		if o.DefaultNamespaces == nil {
			o.DefaultNamespaces = map[string]ctrlcache.Config{}
		}
		o.DefaultNamespaces[ns] = ctrlcache.Config{}
	}
	return o
}

// Wrote tells the informers of a resource, such as "orders", what the API server
// answered to a create or an update of one of them by this process: they have it then
// and not only when the watch brings it. It costs nothing to have it not told, or too late.
func (s *Source) Wrote(resource string, answer []byte) {
	s.mu.Lock()
	readers := s.readers[resource]
	s.mu.Unlock()
	for _, r := range readers {
		r.tell(answer)
	}
}

// New makes an informer, for cache.Options.NewInformer. Its lists come in pages:
// asked for any version, as informers do, the API server answers with all there is
// at once, 250 MB for 100,000 orders, and both sides hold that.
func (s *Source) New(lw cache.ListerWatcher, example runtime.Object, resync time.Duration, indexers cache.Indexers) cache.SharedIndexInformer {
	from := cache.ToListerWatcherWithContext(lw)
	if len(s.namespaces) <= 1 { // of several, only the cache knows which the informer is for
		switch example.(type) {
		case *v1alpha1.Order:
			from = readerOf[v1alpha1.Order](s, "orders")
		case *v1alpha1.StockReservation:
			from = readerOf[v1alpha1.StockReservation](s, "stockreservations")
		case *v1alpha1.StockJournal:
			from = readerOf[v1alpha1.StockJournal](s, "stockjournals")
		}
	}
	return cache.NewSharedIndexInformer(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			if o.ResourceVersion == "0" {
				o.ResourceVersion = ""
			}
			if o.Limit > 0 {
				o.Limit = Page
			}
			return from.ListWithContext(ctx, o)
		},
		WatchFuncWithContext: from.WatchWithContext,
	}, example, resync, indexers)
}
