// Package informer settles how caches read what there is: by lists in large pages,
// and the kinds there are many of decoded straight from the connection.
package informer

import (
	"context"
	"fmt"
	"os"
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

// factory makes the informers of a cache. Orders and reservations, of which there
// are many, it decodes itself, straight from the connection: client-go reads a list
// into memory, parses it for its kind and parses it again, and an event of a watch
// five times. That would be half of what a start costs the manager and a fifth of
// what it does under load.
type factory struct {
	rest rest.Interface
	// namespace is the one that is watched, or empty for all; known is false when
	// there are several, and only the cache knows which an informer is for.
	namespace string
	known     bool
}

// CacheOptions are those of a cache of these namespaces, or of all when none is
// given: its informers are a factory's, and managed fields are not kept.
func CacheOptions(cfg *rest.Config, scheme *runtime.Scheme, namespaces ...string) (ctrlcache.Options, error) {
	f, err := newFactory(cfg, scheme, namespaces)
	if err != nil {
		return ctrlcache.Options{}, fmt.Errorf("informers: %w", err)
	}
	o := ctrlcache.Options{NewInformer: f.New, DefaultTransform: ctrlcache.TransformStripManagedFields()}
	for _, ns := range namespaces {
		if o.DefaultNamespaces == nil {
			o.DefaultNamespaces = map[string]ctrlcache.Config{}
		}
		o.DefaultNamespaces[ns] = ctrlcache.Config{}
	}
	return o, nil
}

func newFactory(cfg *rest.Config, scheme *runtime.Scheme, namespaces []string) (*factory, error) {
	// It shares its connection with every other client of this configuration.
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	gvk := v1alpha1.GroupVersion.WithKind("Order")
	access, err := apiutil.RESTClientForGVK(gvk, true, false, cfg, serializer.NewCodecFactory(scheme), client)
	if err != nil {
		return nil, err
	}
	f := &factory{rest: access, known: len(namespaces) <= 1}
	if len(namespaces) == 1 {
		f.namespace = namespaces[0]
	}
	return f, nil
}

// New makes an informer, for cache.Options.NewInformer. Its lists come in pages:
// asked for any version, as informers do, the API server answers with all there is
// at once, 250 MB for 100,000 orders, and both sides hold that.
func (f *factory) New(lw cache.ListerWatcher, example runtime.Object, resync time.Duration, indexers cache.Indexers) cache.SharedIndexInformer {
	from := cache.ToListerWatcherWithContext(lw)
	if f.known {
		switch example.(type) {
		case *v1alpha1.Order:
			from = direct[v1alpha1.Order](f.rest, f.namespace, "orders")
		case *v1alpha1.StockReservation:
			from = direct[v1alpha1.StockReservation](f.rest, f.namespace, "stockreservations")
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
