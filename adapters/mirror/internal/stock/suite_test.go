package stock_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror/internal/stock"
	"github.com/orderplane/orderplane/api/v1alpha1"
	stockcontroller "github.com/orderplane/orderplane/controllers/stock"
	"github.com/orderplane/orderplane/internal/domain/mirror"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/kube/kinds"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

var (
	env *testenv.Env
	// manager and mirrors are the accesses of the installation.
	manager, mirrors *rest.Config
)

func TestStock(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "The mirror of stock")
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(GinkgoLogr)
	SetDefaultEventuallyTimeout(60 * time.Second)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	SetDefaultConsistentlyDuration(1500 * time.Millisecond)
	env = testenv.Start(GinkgoTB())
	manager = env.Access(GinkgoTB(), "manager", "", "orderplane-manager")
	mirrors = env.Access(GinkgoTB(), "mirror", "", "orderplane-mirror")
})

// shop is a namespace with a stock controller, and the database that mirrors of it write to.
type shop struct {
	client.Client
	namespace  string
	pool       *pgxpool.Pool
	controller *testenv.Manager
	levels     *levels
	registry   *prometheus.Registry
}

// levels notes which products were dropped.
type levels struct {
	mu      sync.Mutex
	dropped map[string]int
}

func (l *levels) Drop(products ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range products {
		l.dropped[p]++
	}
}

func (l *levels) of(product string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped[product]
}

func openShop() *shop {
	GinkgoHelper()
	s := &shop{
		Client: env.Client, namespace: env.Namespace(GinkgoTB()), pool: testenv.Database(GinkgoTB(), postgres.Inventory),
		levels: &levels{dropped: map[string]int{}}, registry: prometheus.NewRegistry(),
	}
	s.decide()
	return s
}

// decide starts a stock controller.
func (s *shop) decide() {
	GinkgoHelper()
	s.controller = env.StartManager(GinkgoTB(), testenv.ManagerOptions{Namespace: s.namespace, Config: manager}, func(mgr ctrl.Manager) error {
		return stockcontroller.SetupWithManager(mgr, stockcontroller.Options{
			Holder: "manager", Registerer: prometheus.NewRegistry(), ProjectionInterval: 50 * time.Millisecond, Mirrored: mirror.Namespaces{s.namespace},
		})
	})
}

// mirror starts a mirror that runs until it is stopped, or the spec is over.
func (s *shop) mirror() (stop func()) {
	GinkgoHelper()
	registry := prometheus.NewRegistry()
	s.registry = registry
	source, err := cachedclient.NewSource(mirrors, env.Scheme, registry, s.namespace)
	Expect(err).NotTo(HaveOccurred())
	cache, err := source.NewCache(mirrors, ctrlcache.Options{Scheme: env.Scheme})
	Expect(err).NotTo(HaveOccurred())
	httpClient, err := rest.HTTPClientFor(mirrors)
	Expect(err).NotTo(HaveOccurred())
	mapper, err := kinds.MapperOfCluster(mirrors, httpClient)
	Expect(err).NotTo(HaveOccurred())
	live, err := client.New(mirrors, client.Options{Scheme: env.Scheme, Mapper: mapper, HTTPClient: httpClient})
	Expect(err).NotTo(HaveOccurred())
	m, err := stock.New(stock.Options{
		Namespace: s.namespace, Pool: s.pool, Cache: cache, Client: live, Levels: s.levels, Clock: clock.RealClock{}, Log: GinkgoLogr, Registry: registry,
	})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		defer GinkgoRecover()
		Expect(cache.Start(ctx)).To(Succeed())
	})
	running.Go(func() {
		defer GinkgoRecover()
		Expect(m.Run(ctx)).To(Succeed())
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	DeferCleanup(stop)
	return stop
}

// held is metadata of an object that the mirror keeps, as Orderplane makes it.
func held(o client.Object) client.Object {
	o.SetFinalizers([]string{v1alpha1.MirrorFinalizer})
	return o
}

func (s *shop) make(ctx context.Context, objects ...client.Object) {
	GinkgoHelper()
	for _, o := range objects {
		Expect(s.Create(ctx, o)).To(Succeed())
	}
}

func (s *shop) read(ctx context.Context, name string, o client.Object) error {
	return s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, o)
}

// change changes a reservation.
func (s *shop) change(ctx context.Context, name string, change func(r *v1alpha1.StockReservation)) {
	GinkgoHelper()
	Eventually(func() error {
		r := &v1alpha1.StockReservation{}
		if err := s.read(ctx, name, r); err != nil {
			return err
		}
		change(r)
		return s.Update(ctx, r)
	}).Should(Succeed())
}

// want changes a reservation's intent.
func (s *shop) want(ctx context.Context, name string, intent v1alpha1.ReservationIntent) {
	GinkgoHelper()
	s.change(ctx, name, func(r *v1alpha1.StockReservation) { r.Spec.Intent = intent })
}

// reaches waits for a reservation's phase.
func (s *shop) reaches(ctx context.Context, name string, phase v1alpha1.StockReservationPhase) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		r := &v1alpha1.StockReservation{}
		g.Expect(s.read(ctx, name, r)).To(Succeed())
		g.Expect(r.Status.Phase).To(Equal(phase))
	}).Should(Succeed())
}

func (s *shop) isGone(ctx context.Context, name string, o client.Object) {
	GinkgoHelper()
	Eventually(func() error { return client.IgnoreNotFound(s.read(ctx, name, o)) }).Should(Succeed())
	Eventually(func() bool { return s.read(ctx, name, o) != nil }).Should(BeTrue(), "%s goes", name)
}

// drop deletes an object whatever keeps it.
func (s *shop) drop(ctx context.Context, name string, o client.Object) {
	GinkgoHelper()
	Eventually(func() error {
		if err := s.read(ctx, name, o); err != nil {
			return client.IgnoreNotFound(err)
		}
		o.SetFinalizers(nil)
		return s.Update(ctx, o)
	}).Should(Succeed())
	Expect(client.IgnoreNotFound(s.Delete(ctx, o))).To(Succeed())
}
