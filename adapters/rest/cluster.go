package rest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"
	kube "k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/orderplane/orderplane/adapters/rest/internal/events"
	"github.com/orderplane/orderplane/adapters/rest/internal/shared"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/kube/kinds"
)

// customerIndex is the cache's index of orders by customer.
const customerIndex = "spec.customerID"

// cluster is the gateway's view of the Kubernetes API: an informer cache to read
// from, a client behind circuit breakers to write with, and a way to wait for an
// order to change.
type cluster struct {
	namespace string
	// mirrored is whether a mirror serves the namespace.
	mirrored bool
	cache    cache.Cache
	live     client.WithWatch
	// reading and writing guard the calls of live.
	reading, writing *breaker
	// orders tells those who wait what happens to an order.
	orders *events.Hub
	fresh  *fresh
	// levels are told of each stock item that changes; nil without Redis.
	levels  *shared.Levels
	baskets *basketStore
	// ready is set once the caches have seen all orders, items and baskets. Until then it is
	// not asked: it would make its callers wait.
	ready atomic.Bool
	// classesReady is the same for order classes. Without them the gateway serves
	// all the same; new orders are then filled in by the admission webhook.
	classesReady atomic.Bool
}

func newCluster(access *kube.Config, cfg Config, registry prometheus.Registerer, now func() time.Time) (*cluster, error) {
	access = kube.CopyConfig(access)
	// The API server's priority and fairness limits us; a limit of the client's
	// own would only add latency.
	access.QPS = -1
	scheme, err := kinds.Scheme()
	if err != nil {
		return nil, err
	}
	mapper := kinds.Mapper()
	live, err := client.NewWithWatch(access, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("make the Kubernetes client: %w", err)
	}
	source, err := cachedclient.NewSource(access, scheme, registry, cfg.Namespace)
	if err != nil {
		return nil, fmt.Errorf("make the Kubernetes cache: %w", err)
	}
	reads, err := source.NewCache(access, cache.Options{Scheme: scheme, Mapper: mapper, ReaderFailOnMissingInformer: true})
	if err != nil {
		return nil, fmt.Errorf("make the Kubernetes cache: %w", err)
	}
	baskets, err := newBasketStore(access, cfg.Namespace, cache.Options{Scheme: scheme, Mapper: mapper, ReaderFailOnMissingInformer: true})
	if err != nil {
		return nil, err
	}
	return &cluster{
		namespace: cfg.Namespace,
		mirrored:  cfg.Mirrored.Has(cfg.Namespace),
		baskets:   baskets,
		cache:     reads,
		live:      live,
		reading:   newBreaker(kubernetesRead, cfg.RequestTimeout, isOutage),
		writing:   newBreaker(kubernetesWrite, cfg.RequestTimeout, isOutage),
		orders:    events.NewHub(),
		fresh:     newFresh(now),
	}, nil
}

// breakers are all there are.
func (c *cluster) breakers() []*breaker { return []*breaker{c.reading, c.writing} }

// start reads the cluster until ctx ends.
func (c *cluster) start(ctx context.Context) error {
	orders, err := c.watchOrders(ctx)
	if err != nil {
		return err
	}
	items, err := c.informer(ctx, &v1alpha1.StockItem{})
	if err != nil {
		return err
	}
	if _, err := items.AddEventHandler(dropsLevels(c.levels)); err != nil {
		return fmt.Errorf("watch stock items: %w", err)
	}
	classes, err := c.informer(ctx, &v1alpha1.OrderClass{})
	if err != nil {
		return err
	}
	baskets, err := c.baskets.informer(ctx)
	if err != nil {
		return err
	}
	go func() {
		c.baskets.ready.Store(toolscache.WaitForCacheSync(ctx.Done(), baskets.HasSynced))
		c.ready.Store(toolscache.WaitForCacheSync(ctx.Done(), orders.HasSynced, items.HasSynced))
	}()
	go func() { c.classesReady.Store(toolscache.WaitForCacheSync(ctx.Done(), classes.HasSynced)) }()
	running, until := errgroup.WithContext(ctx)
	running.Go(func() error {
		c.levels.Run(until)
		return nil
	})
	running.Go(func() error { return c.baskets.start(until) })
	running.Go(func() error {
		if err := c.cache.Start(until); err != nil {
			return fmt.Errorf("read the cluster: %w", err)
		}
		return nil
	})
	return running.Wait()
}

// informer returns the informer of a kind. It has seen nothing yet.
func (c *cluster) informer(ctx context.Context, kind client.Object) (cache.Informer, error) {
	informer, err := c.cache.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watch %T: %w", kind, err)
	}
	return informer, nil
}

