package mirrorfaults

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/jackc/pgx/v5/pgxpool"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/redis"
	"github.com/orderplane/orderplane/test/testenv"
)

// world is a namespace with its databases and its broker, and one mirror at a time.
type world struct {
	*WithT
	t     *testing.T
	k8s   client.Client
	ns    string
	pools map[postgres.Database]*pgxpool.Pool
	// broker is where events go.
	broker *broker
	topics *topics
	// clock is the mirrors'.
	clock *testenv.ShiftedClock
	plan  *plan
	log   logBook
}

// newWorld is one whose mirrors crash at these faults.
func newWorld(t *testing.T, faults []fault) *world {
	t.Helper()
	w := &world{
		WithT: NewWithT(t), t: t, k8s: env.Client, ns: env.Namespace(t), pools: map[postgres.Database]*pgxpool.Pool{},
		broker: newBroker(t), clock: testenv.NewShiftedClock(time.Now()), plan: newPlan(faults),
	}
	w.SetDefaultEventuallyTimeout(90 * time.Second)
	w.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	for _, db := range postgres.Databases() {
		w.pools[db] = testenv.Database(t, db)
	}
	w.topics = readTopics(t, w.broker)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("namespace %s; log of its mirrors:\n%s", w.ns, &w.log)
		}
	})
	return w
}

// keepMirroring runs a mirror and, whenever one crashes, the next, as a Deployment does.
func (w *world) keepMirroring() {
	access := env.Access(w.t, "mirror-"+w.ns, "", "orderplane-mirror")
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; ctx.Err() == nil; n++ {
			if err := w.mirror(ctx, access, n); err != nil {
				w.t.Errorf("mirror %d: %v", n, err)
				return
			}
		}
	}()
	w.t.Cleanup(func() {
		stop()
		<-done
	})
}

// mirror runs one until it crashes, or ctx is over. Its error is one that ended it before.
func (w *world) mirror(ctx context.Context, access *rest.Config, n int) error {
	l := newLife(w.plan)
	conn := w.pools[postgres.Orders].Config().ConnConfig
	pg, err := newPGWire(l, net.JoinHostPort(conn.Host, fmt.Sprint(conn.Port)))
	if err != nil {
		return err
	}
	defer pg.close()
	if err := w.topics.endSessions(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	w.broker.serves(l)
	access = rest.CopyConfig(access)
	access.Wrap(l.wrapAPI)
	name := fmt.Sprintf("mirror-%d", n)
	server, err := mirror.New(ctx, w.options(pg), mirror.Deps{
		Kube: access, Metrics: prometheus.NewRegistry(), Clock: w.clock,
		Log: funcr.New(func(prefix, args string) { w.log.add(name, prefix, args) }, funcr.Options{}),
	})
	if err != nil {
		if l.IsPulled() {
			return nil
		}
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	within, end := context.WithCancel(ctx)
	defer end()
	go l.cutWith(within.Done(), end)
	err = server.Serve(within, listener)
	if l.IsPulled() || ctx.Err() != nil {
		w.log.add(name, "", "is over")
		return nil
	}
	return fmt.Errorf("ended by itself: %w", err)
}

func (w *world) options(pg *pgWire) mirror.Options {
	o := mirror.DefaultOptions()
	o.Namespace, o.Redis, o.ArchiveDelay = w.ns, redis.Config{}, archiveDelay
	through := func(db postgres.Database) string {
		u, err := url.Parse(w.pools[db].Config().ConnString())
		if err != nil {
			w.t.Fatal(err)
		}
		u.Host = pg.address()
		return u.String()
	}
	o.Postgres = postgres.Config{
		Orders: through(postgres.Orders), Inventory: through(postgres.Inventory), Notifications: through(postgres.Notifications),
	}
	o.Kafka = kafka.Config{Bootstrap: w.broker.ListenAddrs()}
	return o
}

// logBook keeps what mirrors log until a test needs it.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) add(name, prefix, args string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.Len() < 1<<16 {
		fmt.Fprintf(&l.b, "%s %s %s %s\n", time.Now().Format("05.000"), name, prefix, args)
	}
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
