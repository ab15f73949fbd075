package notifier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/notifier/internal/channel"
	"github.com/orderplane/orderplane/adapters/notifier/internal/notifiertest"
	"github.com/orderplane/orderplane/adapters/notifier/internal/render"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/kafka/deadletter"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

// mailbox is a channel that keeps what it gets.
type mailbox struct {
	mu sync.Mutex
	// refuses are the recipients whose mails are refused for good.
	refuses map[string]bool
	got     []channel.Message
}

func (m *mailbox) Name() v1alpha1.NotificationChannel { return notification.Email }

func (m *mailbox) Send(_ context.Context, message channel.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuses[message.Recipient] {
		return channel.Permanent(errors.New("550 no such mailbox"))
	}
	m.got = append(m.got, message)
	return nil
}

// texts are what it got, by recipient.
func (m *mailbox) texts() map[string][]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	texts := map[string][]string{}
	for _, one := range m.got {
		texts[one.Recipient] = append(texts[one.Recipient], one.Text)
	}
	return texts
}

// plain says what it was given, on one line.
type plain struct{}

func (plain) Render(_ v1alpha1.NotificationChannel, template, language string, f render.Facts) (subject, text, html string, err error) {
	return template, fmt.Sprintf("%s %s %s %s%s", template, f.OrderID, f.Total, f.Tracking, language), "", nil
}

// world is a notifier between a broker, databases and a mailbox.
type world struct {
	t       *testing.T
	options Options
	broker  *kgo.Client
	orders  *pgxpool.Pool
	shop    notifiertest.Shop
	mailbox *mailbox
	// out is where messages leave: the mailbox, unless a test says otherwise.
	out outlets
	// logs is everything that was logged.
	mu   sync.Mutex
	logs bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	broker, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	if err := kafka.EnsureTopics(t.Context(), broker, event.Topics()); err != nil {
		t.Fatal(err)
	}
	orders, notifications := testenv.Database(t, postgres.Orders), testenv.Database(t, postgres.Notifications)
	w := &world{
		t: t, options: DefaultOptions(), broker: broker, orders: orders,
		shop: notifiertest.Shop{DB: orders, Now: time.Now}, mailbox: &mailbox{refuses: map[string]bool{}},
	}
	w.out = outlets{channels: []channel.Channel{w.mailbox}, renderer: plain{}}
	w.options.Kafka.Bootstrap = cluster.ListenAddrs()
	w.options.Postgres = postgres.Config{Orders: orders.Config().ConnString(), Notifications: notifications.Config().ConnString(), Inventory: orders.Config().ConnString()}
	return w
}

// run runs a notifier until the test is over, and gives the address of its health.
func (w *world) run() (address string) {
	w.t.Helper()
	log := funcr.New(func(prefix, args string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		fmt.Fprintln(&w.logs, prefix, args)
	}, funcr.Options{})
	s, err := newServer(w.t.Context(), w.options, Deps{Log: log, Metrics: prometheus.NewRegistry(), Clock: clock.RealClock{}},
		w.out)
	if err != nil {
		w.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Serve(ctx, listener); err != nil {
			w.t.Error(err)
		}
	}()
	w.t.Cleanup(func() {
		cancel()
		<-ended
	})
	return "http://" + listener.Addr().String()
}

