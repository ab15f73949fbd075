package mirror_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	kube "k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/mirror"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/kube/health"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/redis"
	"github.com/orderplane/orderplane/test/testenv"
)

// env is the control plane of this test binary.
var env *testenv.Env

func TestMain(m *testing.M) { os.Exit(testenv.Run(m, func(e *testenv.Env) { env = e })) }

const soon = 60 * time.Second

// world is what mirrors of one namespace share: databases, a broker, and access with
// the role of config/rbac.
type world struct {
	t         *testing.T
	namespace string
	access    *kube.Config
	pools     map[postgres.Database]*pgxpool.Pool
	brokers   *kfake.Cluster
}

func newWorld(t *testing.T, broker ...kfake.Opt) *world {
	t.Helper()
	w := &world{t: t, namespace: env.Namespace(t), pools: map[postgres.Database]*pgxpool.Pool{}}
	w.access = env.Access(t, "mirror-"+w.namespace, "", "orderplane-mirror")
	for _, db := range postgres.Databases() {
		w.pools[db] = testenv.Database(t, db)
	}
	w.brokers = newBrokers(t, broker...)
	return w
}

func newBrokers(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	brokers, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(brokers.Close)
	return brokers
}

func (w *world) options() mirror.Options {
	o := mirror.DefaultOptions()
	o.Namespace = w.namespace
	o.Redis = redis.Config{}
	o.Postgres = postgres.Config{
		Orders: url(w.pools[postgres.Orders]), Inventory: url(w.pools[postgres.Inventory]), Notifications: url(w.pools[postgres.Notifications]),
	}
	o.Kafka = kafka.Config{Bootstrap: w.brokers.ListenAddrs()}
	return o
}

func url(pool *pgxpool.Pool) string { return pool.Config().ConnString() }

// running is a mirror that runs.
type running struct {
	t    *testing.T
	url  string
	end  context.CancelFunc
	done chan struct{}
	err  error
}

// start runs a mirror until the test is over.
func (w *world) start(change ...func(*mirror.Options)) *running {
	w.t.Helper()
	o := w.options()
	for _, c := range change {
		c(&o)
	}
	server, err := mirror.New(w.t.Context(), o, mirror.Deps{
		Kube: w.access, Log: testr.New(w.t), Metrics: prometheus.NewRegistry(), Clock: clock.RealClock{},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	r := &running{t: w.t, url: "http://" + listener.Addr().String(), end: end, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = server.Serve(ctx, listener)
	}()
	w.t.Cleanup(r.stop)
	return r
}

// stop ends it and waits.
func (r *running) stop() {
	r.end()
	<-r.done
}

// refuses waits for the mirror to end by itself, with an error that has these words.
func (r *running) refuses(words ...string) {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(soon):
		r.t.Fatalf("does not refuse; health is %+v", r.health())
	}
	if r.err == nil {
		r.t.Fatal("ended without an error")
	}
	for _, word := range words {
		if !strings.Contains(r.err.Error(), word) {
			r.t.Errorf("%q does not say %q", r.err, word)
		}
	}
}

func (r *running) health() (report health.Report) {
	status, body := r.get("/health")
	if err := json.Unmarshal(body, &report); err != nil {
		r.t.Errorf("%d %s: %v", status, body, err)
	}
	return report
}

func (r *running) get(path string) (status int, body []byte) {
	r.t.Helper()
	answer, err := http.Get(r.url + path)
	if err != nil {
		return 0, []byte("{}")
	}
	defer func() { _ = answer.Body.Close() }()
	body, err = io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer.StatusCode, body
}

// becomes waits until health is as wanted.
func (r *running) becomes(what string, wanted func(health.Report) bool) {
	r.t.Helper()
	eventually(r.t, what, func() bool { return wanted(r.health()) }, func() any { return r.health() })
}

func (r *running) isUp() {
	r.t.Helper()
	r.becomes("a mirror that is up and leads", func(h health.Report) bool {
		return h.Status == health.Up && h.Components[health.Leadership].Detail == health.Leader
	})
}

func eventually(t *testing.T, what string, wanted func() bool, seen func() any) {
	t.Helper()
	deadline := time.After(soon)
	for !wanted() {
		select {
		case <-deadline:
			t.Fatalf("waited for %s; there is %+v", what, seen())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// publish writes records as the relay does.
func (w *world) publish(records ...event.Record) {
	w.t.Helper()
	producer, err := kgo.NewClient(kgo.SeedBrokers(w.brokers.ListenAddrs()...))
	if err != nil {
		w.t.Fatal(err)
	}
	defer producer.Close()
	for _, r := range records {
		record := &kgo.Record{Topic: r.Topic, Key: []byte(r.Key), Value: r.Value}
		for _, h := range r.Headers() {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: h.Key, Value: []byte(h.Value)})
		}
		if err := producer.ProduceSync(w.t.Context(), record).FirstErr(); err != nil {
			w.t.Fatal(err)
		}
	}
}
