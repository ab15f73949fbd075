package sending_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/notifier/internal/channel"
	"github.com/orderplane/orderplane/adapters/notifier/internal/notifiertest"
	"github.com/orderplane/orderplane/adapters/notifier/internal/pulse"
	"github.com/orderplane/orderplane/adapters/notifier/internal/sending"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
	"github.com/orderplane/orderplane/test/testenv"
)

// provider takes messages, and does with each what a test wants.
type provider struct {
	name v1alpha1.NotificationChannel
	do   func(ctx context.Context, m channel.Message, try int) error

	mu    sync.Mutex
	tries map[string][]time.Time
	took  []string
}

func newProvider(do func(ctx context.Context, m channel.Message, try int) error) *provider {
	return &provider{name: notification.Email, do: do, tries: map[string][]time.Time{}}
}

func (p *provider) Name() v1alpha1.NotificationChannel { return p.name }

func (p *provider) Send(ctx context.Context, m channel.Message) error {
	p.mu.Lock()
	p.tries[m.OrderID] = append(p.tries[m.OrderID], time.Now())
	try := len(p.tries[m.OrderID])
	p.mu.Unlock()
	if p.do != nil {
		if err := p.do(ctx, m, try); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = append(p.took, m.OrderID+" "+m.Subject)
	return nil
}

func (p *provider) taken() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.took)
}

// composer makes a message whose subject is the number of the event; of an order that is called broken, none.
type composer struct{}

func (composer) Compose(_ context.Context, claimed []notificationdb.Claimed) ([]sending.Composed, error) {
	composed := make([]sending.Composed, len(claimed))
	for i, c := range claimed {
		composed[i].Message = channel.Message{ID: c.ID.String(), OrderID: c.OrderID, Recipient: c.Recipient, Subject: fmt.Sprint(c.Seq)}
		if c.OrderID == "broken" {
			composed[i].Err = errors.New("line 3 of the template")
		}
	}
	return composed, nil
}

// send runs a sender until the test is over, or stop is called.
func send(t *testing.T, pool *pgxpool.Pool, p *provider, places int) (stop func()) {
	t.Helper()
	counts, err := sending.NewMetrics(prometheus.NewRegistry(), p.name)
	if err != nil {
		t.Fatal(err)
	}
	s := sending.New(sending.Options{
		Notifications: pool, Channel: p, Composer: composer{}, Rules: notification.Rules{MaxAge: time.Hour}, Places: places, Timeout: 5 * time.Second,
		Clock: clock.RealClock{}, Pulse: pulse.NewSet(clock.RealClock{}, "x").Of("x"), Log: logr.Discard(), Metrics: counts,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}

// put records notifications of an order, one an event, that happened some time ago.
func put(t *testing.T, pool *pgxpool.Pool, order string, channel v1alpha1.NotificationChannel, ago time.Duration, seqs ...int64) {
	t.Helper()
	var events []notificationdb.Handled
	var planned []notification.Notification
	for _, seq := range seqs {
		id := uuid.New()
		events = append(events, notificationdb.Handled{EventID: id, OrderUID: "uid-" + order, Seq: seq})
		planned = append(planned, notification.Notification{
			ID: uuid.New(), EventID: id, OrderID: order, OrderUID: "uid-" + order, Seq: seq, Channel: channel, Recipient: "ines@example.com",
			Template: event.OrderConfirmed, Status: notification.Pending, HappenedAt: time.Now().Add(-ago),
		})
	}
	if _, err := notificationdb.Record(t.Context(), pool, events, planned); err != nil {
		t.Fatal(err)
	}
}

func statuses(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), "SELECT concat_ws(' ', order_id, seq, status, reason, attempts, error) FROM notifications ORDER BY order_id, seq, channel")
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func eventually(t *testing.T, what string, is func() (got, want any)) {
	t.Helper()
	notifiertest.Eventually(t, what, is)
}

func comesTo(t *testing.T, pool *pgxpool.Pool, want ...string) {
	t.Helper()
	eventually(t, "notifications", func() (any, any) { return statuses(t, pool), want })
}

func TestEachMessageComesToItsEnd(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Notifications)
	busy := errors.New("451 try later")
	p := newProvider(func(_ context.Context, m channel.Message, try int) error {
		switch {
		case m.OrderID == "never":
			return busy
		case m.OrderID == "refused":
			return channel.Permanent(errors.New("550 no such mailbox"))
		case m.OrderID == "third" && try < 3:
			return busy
		case m.OrderID == "panics":
			panic("a bug")
		}
		return nil
	})
	for _, order := range []string{"good", "never", "refused", "third", "panics", "broken"} {
		put(t, pool, order, notification.Email, 0, 1)
	}
	put(t, pool, "old", notification.Email, 2*time.Hour, 1)
	put(t, pool, "text", notification.SMS, 0, 1)
	send(t, pool, p, 8)
	comesTo(t, pool,
		"broken 1 FAILED NOT_RENDERED 0 line 3 of the template", "good 1 DELIVERED 1", "never 1 FAILED GAVE_UP 4 451 try later", "old 1 SKIPPED TOO_OLD 0",
		"panics 1 FAILED REFUSED 1 panic in channel EMAIL: a bug", "refused 1 FAILED REFUSED 1 550 no such mailbox", "text 1 PENDING 0", "third 1 DELIVERED 3")
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, least := range notification.Pauses() {
		if tries := p.tries["never"]; len(tries) != 4 || tries[i+1].Sub(tries[i]) < least-50*time.Millisecond {
			t.Errorf("%d tries; pause %d was %s, want %s or more", len(tries), i+1, tries[i+1].Sub(tries[i]), least)
		}
	}
}

