package cachedclient

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

// Page is how many objects to list at once. To make a page the API server goes through all
// objects behind it. Small pages of a large collection therefore cost more than they save.
const Page = 10_000

// watchListSwitch is client-go's own switch for how informers first read what there is.
const watchListSwitch = "KUBE_FEATURE_WatchListClient"

// DisableWatchList has all informers of this process list what there is instead of having it
// streamed. A streamed custom resource is parsed several times. An operator's own setting of
// client-go's environment variable wins. Call it before the first informer is made.
func DisableWatchList() error {
	if _, given := os.LookupEnv(watchListSwitch); given {
		return nil
	}
	if err := os.Setenv(watchListSwitch, "false"); err != nil {
		return fmt.Errorf("set %s: %w", watchListSwitch, err)
	}
	return nil
}

// Source is what the informers of a process read from.
type Source struct {
	rest       rest.Interface
	namespaces []string
}

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
	return &Source{rest: access, namespaces: namespaces}, nil
}

// CacheOptions are those of a cache of the source's namespaces: its informers read
// from the source, and managed fields are not kept.
func (s *Source) CacheOptions() ctrlcache.Options {
	o := ctrlcache.Options{NewInformer: s.newInformer, DefaultTransform: ctrlcache.TransformStripManagedFields()}
	for _, ns := range s.namespaces {
		if o.DefaultNamespaces == nil {
			o.DefaultNamespaces = map[string]ctrlcache.Config{}
		}
		o.DefaultNamespaces[ns] = ctrlcache.Config{}
	}
	return o
}

// newInformer makes an informer that lists in large pages. Informers ask for any version, and
// the API server then answers with the whole collection at once. Both sides would hold that.
func (s *Source) newInformer(lw cache.ListerWatcher, example runtime.Object, resync time.Duration, indexers cache.Indexers) cache.SharedIndexInformer {
	from := s.listerWatcher(example)
	if from == nil {
		from = cache.ToListerWatcherWithContext(lw)
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

// listerWatcher returns ours for a kind that we decode, and nil for all others. Of several
// namespaces only the cache knows which of them an informer is for. Then it is nil, too.
func (s *Source) listerWatcher(example runtime.Object) cache.ListerWatcherWithContext {
	if len(s.namespaces) > 1 {
		return nil
	}
	switch example.(type) {
	case *v1alpha1.Order:
		return newListWatch[v1alpha1.Order](s, "orders")
	case *v1alpha1.StockReservation:
		return newListWatch[v1alpha1.StockReservation](s, "stockreservations")
	case *v1alpha1.StockJournal:
		return newListWatch[v1alpha1.StockJournal](s, "stockjournals")
	}
	return nil
}
