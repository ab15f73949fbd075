package cachedclient_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
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

func TestOwnWritesAreInTheCacheBeforeTheWatchBringsThem(t *testing.T) {
	g := gomega.NewWithT(t)
	g.SetDefaultEventuallyTimeout(30 * time.Second)
	g.SetDefaultEventuallyPollingInterval(5 * time.Millisecond)
	env := testenv.Start(t)
	ns := env.Namespace(t)

	watches := testenv.NewWatchGate("orders")
	release := watches.Hold()
	defer func() { release() }()
	cfg := rest.CopyConfig(env.Config)
	cfg.Wrap(watches.Wrap)
	source, err := cachedclient.NewSource(cfg, env.Scheme, ns)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	o := source.CacheOptions()
	o.Scheme = env.Scheme
	c, err := cache.New(cfg, o)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	shared, err := rest.HTTPClientFor(cfg)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	writer, err := cachedclient.NewWriter(cfg, shared, env.Scheme, source.Wrote)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	events := &seen{times: map[string]int{}}
	orders, err := c.GetInformer(t.Context(), &v1alpha1.Order{}, cache.BlockUntilSynced(false))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = orders.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: events.note, UpdateFunc: func(_, o any) { events.note(o) }, DeleteFunc: events.note,
	})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Start(ctx) }()
	defer func() {
		stop()
		g.Expect(<-ended).To(gomega.Succeed())
	}()
	g.Expect(c.WaitForCacheSync(ctx)).To(gomega.BeTrue())
	g.Eventually(watches.Begun).Should(gomega.Equal(1))
	cached := func(name string) func() *v1alpha1.Order {
		return func() *v1alpha1.Order {
			o := &v1alpha1.Order{}
			if err := c.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, o); err != nil {
				return nil
			}
			return withoutManagedFields(o)
		}
	}
	live := func(name string) *v1alpha1.Order {
		o := &v1alpha1.Order{}
		g.Expect(env.Client.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, o)).To(gomega.Succeed())
		return o
	}
	label := func(name, value string) {
		o := live(name)
		o.Labels = map[string]string{"label": value}
		g.Expect(env.Client.Update(ctx, o)).To(gomega.Succeed())
	}

	// The watch is silent, and what we write is there.
	g.Expect(writer.Create(ctx, "orders", order(ns, "ours"))).To(gomega.Succeed())
	g.Expect(env.Client.Create(ctx, order(ns, "theirs"))).To(gomega.Succeed())
	g.Eventually(cached("ours")).Should(gomega.Equal(withoutManagedFields(live("ours"))))
	decided := live("ours")
	decided.Status.TotalAmount = "25.00"
	g.Expect(writer.UpdateStatus(ctx, "orders", decided)).To(gomega.Succeed())
	g.Eventually(cached("ours")).Should(gomega.Equal(withoutManagedFields(live("ours"))))
	g.Expect(cached("theirs")()).To(gomega.BeNil())

	// It ends before it has brought anything. The one after it brings what others wrote
	// before our last write.
	releaseFirst := release
	release = watches.Hold()
	releaseFirst()
	release()
	g.Eventually(cached("theirs")).Should(gomega.Equal(withoutManagedFields(live("theirs"))))
	label("ours", "changed-by-others")
	label("theirs", "changed-too")
	for _, name := range []string{"ours", "theirs"} {
		g.Eventually(cached(name)).Should(gomega.Equal(withoutManagedFields(live(name))))
	}
	gone := live("ours")
	g.Expect(env.Client.Delete(ctx, gone)).To(gomega.Succeed())
	g.Eventually(cached("ours")).Should(gomega.BeNil())

	// Each version is handed on once.
	events.mu.Lock()
	defer events.mu.Unlock()
	g.Expect(events.times).To(gomega.HaveLen(6))
	for version, times := range events.times {
		g.Expect(times).To(gomega.Equal(1), "version %s", version)
	}
}

func withoutManagedFields(o *v1alpha1.Order) *v1alpha1.Order {
	o.ManagedFields, o.TypeMeta = nil, metav1.TypeMeta{}
	return o
}