func (w *world) publish(events ...event.Record) {
	w.t.Helper()
	records := make([]*kgo.Record, len(events))
	for i, e := range events {
		records[i] = notifiertest.Published(e)
	}
	if err := w.broker.ProduceSync(w.t.Context(), records...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) eventually(what string, is func() (got, want any)) {
	w.t.Helper()
	notifiertest.Eventually(w.t, what, is, func() string {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.logs.String()
	})
}

func (w *world) queues() deadletter.Queues {
	return deadletter.Queues{Broker: w.broker, Consume: func(from map[string]map[int32]kgo.Offset) (*kgo.Client, error) {
		return kgo.NewClient(kgo.SeedBrokers(w.options.Kafka.Bootstrap...), kgo.ConsumePartitions(from))
	}}
}

// on is what a topic has.
func (w *world) on(topic string) (found []*kgo.Record) {
	w.t.Helper()
	if err := w.queues().Read(w.t.Context(), topic, deadletter.Which{All: true, Offset: -1}, func(r *kgo.Record) error {
		found = append(found, r)
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return found
}

// sent are the payloads on notif.sent, each as a text.
func (w *world) sent() (texts []string) {
	w.t.Helper()
	for _, r := range w.on("notif.sent") {
		var e event.Envelope[event.NotificationSentPayload]
		if err := json.Unmarshal(r.Value, &e); err != nil || string(r.Key) != e.Payload.NotificationID {
			w.t.Fatalf("%s: %v", r.Value, err)
		}
		texts = append(texts, fmt.Sprintf("%s %s %s %s", e.Payload.OrderID, e.Payload.Template, e.Payload.Recipient, e.Payload.Status))
	}
	slices.Sort(texts)
	return texts
}

const (
	created, confirmed, fulfilled = v1alpha1.HistoryCreated, v1alpha1.HistoryConfirmed, v1alpha1.HistoryFulfilled

	ines, li = "ines@example.com", "li@example.com"
)

// What happens to orders is told in order, once, whatever order its records come in; what fails is told, too,
// and can be put back.
func TestCustomersAreTold(t *testing.T) {
	w := newWorld(t)
	w.mailbox.refuses[li] = true
	told := w.shop.Tell(t, t.Context(),
		w.shop.Order("o-1", &v1alpha1.Contact{Email: ines, Language: "de"}, created, confirmed, fulfilled),
		w.shop.Order("o-2", notifiertest.Mail(li), created),
		w.shop.Order("o-3", nil, created))
	address := w.run()
	w.publish(told[2], told[0], told[1], told[3], told[4], told[0])
	w.eventually("mails", func() (any, any) {
		return w.mailbox.texts(), map[string][]string{
			ines: {"order.created o-1 32.90 de", "order.confirmed o-1 32.90 de", "order.fulfilled o-1 32.90 JD 0146de"},
		}
	})
	w.eventually("notif.sent", func() (any, any) {
		return w.sent(), []string{
			"o-1 order.confirmed " + ines + " DELIVERED", "o-1 order.created " + ines + " DELIVERED", "o-1 order.fulfilled " + ines + " DELIVERED",
			"o-2 order.created " + li + " FAILED",
		}
	})
	w.eventually("dead letters", func() (any, any) { return len(w.on("order.created.DLT")), 1 })
	letter := w.on("order.created.DLT")[0]
	if string(letter.Value) != string(told[3].Value) || deadletter.Header(letter, deadletter.HeaderError) != "EMAIL REFUSED after 1 tries: 550 no such mailbox" {
		t.Errorf("%s\n%v", letter.Value, letter.Headers)
	}
	for _, h := range letter.Headers {
		if strings.Contains(string(h.Value), "@") {
			t.Errorf("header %s of a dead letter: %s", h.Key, h.Value)
		}
	}
	w.mailbox.mu.Lock()
	w.mailbox.refuses = nil
	w.mailbox.mu.Unlock()
	if n, err := w.queues().Replay(t.Context(), "order.created.DLT", deadletter.Which{Offset: -1}, nil); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	w.eventually("the mail that was refused", func() (any, any) { return w.mailbox.texts()[li], []string{"order.created o-2 32.90 "} })
	w.eventually("notif.sent, once more", func() (any, any) { return len(w.sent()), 5 })
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, personal := range []string{"example.com", "Löwe", "Harbour", "cust-"} {
		if strings.Contains(w.logs.String(), personal) {
			t.Errorf("%q is in the logs:\n%s", personal, w.logs.String())
		}
	}
	healthy(t, address)
}

// healthy looks at every page, and that none has anything personal.
func healthy(t *testing.T, address string) {
	t.Helper()
	for path, want := range map[string]string{
		"/actuator/health": `"status":"UP"`, "/health": `"status":"UP"`, "/healthz": "UP", "/readyz": "UP",
		"/metrics": `orderplane_notifier_notifications_total{channel="EMAIL",status="DELIVERED"} 4`,
	} {
		answer, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), want) || strings.Contains(string(body), "example.com") {
			t.Errorf("%s: %d %v\n%s", path, answer.StatusCode, err, body)
		}
	}
}

func TestOptionsThatCanNotWorkAreTold(t *testing.T) {
	for want, edit := range map[string]func(*Options){
		"HTTP_PORT":           func(o *Options) { o.Port = 70000 },
		"NOTIFY_MAX_AGE":      func(o *Options) { o.MaxAge = 0 },
		"NOTIFY_RETENTION":    func(o *Options) { o.Retention = o.MaxAge },
		"NOTIFY_CONCURRENCY":  func(o *Options) { o.Concurrency = 0 },
		"NOTIFY_SEND_TIMEOUT": func(o *Options) { o.SendTimeout = 0 },
		"KAFKA_BOOTSTRAP":     func(o *Options) { o.Kafka.Bootstrap = nil },
		"DB_URL":              func(o *Options) { o.Postgres.URL = "http://x" },
	} {
		o := DefaultOptions()
		edit(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	o := DefaultOptions()
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

// What is too old goes, and the queues are counted.
func TestTheKeeperForgets(t *testing.T) {
	pool := testenv.Database(t, postgres.Notifications)
	if _, err := pool.Exec(t.Context(), `INSERT INTO notifications (id, order_id, channel, recipient, template, status, created_at)
		SELECT gen_random_uuid(), 'o-' || i, 'EMAIL', 'a@b', 'order.created', CASE WHEN i = 1 THEN 'PENDING' ELSE 'DELIVERED' END, now() - make_interval(hours => i)
		FROM generate_series(1, 10) i`); err != nil {
		t.Fatal(err)
	}
	k := &keeper{db: pool, retention: 5*time.Hour + time.Minute, clock: clock.RealClock{}}
	if err := errors.Join(k.count(t.Context()), k.forget(t.Context())); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM notifications").Scan(&left); err != nil || left != 5 {
		t.Errorf("%d are left, %v", left, err)
	}
	if diff := cmp.Diff(1, k.queues[notification.Email].Waiting); diff != "" {
		t.Error(diff)
	}
}
