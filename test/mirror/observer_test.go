//go:build linux

package mirror_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/kube/kinds"
)

// observer remembers the last version of every order it saw, also of those that are gone.
type observer struct {
	mu     sync.Mutex
	last   map[types.UID]*v1alpha1.Order
	byName map[string]*v1alpha1.Order
	// unseen are orders that went while the observer's watch was cut: their last version
	// may be another one.
	unseen map[types.UID]bool
}

// observe watches the orders of a namespace until ctx is over.
func observe(ctx context.Context, cfg *rest.Config, namespace string) (*observer, error) {
	scheme, err := kinds.Scheme()
	if err != nil {
		return nil, err
	}
	source, err := cachedclient.NewSource(cfg, scheme, prometheus.NewRegistry(), namespace)
	if err != nil {
		return nil, err
	}
	cache, err := source.NewCache(cfg, ctrlcache.Options{Scheme: scheme, Mapper: kinds.Mapper()})
	if err != nil {
		return nil, err
	}
	informer, err := cache.GetInformer(ctx, &v1alpha1.Order{}, ctrlcache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("observe orders: %w", err)
	}
	ob := &observer{
		last: map[types.UID]*v1alpha1.Order{}, byName: map[string]*v1alpha1.Order{},
		unseen: map[types.UID]bool{},
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { ob.see(o, false) },
		UpdateFunc: func(_, o any) { ob.see(o, false) },
		DeleteFunc: func(o any) { ob.see(o, true) },
	})
	if err != nil {
		return nil, fmt.Errorf("observe orders: %w", err)
	}
	go func() { _ = cache.Start(ctx) }()
	cache.WaitForCacheSync(ctx)
	return ob, nil
}

func (ob *observer) see(seen any, gone bool) {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	last, unseen := seen.(toolscache.DeletedFinalStateUnknown)
	if unseen {
		seen = last.Obj
	}
	o := seen.(*v1alpha1.Order)
	ob.last[o.UID], ob.byName[o.Name] = o, o
	if gone {
		ob.unseen[o.UID] = unseen
	}
}

// order is the last version of the order of a name; nil if none was seen.
func (ob *observer) order(name string) *v1alpha1.Order {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	return ob.byName[name]
}

// orders are the last versions of all orders there ever were, by their ids.
func (ob *observer) orders() (orders map[string]*v1alpha1.Order, unseen map[string]bool) {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	orders, unseen = map[string]*v1alpha1.Order{}, map[string]bool{}
	for uid, o := range ob.last {
		orders[o.Name] = o
		unseen[o.Name] = ob.unseen[uid]
	}
	return orders, unseen
}