// watchOrders returns the informer of orders, indexed by customer, which tells
// c.orders what it sees.
func (c *cluster) watchOrders(ctx context.Context) (cache.Informer, error) {
	byCustomer := func(o client.Object) []string { return []string{o.(*v1alpha1.Order).Spec.CustomerID} }
	if err := c.cache.IndexField(ctx, &v1alpha1.Order{}, customerIndex, byCustomer); err != nil {
		return nil, fmt.Errorf("index orders by customer: %w", err)
	}
	informer, err := c.informer(ctx, &v1alpha1.Order{})
	if err != nil {
		return nil, err
	}
	if _, err := informer.AddEventHandler(c.orders.Handler()); err != nil {
		return nil, fmt.Errorf("watch orders: %w", err)
	}
	return informer, nil
}

// complete fills in what a new order takes from its class, as the admission
// webhook would: so creating an order waits for no webhook, and goes on when
// there is none. It says whether it could.
func (c *cluster) complete(ctx context.Context, o *v1alpha1.Order) (bool, error) {
	if !c.classesReady.Load() {
		return false, nil
	}
	var classes v1alpha1.OrderClassList
	if err := c.cache.List(ctx, &classes, client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("list order classes: %w", err)
	}
	order.Complete(o, order.ClassOf(o.Spec.ClassName, classes.Items))
	return true, nil
}

// isName says whether an object can have a name. What can't be one is not asked for anywhere.
func isName(name string) bool { return len(validation.IsDNS1123Subdomain(name)) == 0 }

func (c *cluster) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: c.namespace, Name: name}
}

// create writes a new object: one call of the API server. Where a mirror serves the
// namespace, the object is kept until it is told (docs/design/0015-mirror.md, rule 20).
func (c *cluster) create(ctx context.Context, object client.Object) error {
	if c.mirrored {
		controllerutil.AddFinalizer(object, v1alpha1.MirrorFinalizer)
	}
	err := c.writing.call(ctx, func(ctx context.Context) error { return c.live.Create(ctx, object) })
	if order, isOrder := object.(*v1alpha1.Order); isOrder && err == nil {
		c.fresh.put(order)
	}
	return err
}

// read fills object from the cache, and from the API server when the cache does
// not have it: it may have been made a moment ago.
func (c *cluster) read(ctx context.Context, name string, object client.Object) error {
	if !isName(name) {
		return notFound("there is no such thing: no id looks like this")
	}
	if c.ready.Load() {
		if err := c.cache.Get(ctx, c.key(name), object); !apierrors.IsNotFound(err) {
			return err
		}
	}
	return c.readLive(ctx, name, object)
}

// readCached fills object from the cache, once that is filled.
func (c *cluster) readCached(ctx context.Context, name string, object client.Object) error {
	if !c.ready.Load() || !isName(name) {
		return notFound("there is no such thing in the cache")
	}
	return c.cache.Get(ctx, c.key(name), object)
}

// has says whether the cache has an order.
func (c *cluster) has(name string) bool {
	return c.readCached(context.Background(), name, &v1alpha1.Order{}) == nil
}

// list fills list from the cache.
func (c *cluster) list(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if !c.ready.Load() {
		return unavailable(time.Second, errors.New("the cache is not filled yet"))
	}
	return c.cache.List(ctx, list, options...)
}

// readLive fills object from the API server.
func (c *cluster) readLive(ctx context.Context, name string, object client.Object) error {
	if !isName(name) {
		return notFound("there is no such thing: no id looks like this")
	}
	return c.reading.call(ctx, func(ctx context.Context) error { return cachedclient.Live(c.live).Get(ctx, c.key(name), object) })
}

// patch merges a JSON merge patch into the order name and returns what it is then.
func (c *cluster) patch(ctx context.Context, name string, mergePatch client.Patch) (*v1alpha1.Order, error) {
	patched := &v1alpha1.Order{}
	patched.Namespace, patched.Name = c.namespace, name
	err := c.writing.call(ctx, func(ctx context.Context) error { return c.live.Patch(ctx, patched, mergePatch) })
	return patched, err
}

// awaitOrder waits until the cached order is as wanted, and returns it. When ctx
// ends first it returns nil.
func (c *cluster) awaitOrder(ctx context.Context, name string, wanted func(*v1alpha1.Order) bool) *v1alpha1.Order {
	watch := c.orders.Watch(name)
	defer watch.Close()
	for c.ready.Load() {
		seen := &v1alpha1.Order{}
		if err := c.cache.Get(ctx, c.key(name), seen); err == nil && wanted(seen) {
			return seen
		}
		select {
		case <-watch.Changed():
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
