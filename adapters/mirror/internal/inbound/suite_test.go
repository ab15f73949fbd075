package inbound_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror/internal/inbound"
	"github.com/orderplane/orderplane/adapters/mirror/internal/stage"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/test/testenv"
)

const (
	topic = "order.cancel.requested"
	dlt   = "order.cancel.requested.DLT"
)

var (
	env *testenv.Env
	// mirror is the access of the installation's mirror.
	mirror *rest.Config
)

func TestInbound(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Inbound")
}

var _ = BeforeSuite(func() {
	SetDefaultEventuallyTimeout(20 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	SetDefaultConsistentlyDuration(200 * time.Millisecond)
	env = testenv.Start(GinkgoTB())
	mirror = env.Access(GinkgoTB(), "mirror", "", "orderplane-mirror")
})

// world is a namespace, a broker of its own and consumers between them.
type world struct {
	namespace string
	broker    *kgo.Client
	addresses []string
	registry  *prometheus.Registry
	stage     *stage.Stage
	// archive are the orders that left the cluster.
	archive []string
	// reads counts how often orders were read; away has every request fail.
	reads *testenv.CallCounter
	away  atomic.Bool
}

func newWorld(opts ...kfake.Opt) *world {
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(cluster.Close)
	broker, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(broker.Close)
	return &world{
		namespace: env.Namespace(GinkgoTB()), broker: broker, addresses: cluster.ListenAddrs(),
		registry: prometheus.NewRegistry(), stage: stage.New(stage.Inbound, clock.RealClock{}),
		reads: testenv.NewCallCounter(func(r *http.Request) bool {
			return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/orders/")
		}),
	}
}

// errAway is what a request gets while the API server is away.
var errAway = errors.New("the API server is away")

// consume runs a consumer until it is stopped, or the spec is over.
func (w *world) consume(c clock.Clock) (stop func()) {
	cfg := rest.CopyConfig(mirror)
	cfg.Wrap(w.reads.Wrap)
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return testenv.RoundTripper(func(r *http.Request) (*http.Response, error) {
			if w.away.Load() {
				return nil, errAway
			}
			return next.RoundTrip(r)
		})
	})
	orders, err := client.New(cfg, client.Options{Scheme: env.Scheme})
	Expect(err).NotTo(HaveOccurred())
	consumer, err := inbound.New(inbound.Options{
		Namespace: w.namespace, Orders: orders, Kafka: kafka.Config{Bootstrap: w.addresses}, Clock: c, Stage: w.stage, Log: GinkgoLogr, Registry: w.registry,
		Archived: func(_ context.Context, id string) (bool, error) {
			for _, archived := range w.archive {
				if archived == id {
					return true, nil
				}
			}
			return false, nil
		},
	})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		Eventually(ended).Should(Receive(BeNil()))
	})
	DeferCleanup(stop)
	return stop
}

// hurry lets every pause of a consumer pass as soon as it begins.
func hurry() clock.Clock {
	c := clocktesting.NewFakeClock(time.Now())
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if c.HasWaiters() {
					c.Step(time.Second)
				}
			}
		}
	}()
	DeferCleanup(func() { close(done) })
	return c
}

// order makes one, and puts it in a phase.
func (w *world) order(ctx context.Context, name string, phase v1alpha1.OrderPhase) *v1alpha1.Order {
	o := testenv.Order(w.namespace, name, testenv.Line("prod-001", 1))
	Expect(env.Client.Create(ctx, o)).To(Succeed())
	o.Status = v1alpha1.OrderStatus{Phase: phase}
	Expect(env.Client.Status().Update(ctx, o)).To(Succeed())
	return o
}

func (w *world) seen(ctx context.Context, o *v1alpha1.Order) func(Gomega) *v1alpha1.Order {
	return func(g Gomega) *v1alpha1.Order {
		var now v1alpha1.Order
		g.Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(o), &now)).To(Succeed())
		return &now
	}
}

func request(orderID, reason string) string {
	return fmt.Sprintf(`{"eventId":"8d9b2f5e-0c1a-4f57-9a3e-5b1d7c2e4f60","eventType":"order.cancel.requested","eventVersion":1,"occurredAt":"2026-11-23T12:00:00Z","traceId":"t-1","payload":{"orderId":%q,"reason":%q}}`, orderID, reason)
}

// ask writes a record to the topic, which is there already or made by the consumer.
func (w *world) ask(ctx context.Context, r *kgo.Record) {
	r.Topic = topic
	Eventually(func() error { return w.broker.ProduceSync(ctx, r).FirstErr() }).Should(Succeed())
}

// deadLetters are all that there are.
func (w *world) deadLetters(ctx context.Context) []*kgo.Record {
	ends, err := kadm.NewClient(w.broker).ListEndOffsets(ctx, dlt)
	Expect(err).NotTo(HaveOccurred())
	end, there := ends.Lookup(dlt, 0)
	if !there || end.Err != nil || end.Offset == 0 {
		return nil
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(w.addresses...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{dlt: {0: kgo.NewOffset().AtStart()}}))
	Expect(err).NotTo(HaveOccurred())
	defer reader.Close()
	var letters []*kgo.Record
	for int64(len(letters)) < end.Offset && ctx.Err() == nil {
		letters = append(letters, reader.PollFetches(ctx).Records()...)
	}
	return letters
}

// committed is how many records of the group's partitions are done.
func (w *world) committed(ctx context.Context) int64 {
	offsets, err := kadm.NewClient(w.broker).FetchOffsets(ctx, "orderplane-mirror-"+w.namespace)
	if err != nil {
		return 0
	}
	n := int64(0)
	offsets.Each(func(o kadm.OffsetResponse) { n += o.At })
	return n
}

// outcomes are the counts of what became of records, without those that are nothing.
func (w *world) outcomes() map[string]int {
	families, err := w.registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	counts := map[string]int{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, label := range m.GetLabel() {
				name = label.GetValue()
			}
			if n := int(m.GetCounter().GetValue()); n > 0 {
				counts[name] = n
			}
		}
	}
	return counts
}
