package cachedclient

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

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

// Source is what the caches of a process read from. It decodes the kinds of orderplane.dev
// itself, and sets aside alone what can't be decoded.
type Source struct {
	rest       rest.Interface
	namespaces []string
	gauge      *asideGauge
	log        logr.Logger
}

// NewSource makes a source for caches of these namespaces, or of all when none is given. A
// gauge of what is set aside goes to the registry.
func NewSource(cfg *rest.Config, scheme *runtime.Scheme, registry prometheus.Registerer, namespaces ...string) (*Source, error) {
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
	gauge, err := newAsideGauge(registry)
	if err != nil {
		return nil, fmt.Errorf("informers: %w", err)
	}
	return &Source{rest: access, namespaces: namespaces, gauge: gauge, log: log.Log.WithName("cache")}, nil
}

// NewCache makes a cache of the source's namespaces; it is a controller-runtime NewCacheFunc.
// Managed fields are not kept.
func (s *Source) NewCache(cfg *rest.Config, o ctrlcache.Options) (ctrlcache.Cache, error) {
	o.NewInformer, o.DefaultTransform = s.newInformer, transformIn("")
	for _, ns := range s.namespaces {
		if o.DefaultNamespaces == nil {
			o.DefaultNamespaces = map[string]ctrlcache.Config{}
		}
		o.DefaultNamespaces[ns] = ctrlcache.Config{Transform: transformIn(ns)}
	}
	c, err := ctrlcache.New(cfg, o)
	if err != nil {
		return nil, fmt.Errorf("informers: %w", err)
	}
	return &readable{Cache: c}, nil
}

// newInformer makes an informer that lists in large pages. Informers ask for any version, and
// the API server then answers with the whole collection at once. Both sides would hold that.
func (s *Source) newInformer(lw cache.ListerWatcher, example runtime.Object, resync time.Duration, indexers cache.Indexers) cache.SharedIndexInformer {
	kind, ours := kindFor(example)
	if !ours {
		return informOf(cache.ToListerWatcherWithContext(lw), example, resync, indexers)
	}
	placed := &placedInformer{}
	placed.SharedIndexInformer = informOf(kind.from(s, &placed.namespace), example, resync, withAsideIndex(indexers))
	s.gauge.add(kind.name, placed.SharedIndexInformer)
	return placed
}

func informOf(from cache.ListerWatcherWithContext, example runtime.Object, resync time.Duration, indexers cache.Indexers) cache.SharedIndexInformer {
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
