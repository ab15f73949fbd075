package mirror

import (
	"context"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/kubernetes"
	kube "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/kube/kinds"
)

// cluster is how the mirror reads and writes the API server.
type cluster struct {
	// cache holds the namespace's objects. A standby keeps it warm.
	cache cache.Cache
	// live asks the API server itself, and writes.
	live   client.WithWatch
	synced chan struct{}
	// recorder writes Events about objects.
	recorder events.EventRecorder
	announce func(context.Context) error
}

func newCluster(access *kube.Config, namespace string, registry prometheus.Registerer) (*cluster, error) {
	access, connection, live, err := newLive(access)
	if err != nil {
		return nil, err
	}
	scheme := live.Scheme()
	source, err := cachedclient.NewSource(access, scheme, registry, namespace)
	if err != nil {
		return nil, fmt.Errorf("make the Kubernetes cache: %w", err)
	}
	reads, err := source.NewCache(access, cache.Options{Scheme: scheme, Mapper: kinds.Mapper(), ReaderFailOnMissingInformer: true})
	if err != nil {
		return nil, fmt.Errorf("make the Kubernetes cache: %w", err)
	}
	clients, err := kubernetes.NewForConfigAndClient(access, connection)
	if err != nil {
		return nil, fmt.Errorf("make the Kubernetes client: %w", err)
	}
	announcer := events.NewBroadcaster(&events.EventSinkImpl{Interface: clients.EventsV1()})
	return &cluster{
		cache: reads, live: live, synced: make(chan struct{}),
		recorder: announcer.NewRecorder(scheme, "orderplane-mirror"),
		announce: announcer.StartRecordingToSinkWithContext,
	}, nil
}

// newLive makes a client that asks the API server itself, and returns what it connects with.
func newLive(access *kube.Config) (*kube.Config, *http.Client, client.WithWatch, error) {
	access = kube.CopyConfig(access)
	access.QPS = -1 // the API server's priority and fairness decides
	scheme, err := kinds.Scheme()
	if err != nil {
		return nil, nil, nil, err
	}
	connection, err := kube.HTTPClientFor(access)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("make the Kubernetes client: %w", err)
	}
	mapper, err := kinds.MapperOfCluster(access, connection)
	if err != nil {
		return nil, nil, nil, err
	}
	live, err := client.NewWithWatch(access, client.Options{HTTPClient: connection, Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("make the Kubernetes client: %w", err)
	}
	return access, connection, live, nil
}

// start reads the cluster until ctx ends.
func (c *cluster) start(ctx context.Context) error {
	for _, kind := range []client.Object{
		&v1alpha1.Order{}, &v1alpha1.StockReservation{}, &v1alpha1.StockItem{},
		&v1alpha1.StockAdjustment{}, &v1alpha1.StockJournal{}, &v1alpha1.OrderClass{},
	} {
		if _, err := c.cache.GetInformer(ctx, kind, cache.BlockUntilSynced(false)); err != nil {
			return fmt.Errorf("watch %T: %w", kind, err)
		}
	}
	if err := c.announce(ctx); err != nil {
		return fmt.Errorf("write Events: %w", err)
	}
	go func() {
		if c.cache.WaitForCacheSync(ctx) {
			close(c.synced)
		}
	}()
	if err := c.cache.Start(ctx); err != nil {
		return fmt.Errorf("read the cluster: %w", err)
	}
	return nil
}