// While one message is tried again and again, those of its order wait, and all others go out.
func TestARetryHoldsUpItsOrderAlone(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Notifications)
	fails := true
	p := newProvider(nil)
	p.do = func(_ context.Context, m channel.Message, _ int) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if fails && m.OrderID == "a" {
			return errors.New("451 try later")
		}
		return nil
	}
	put(t, pool, "a", notification.Email, 0, 1, 2, 3)
	var want []string
	for i := range 30 {
		put(t, pool, fmt.Sprintf("other-%02d", i), notification.Email, 0, 1, 2)
		want = append(want, fmt.Sprintf("other-%02d 1", i), fmt.Sprintf("other-%02d 2", i))
	}
	send(t, pool, p, 1) // one place: nobody waits in it
	eventually(t, "the others' messages", func() (any, any) {
		took := p.taken()
		slices.Sort(took)
		return took, want
	})
	p.mu.Lock()
	fails = false
	p.mu.Unlock()
	eventually(t, "its own, in order", func() (any, any) { return p.taken()[60:], []string{"a 1", "a 2", "a 3"} })
}

// A provider that hangs fills its places and no more.
func TestPlacesAreBounded(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Notifications)
	inside, most, release := 0, 0, make(chan struct{})
	p := newProvider(nil)
	p.do = func(_ context.Context, _ channel.Message, _ int) error {
		p.mu.Lock()
		inside++
		most = max(most, inside)
		p.mu.Unlock()
		<-release
		p.mu.Lock()
		defer p.mu.Unlock()
		inside--
		return nil
	}
	for i := range 20 {
		put(t, pool, fmt.Sprint(i), notification.Email, 0, 1)
	}
	send(t, pool, p, 4)
	eventually(t, "at once", func() (any, any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return inside, 4
	})
	close(release)
	eventually(t, "taken", func() (any, any) { return len(p.taken()), 20 })
	if most != 4 {
		t.Errorf("%d at once", most)
	}
}

// A provider that is away gets a message now and then. What waits for it uses up no tries, and goes out once
// it is back.
func TestAnOutageUsesUpNoTries(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Notifications)
	p, away := newProvider(nil), true
	var calls []time.Time
	p.do = func(context.Context, channel.Message, int) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		calls = append(calls, time.Now())
		if away {
			return errors.New("connection refused")
		}
		return nil
	}
	for i := range 200 {
		put(t, pool, fmt.Sprint(i), notification.Email, 0, 1)
	}
	send(t, pool, p, 64)
	eventually(t, "the outage is noticed, and tried", func() (any, any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		n := len(calls)
		return n >= 20 && calls[n-1].Sub(calls[n-2]) > 3*time.Second, true // one was let through
	})
	eventually(t, "a call that found out that it is away still uses up no try", func() (any, any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		trials := 0
		for i := range calls[1:] {
			if calls[i+1].Sub(calls[i]) > 3*time.Second {
				trials++
			}
		}
		return []int{tries(t, pool), trials}, []int{len(calls) - trials, max(trials, 1)}
	})
	p.mu.Lock()
	away = false
	if n := len(calls); n > 110 {
		t.Errorf("%d calls of a provider that is away", n)
	}
	p.mu.Unlock()
	eventually(t, "taken", func() (any, any) { return len(p.taken()), 200 })
	// The provider has a message before its result is kept. A try before the outage was noticed counts.
	eventually(t, "all are delivered, by their second try at most", func() (any, any) {
		return slices.DeleteFunc(statuses(t, pool), func(s string) bool { return deliveredSoon.MatchString(s) }), []string{}
	})
}

var deliveredSoon = regexp.MustCompile(`DELIVERED [12]( connection refused)?$`)

// tries is how many tries all notifications have used up.
func tries(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), "SELECT sum(attempts) FROM notifications").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Two senders send each message once. One that ends lets what it is sending come to its end, and the other goes on.
func TestSeveralSendersSendEachMessageOnce(t *testing.T) {
	t.Parallel()
	pool := testenv.Database(t, postgres.Notifications)
	p := newProvider(func(context.Context, channel.Message, int) error { return nil })
	var want []string
	for i := range 100 {
		put(t, pool, fmt.Sprintf("o-%03d", i), notification.Email, 0, 1, 2)
		want = append(want, fmt.Sprintf("o-%03d 1", i), fmt.Sprintf("o-%03d 2", i))
	}
	stop := send(t, pool, p, 8)
	send(t, pool, p, 8)
	eventually(t, "taken", func() (any, any) { return len(p.taken()) > 40, true })
	stop()
	eventually(t, "delivered", func() (any, any) {
		var n int
		if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM notifications WHERE status = 'DELIVERED'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n, 200
	})
	took := p.taken()
	seen := map[string]int{}
	for i, one := range took {
		seen[one] = i
	}
	for i := range 100 {
		if id := fmt.Sprintf("o-%03d", i); seen[id+" 1"] > seen[id+" 2"] {
			t.Errorf("%s was sent in the wrong order", id)
		}
	}
	slices.Sort(took)
	if diff := cmp.Diff(want, took); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
