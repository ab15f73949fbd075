package intake_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/notifier/internal/intake"
	"github.com/orderplane/orderplane/adapters/notifier/internal/notifiertest"
	"github.com/orderplane/orderplane/adapters/notifier/internal/pulse"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/kafka/deadletter"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

// world is a broker and databases, with consumers between them.
type world struct {
	t                     *testing.T
	addresses             []string
	broker                *kgo.Client
	orders, notifications *pgxpool.Pool
	shop                  notifiertest.Shop
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, embedded(t)...)
}

// embedded are the addresses of an embedded broker.
func embedded(t *testing.T) []string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()
}

func newWorldOn(t *testing.T, addresses ...string) *world {
	t.Helper()
	broker, err := kgo.NewClient(kgo.SeedBrokers(addresses...), kgo.ProducerBatchMaxBytes(2<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	w := &world{
		t: t, addresses: addresses, broker: broker,
		orders: testenv.Database(t, postgres.Orders), notifications: testenv.Database(t, postgres.Notifications),
	}
	w.shop = notifiertest.Shop{DB: w.orders, Now: time.Now}
	if err := kafka.EnsureTopics(t.Context(), broker, event.Topics()); err != nil {
		t.Fatal(err)
	}
	return w
}

// consume runs a consumer until the test is over, or stop is called.
func (w *world) consume() (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	c, err := intake.New(intake.Options{
		Kafka: kafka.Config{Bootstrap: w.addresses}, Orders: w.orders, Notifications: w.notifications,
		Rules:    notification.Rules{On: []v1alpha1.NotificationChannel{notification.Email}, MaxAge: time.Hour},
		Recorded: func() {}, Clock: clock.RealClock{}, Pulse: pulse.NewSet(clock.RealClock{}, "x").Of("x"), Log: logr.Discard(), Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := c.Run(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	w.t.Cleanup(stop)
	return stop
}

func (w *world) publish(records ...*kgo.Record) {
	w.t.Helper()
	if err := w.broker.ProduceSync(w.t.Context(), records...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// recorded are the notifications there are, each as a text.
func (w *world) recorded() []string {
	w.t.Helper()
	rows, err := w.notifications.Query(w.t.Context(),
		"SELECT concat_ws(' ', order_id, seq, template, status, reason, nullif(recipient, '')) FROM notifications ORDER BY order_id, seq, channel")
	if err != nil {
		w.t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func (w *world) eventually(what string, is func() (got, want any)) {
	w.t.Helper()
	notifiertest.Eventually(w.t, what, is)
}

func (w *world) comesToRecord(want ...string) {
	w.t.Helper()
	w.eventually("recorded", func() (any, any) { return w.recorded(), want })
}

// committed is how many records are committed, of all topics.
func (w *world) committed() (n int64) {
	w.t.Helper()
	offsets, err := kadm.NewClient(w.broker).FetchOffsets(w.t.Context(), intake.Group)
	if err != nil {
		return 0 // there is no group yet
	}
	offsets.Each(func(o kadm.OffsetResponse) { n += max(o.At, 0) })
	return n
}

// letters are what a topic has, key and header dlt-error of each.
func (w *world) letters(topic string) []*kgo.Record {
	w.t.Helper()
	queues := deadletter.Queues{Broker: w.broker, Consume: func(from map[string]map[int32]kgo.Offset) (*kgo.Client, error) {
		return kgo.NewClient(kgo.SeedBrokers(w.addresses...), kgo.ConsumePartitions(from))
	}}
	var found []*kgo.Record
	if err := queues.Read(w.t.Context(), topic, deadletter.Which{All: true, Offset: -1}, func(r *kgo.Record) error {
		found = append(found, r)
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return found
}

const (
	created, confirmed, fulfilled = v1alpha1.HistoryCreated, v1alpha1.HistoryConfirmed, v1alpha1.HistoryFulfilled
)

func TestWhatTheTopicsTellIsRecordedOnce(t *testing.T) {
	w := newWorld(t)
	told := w.shop.Tell(t, t.Context(), w.shop.Order("o-1", notifiertest.Mail("ines@example.com"), created, confirmed), w.shop.Order("o-2", nil, created))
	w.consume()
	for range 2 {
		for _, e := range told {
			w.publish(notifiertest.Published(e))
		}
	}
	w.comesToRecord("o-1 1 order.created PENDING ines@example.com", "o-1 2 order.confirmed PENDING ines@example.com", "o-2 1 order.created SKIPPED NO_CONTACT")
	w.eventually("committed", func() (any, any) { return w.committed(), int64(2 * len(told)) })
	w.comesToRecord("o-1 1 order.created PENDING ines@example.com", "o-1 2 order.confirmed PENDING ines@example.com", "o-2 1 order.created SKIPPED NO_CONTACT")
}

// The record of a later event is enough: what came before is recorded with it, and in order.
func TestWhatCameBeforeIsRecordedWithIt(t *testing.T) {
	w := newWorld(t)
	told := w.shop.Tell(t, t.Context(), w.shop.Order("o-1", notifiertest.Mail("ines@example.com"), created, confirmed, fulfilled))
	w.publish(notifiertest.Published(told[1]))
	w.consume()
	w.comesToRecord("o-1 1 order.created PENDING ines@example.com", "o-1 2 order.confirmed PENDING ines@example.com")
	w.publish(notifiertest.Published(told[2]), notifiertest.Published(told[0]))
	w.comesToRecord("o-1 1 order.created PENDING ines@example.com", "o-1 2 order.confirmed PENDING ines@example.com", "o-1 3 order.fulfilled PENDING ines@example.com")
}

// What happened long ago is kept, and nobody is told.
func TestWhatIsLongOverIsRecordedAndNotSent(t *testing.T) {
	w := newWorld(t)
	w.shop.Now = func() time.Time { return time.Now().Add(-2 * time.Hour) }
	w.publish(notifiertest.Published(w.shop.Tell(t, t.Context(), w.shop.Order("o-1", notifiertest.Mail("ines@example.com"), created))[0]))
	w.consume()
	w.comesToRecord("o-1 1 order.created SKIPPED TOO_OLD")
}

// An id that another order has by now says nothing of the first one's customer.
func TestAnotherOrdersContactIsNotUsed(t *testing.T) {
	w := newWorld(t)
	told := w.shop.Tell(t, t.Context(), w.shop.Order("o-1", notifiertest.Mail("ines@example.com"), created))
	if _, err := w.orders.Exec(t.Context(), "UPDATE orders SET uid = 'another'"); err != nil {
		t.Fatal(err)
	}
	w.publish(notifiertest.Published(told[0]))
	w.consume()
	w.comesToRecord("o-1 1 order.created SKIPPED ORDER_REPLACED")
}

// Each bad record goes to the dead letters with what is wrong, and those around it go on. Once it is
// mended and put back, its customer is told.
func TestABadRecordIsADeadLetter(t *testing.T) {
	for name, addresses := range map[string]func(t *testing.T) []string{
		"embedded": embedded, "Apache Kafka": func(t *testing.T) []string { t.Helper(); return []string{testenv.Kafka(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // its time is the pauses between tries
			aBadRecordIsADeadLetter(t, newWorldOn(t, addresses(t)...))
		})
	}
}

func aBadRecordIsADeadLetter(t *testing.T, w *world) {
	t.Helper()
	right := w.shop.Tell(t, t.Context(), w.shop.Order("o-good", notifiertest.Mail("ines@example.com"), created))[0]
	good, foreign, elsewhere := notifiertest.Published(right), notifiertest.Published(right), notifiertest.Published(right)
	elsewhere.Topic = "order.returned"
	elsewhere.Value = []byte(strings.Replace(string(good.Value), `"eventType":"order.created"`, `"eventType":"order.returned"`, 1))
	foreign.Value = []byte(strings.Replace(string(good.Value), `"orderId":"o-good"`, `"orderId":"o-other"`, 1))
	late := w.shop.Order("o-late", notifiertest.Mail("li@example.com"), created)
	told, err := event.OfOrder(late, 0)
	if err != nil {
		t.Fatal(err)
	}
	unknown := notifiertest.Published(told[0])
	edit := func(from, to string) *kgo.Record {
		r := notifiertest.Published(told[0])
		if r.Value = []byte(strings.Replace(string(r.Value), from, to, 1)); string(r.Value) == string(unknown.Value) {
			t.Fatalf("%s is not in the value", from)
		}
		return r
	}
	bad := map[string]*kgo.Record{
		"the value is no JSON":          {Topic: good.Topic, Key: good.Key, Value: []byte("{")},
		"eventVersion is 7":             edit(`"eventVersion":1`, `"eventVersion":7`),
		"the value has 1048":            {Topic: good.Topic, Key: good.Key, Value: []byte(`{"x":"` + strings.Repeat("x", 1<<20-100) + `"}`)},
		"payload.orderId is missing":    edit(`"orderId":"o-late"`, `"orderId":""`),
		"payload is missing":            {Topic: good.Topic, Key: good.Key, Value: []byte(`{"eventId":"x","eventType":"order.created","eventVersion":1}`)},
		"eventId is missing, or no UUI": edit(`"eventId":"`, `"eventId":"x`),
		"eventType must be order.cre":   edit(`"eventType":"order.created"`, `"eventType":"order.returned"`),
		"ops_orders has no event " + told[0].ID.String() + " of order \"o-late\"": unknown,
		"ops_orders has no event " + right.ID.String() + " of order \"o-other\"":  foreign,
		"ops_orders has no event " + right.ID.String() + " of order \"o-good\"":   elsewhere,
	}
	for _, r := range bad {
		w.publish(r)
	}
	w.publish(good)
	w.consume()
	w.comesToRecord("o-good 1 order.created PENDING ines@example.com") // before the seconds of the tries are over
	const topic = "order.created.DLT"
	all := func() []*kgo.Record { return append(w.letters(topic), w.letters("order.returned.DLT")...) }
	w.eventually("dead letters", func() (any, any) { return len(all()), len(bad) })
	w.eventually("committed", func() (any, any) { return w.committed(), int64(len(bad) + 1) })
	letters := all()
	for why, r := range bad {
		i := slices.IndexFunc(letters, func(l *kgo.Record) bool { return strings.HasPrefix(deadletter.Header(l, deadletter.HeaderError), why) })
		if i < 0 {
			t.Errorf("no dead letter says %q", why)
			continue
		}
		l := letters[i]
		if len(l.Value) != len(r.Value) && deadletter.Header(l, deadletter.HeaderLeftOut) != fmt.Sprint(len(r.Value)) {
			t.Errorf("%s: the value has %d bytes", why, len(l.Value))
		}
		got := deadletter.Header(l, deadletter.HeaderTopic) + "/" + deadletter.Header(l, deadletter.HeaderPartition) + "/" + deadletter.Header(l, deadletter.HeaderOffset)
		if want := fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset); got != want {
			t.Errorf("%s: is from %s, want %s", why, got, want)
		}
		if group := deadletter.Header(l, deadletter.HeaderGroup); group != intake.Group {
			t.Errorf("%s: of group %q", why, group)
		}
	}
	w.shop.Tell(t, t.Context(), late)
	queues := deadletter.Queues{Broker: w.broker, Consume: func(from map[string]map[int32]kgo.Offset) (*kgo.Client, error) {
		return kgo.NewClient(kgo.SeedBrokers(w.addresses...), kgo.ConsumePartitions(from))
	}}
	if n, err := queues.Replay(t.Context(), topic, deadletter.Which{Offset: letters[0].Offset}, unknown.Value); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	w.comesToRecord("o-good 1 order.created PENDING ines@example.com", "o-late 1 order.created PENDING li@example.com")
}

// What somebody asks for on order.cancel.requested is nothing to the notifier, nor is what was put back for another group.
func TestWhatIsNotItsOwnIsPassedOver(t *testing.T) {
	w := newWorld(t)
	good := notifiertest.Published(w.shop.Tell(t, t.Context(), w.shop.Order("o-1", notifiertest.Mail("ines@example.com"), created))[0])
	w.publish(
		&kgo.Record{Topic: "order.cancel.requested", Value: []byte(`{"payload":{"orderId":"o-1","reason":"CUSTOMER_REQUEST"}}`)},
		&kgo.Record{Topic: "order.created", Value: []byte("{"), Headers: []kgo.RecordHeader{{Key: deadletter.HeaderReplay, Value: []byte("others")}}},
		good,
	)
	w.consume()
	w.comesToRecord("o-1 1 order.created PENDING ines@example.com")
	w.eventually("committed", func() (any, any) { return w.committed(), int64(3) })
	for _, topic := range []string{"order.cancel.requested.DLT", "order.created.DLT"} {
		if n := len(w.letters(topic)); n > 0 {
			t.Errorf("%d dead letters on %s", n, topic)
		}
	}
}

// Several consumers, of which one goes and another comes, record everything.
func TestSeveralConsumersShareTheWork(t *testing.T) {
	w := newWorld(t)
	var orders []*v1alpha1.Order
	var want []string
	for i := range 60 {
		orders = append(orders, w.shop.Order(fmt.Sprintf("o-%02d", i), notifiertest.Mail("ines@example.com"), created, confirmed))
		want = append(want, fmt.Sprintf("o-%02d 1 order.created PENDING ines@example.com", i), fmt.Sprintf("o-%02d 2 order.confirmed PENDING ines@example.com", i))
	}
	told := w.shop.Tell(t, t.Context(), orders...)
	stop := w.consume()
	w.consume()
	for i, e := range told {
		w.publish(notifiertest.Published(e))
		if i == len(told)/3 {
			stop()
			w.consume()
		}
	}
	w.comesToRecord(want...)
}

// A database that is away is waited for, and makes no dead letter.
func TestADatabaseThatIsAwayIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	told := w.shop.Tell(t, t.Context(), w.shop.Order("o-1", notifiertest.Mail("ines@example.com"), created))
	if _, err := w.orders.Exec(t.Context(), "ALTER TABLE order_events RENAME TO away"); err != nil {
		t.Fatal(err)
	}
	w.consume()
	w.publish(notifiertest.Published(told[0]))
	w.eventually("asked", func() (any, any) {
		var asked bool
		if err := w.orders.QueryRow(t.Context(), "SELECT xact_rollback > 1 FROM pg_stat_database WHERE datname = current_database()").Scan(&asked); err != nil {
			t.Fatal(err)
		}
		return asked, true
	})
	if _, err := w.orders.Exec(t.Context(), "ALTER TABLE away RENAME TO order_events"); err != nil {
		t.Fatal(err)
	}
	w.comesToRecord("o-1 1 order.created PENDING ines@example.com")
	if n := len(w.letters("order.created.DLT")); n > 0 {
		t.Errorf("%d dead letters", n)
	}
}
