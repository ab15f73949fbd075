package cachedclient_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/test/testenv"
)

// seen notes the versions an informer handed on.
type seen struct {
	mu    sync.Mutex
	times map[string]int
}

func (s *seen) note(o any) {
	if tombstone, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
		o = tombstone.Obj
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times[o.(client.Object).GetResourceVersion()]++
}

// count is how many versions there were.
func (s *seen) count() int { return len(s.all()) }

func (s *seen) all() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.times)
}

// following is a cache that follows the orders of a namespace through a gate.
type following struct {
	*gomega.WithT
	cache.Cache
	namespace string
	live      client.Client
	writer    *cachedclient.StatusWriter
	watches   *testenv.WatchGate
	events    *seen
}

func follow(t *testing.T) *following {
	t.Helper()
	g := gomega.NewWithT(t)
	g.SetDefaultEventuallyTimeout(30 * time.Second)
	g.SetDefaultEventuallyPollingInterval(5 * time.Millisecond)
	env := testenv.Start(t)
	f := &following{
		WithT: g, namespace: env.Namespace(t), live: env.Client,
		watches: testenv.NewWatchGate("orders"), events: &seen{times: map[string]int{}},
	}
	cfg := rest.CopyConfig(env.Config)
	cfg.Wrap(f.watches.Wrap)
	source, err := cachedclient.NewSource(cfg, env.Scheme, prometheus.NewRegistry(), f.namespace)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	f.Cache, err = source.NewCache(cfg, cache.Options{Scheme: env.Scheme})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	shared, err := rest.HTTPClientFor(cfg)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	f.writer, err = cachedclient.NewStatusWriter(cfg, shared, env.Scheme)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	orders, err := f.GetInformer(t.Context(), &v1alpha1.Order{}, cache.BlockUntilSynced(false))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = orders.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: f.events.note, UpdateFunc: func(_, o any) { f.events.note(o) }, DeleteFunc: f.events.note,
	})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		g.Expect(<-ended).To(gomega.Succeed())
	})
	g.Expect(f.WaitForCacheSync(ctx)).To(gomega.BeTrue())
	return f
}

// cached returns what the cache has of an order, nil when it has none.
func (f *following) cached(ctx context.Context, name string) func() *v1alpha1.Order {
	return func() *v1alpha1.Order {
		o := &v1alpha1.Order{}
		if err := f.Get(ctx, client.ObjectKey{Namespace: f.namespace, Name: name}, o); err != nil {
			return nil
		}
		return withoutManagedFields(o)
	}
}

func (f *following) stored(ctx context.Context, name string) *v1alpha1.Order {
	o := &v1alpha1.Order{}
	f.Expect(f.live.Get(ctx, client.ObjectKey{Namespace: f.namespace, Name: name}, o)).To(gomega.Succeed())
	return withoutManagedFields(o)
}

func (f *following) label(ctx context.Context, name, value string) {
	o := f.stored(ctx, name)
	o.Labels = map[string]string{"label": value}
	f.Expect(f.live.Update(ctx, o)).To(gomega.Succeed())
}

// Watches are held back and cut. The cache comes to show all that was written meanwhile, by the
// status writer and by others, and hands on each version once.
func TestNothingIsLostOrGivenTwiceWhenWatchesAreCut(t *testing.T) {
	f, ctx := follow(t), t.Context()
	f.Eventually(f.watches.Begun).Should(gomega.Equal(1))
	releaseFirst := f.watches.Hold() // and cut the one that there is
	defer releaseFirst()
	f.Eventually(f.watches.Begun).Should(gomega.Equal(2))

	f.Expect(f.writer.Create(ctx, "orders", order(f.namespace, "ours"))).To(gomega.Succeed())
	f.Expect(f.live.Create(ctx, order(f.namespace, "theirs"))).To(gomega.Succeed())
	decided := f.stored(ctx, "ours")
	decided.Status.TotalAmount = "25.00"
	f.Expect(f.writer.UpdateStatus(ctx, "orders", decided)).To(gomega.Succeed())
	f.Expect(f.stored(ctx, "ours").Status.TotalAmount).To(gomega.BeEquivalentTo("25.00"))
	f.Expect(f.cached(ctx, "ours")()).To(gomega.BeNil())

	release := f.watches.Hold() // cut before it has brought anything
	defer release()
	releaseFirst()
	release()
	for _, name := range []string{"ours", "theirs"} {
		f.Eventually(f.cached(ctx, name)).Should(gomega.Equal(f.stored(ctx, name)))
	}

	release = f.watches.Hold() // cut after it has brought something
	defer release()
	f.label(ctx, "ours", "changed-by-others")
	f.label(ctx, "theirs", "changed-too")
	release()
	for _, name := range []string{"ours", "theirs"} {
		f.Eventually(f.cached(ctx, name)).Should(gomega.Equal(f.stored(ctx, name)))
	}
	f.Expect(f.live.Delete(ctx, f.stored(ctx, "ours"))).To(gomega.Succeed())
	f.Eventually(f.cached(ctx, "ours")).Should(gomega.BeNil())

	// Two orders, two labels, one deletion; and what "ours" was before its status, where the
	// reflector did not list anew after a watch that brought nothing.
	f.Eventually(f.events.count).Should(gomega.BeNumerically(">=", 5))
	for version, times := range f.events.all() {
		f.Expect(times).To(gomega.Equal(1), "version %s", version)
	}
}

func withoutManagedFields(o *v1alpha1.Order) *v1alpha1.Order {
	o.ManagedFields, o.TypeMeta = nil, metav1.TypeMeta{}
	return o
}
