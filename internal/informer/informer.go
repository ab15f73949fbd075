// Package informer settles how caches read what there is: by lists in large pages.
package informer

import (
	"context"
	"fmt"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
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

// New makes an informer whose lists come in pages. Asked for any version, as
// informers do, the API server answers with all there is at once: 250 MB for 100,000
// orders, which both sides hold before the first is decoded. New is for
// controller-runtime's cache.Options.NewInformer.
func New(lw cache.ListerWatcher, example runtime.Object, resync time.Duration, indexers cache.Indexers) cache.SharedIndexInformer {
	all := cache.ToListerWatcherWithContext(lw)
	return cache.NewSharedIndexInformer(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			if o.ResourceVersion == "0" {
				o.ResourceVersion = ""
			}
			if o.Limit > 0 {
				o.Limit = Page
			}
			return all.ListWithContext(ctx, o)
		},
		WatchFuncWithContext: all.WatchWithContext,
	}, example, resync, indexers)
}
