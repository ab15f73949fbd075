package sending_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/notifier/internal/channel"
	"github.com/orderplane/orderplane/adapters/notifier/internal/pulse"
	"github.com/orderplane/orderplane/adapters/notifier/internal/sending"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
	"github.com/orderplane/orderplane/test/testenv"
)

// large makes messages of so many bytes.
type large int

func (size large) Compose(_ context.Context, claimed []notificationdb.Claimed) ([]sending.Composed, error) {
	composed := make([]sending.Composed, len(claimed))
	for i, c := range claimed {
		composed[i].Message = channel.Message{ID: c.ID.String(), OrderID: c.OrderID, HTML: strings.Repeat("x", int(size))}
	}
	return composed, nil
}

// While a provider answers nobody, a sender holds as many messages as it has places, however many wait.
func TestMemoryIsBoundedByThePlaces(t *testing.T) {
	const places, waiting, size = 32, 5000, 100_000
	pool := testenv.Database(t, postgres.Notifications)
	if _, err := pool.Exec(t.Context(), `INSERT INTO notifications (id, event_id, order_id, order_uid, seq, channel, recipient, template, status, created_at, happened_at)
		SELECT gen_random_uuid(), gen_random_uuid(), 'o-' || i, 'uid-' || i, 1, 'EMAIL', 'a@b', 'order.created', 'PENDING', now(), now() FROM generate_series(1, $1) i`,
		waiting); err != nil {
		t.Fatal(err)
	}
	inside, answers := make(chan struct{}, waiting), make(chan struct{})
	p := newProvider(func(context.Context, channel.Message, int) error {
		inside <- struct{}{}
		<-answers
		return nil
	})
	counts, err := sending.NewMetrics(prometheus.NewRegistry(), p.name)
	if err != nil {
		t.Fatal(err)
	}
	s := sending.New(sending.Options{
		Notifications: pool, Channel: p, Composer: large(size), Rules: notification.Rules{MaxAge: time.Hour}, Places: places, Timeout: time.Minute,
		Clock: clock.RealClock{}, Pulse: pulse.NewSet(clock.RealClock{}, "x").Of("x"), Log: logr.Discard(), Metrics: counts,
	})
	before := heap()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for range places {
		<-inside
	}
	select {
	case <-inside:
		t.Error("more messages than places")
	case <-time.After(time.Second): // two rounds of the sender
	}
	if more := heap() - before; more > 2*places*size {
		t.Errorf("%d bytes more for %d places of %d bytes", more, places, size)
	}
	stop()
	close(answers)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// heap is how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
