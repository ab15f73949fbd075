package notifier

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/adapters/notifier/internal/notifiertest"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/devservices"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

var (
	killedOrders = flag.Int("killed-orders", 1000, "orders whose customers are told while notifiers are killed")
	kills        = flag.Int("kills", 0, "how often a notifier is killed meanwhile; the test takes minutes, and is left out with 0")
)

// post is a mail server that keeps who got what. Some mails it takes at the second try only.
type post struct {
	mu sync.Mutex
	// got are the mails of each recipient, in order: the Message-ID of each.
	got map[string][]string
	// refused are those that were told to come later, one in twenty.
	refused map[string]bool
}

// NewSession is of smtp.Backend.
func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) { return &letter{post: p}, nil }

// letter is a connection that brings a mail.
type letter struct {
	post *post
	to   string
}

func (l *letter) Mail(string, *smtp.MailOptions) error { return nil }
func (l *letter) Reset()                               { l.to = "" }
func (l *letter) Logout() error                        { return nil }
func (l *letter) Rcpt(to string, _ *smtp.RcptOptions) error {
	l.to = to
	return nil
}

func (l *letter) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	id := m.Header.Get("Message-ID")
	l.post.mu.Lock()
	defer l.post.mu.Unlock()
	if !l.post.refused[id] && rand.IntN(20) == 0 {
		l.post.refused[id] = true
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try later"}
	}
	l.post.got[l.to] = append(l.post.got[l.to], id)
	return nil
}

func startPost(t *testing.T) (*post, int) {
	t.Helper()
	p := &post{got: map[string][]string{}, refused: map[string]bool{}}
	server := smtp.NewServer(p)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return p, listener.Addr().(*net.TCPAddr).Port
}

// services are a broker and a Postgres of the test's own, which it restarts.
type services struct {
	kafka    *devservices.Kafka
	postgres *devservices.Postgres
}

func startServices(t *testing.T) services {
	t.Helper()
	libs, err := devservices.FindKafka()
	if err != nil {
		testenv.LeaveOut(t, err, devservices.ErrNoKafka)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	dir := t.TempDir()
	k, err := devservices.StartKafka(ctx, devservices.KafkaOptions{Libs: libs, Dir: filepath.Join(dir, "kafka"), LogDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Stop() })
	return services{kafka: k, postgres: testenv.Postgres(t)}
}

func buildOrderplane(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "orderplane")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/orderplane").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// Each customer gets the mails that their order's history calls for, in order, whatever is killed: twice only what was
// being sent when a notifier died.
func TestNobodyMissesAMail(t *testing.T) {
	if *kills == 0 {
		t.Skip("left out: go test ./adapters/notifier -run NobodyMisses -args -kills 20")
	}
	servers := startServices(t)
	orders, notifications := testenv.Database(t, postgres.Orders), testenv.Database(t, postgres.Notifications)
	mails, port := startPost(t)
	binary, logs := buildOrderplane(t), &lockedBuffer{}
	start := func() *exec.Cmd {
		t.Helper()
		cmd := exec.Command(binary, "notifier", "--http-port=0", "--bind-address=127.0.0.1", "--notify-concurrency=8")
		cmd.Env = append(os.Environ(), "KAFKA_BOOTSTRAP="+servers.kafka.Bootstrap(), "DB_URL_ORDERS="+orders.Config().ConnString(),
			"DB_URL_NOTIFICATIONS="+notifications.Config().ConnString(), "SMTP_HOST=127.0.0.1", fmt.Sprintf("SMTP_PORT=%d", port), "SMTP_TLS=none")
		cmd.Stderr = logs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	shop := notifiertest.Shop{DB: orders, Now: time.Now}
	lives := [][]v1alpha1.OrderHistoryType{
		{created, confirmed, fulfilled},
		{created, v1alpha1.HistoryCancelRequested, v1alpha1.HistoryCancelled},
		{created, confirmed, v1alpha1.HistoryCancelled},
		{created, confirmed, fulfilled, v1alpha1.HistoryReturnRequested, v1alpha1.HistoryReturnRejected},
	}
	var all []*v1alpha1.Order
	for i := range *killedOrders {
		all = append(all, shop.Order(fmt.Sprintf("o-%05d", i), notifiertest.Mail(fmt.Sprintf("c%05d@example.com", i)), lives[i%len(lives)]...))
	}
	told := shop.Tell(t, t.Context(), all...)
	running := []*exec.Cmd{start(), start()}
	defer func() {
		for _, cmd := range running {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()
	published := make(chan error, 1)
	go func() { published <- publishSlowly(t.Context(), servers.kafka.Bootstrap(), told, *kills) }()
	for i := range *kills {
		pause(t, time.Duration(800+rand.IntN(700))*time.Millisecond)
		victim := running[i%2]
		_ = victim.Process.Kill()
		_ = victim.Wait()
		running[i%2] = start()
		switch i {
		case *kills / 3:
			restart(t, servers.kafka.Restart)
		case 2 * *kills / 3:
			restart(t, servers.postgres.Restart)
		}
	}
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	want := wanted(told)
	deadline := time.After(4 * time.Minute)
	for mails.missing(want) > 0 {
		select {
		case <-deadline:
			t.Fatalf("%d mails are missing\n%s", mails.missing(want), logs)
		case <-time.After(100 * time.Millisecond):
		}
	}
	twice := mails.check(t, want)
	t.Logf("%d orders, %d mails, %d kills: %d mails came twice", len(all), count(want), *kills, twice)
	if most := *kills*8 + 2*8; twice > most {
		t.Errorf("%d mails came twice, and at most %d were being sent when something died", twice, most)
	}
	if strings.Contains(logs.String(), "@example.com") {
		t.Error("a recipient is in the logs")
	}
}

func restart(t *testing.T, again func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	if err := again(ctx); err != nil {
		t.Fatal(err)
	}
}

// pause lets a process get on with its work before it is killed: there is nothing to wait for.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}

// publishSlowly publishes events over about as long as notifiers are killed.
func publishSlowly(ctx context.Context, bootstrap string, events []event.Record, kills int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := kafka.EnsureTopics(ctx, client, event.Topics()); err != nil {
		return err
	}
	for some := range slices.Chunk(events, len(events)/(10*max(kills, 1))+1) {
		records := make([]*kgo.Record, len(some))
		for i, e := range some {
			records[i] = notifiertest.Published(e)
		}
		if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("the test ended first")
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// wanted are the Message-IDs of the mails of each customer, in order.
func wanted(told []event.Record) map[string][]string {
	rules := notification.Rules{On: []v1alpha1.NotificationChannel{notification.Email}, MaxAge: time.Hour}
	want := map[string][]string{}
	for i := range told {
		to := "c" + strings.TrimPrefix(told[i].Object, "o-") + "@example.com"
		for _, n := range rules.Plan(&told[i], &v1alpha1.Order{Spec: v1alpha1.OrderSpec{Contact: notifiertest.Mail(to)}}, told[i].At) {
			want[to] = append(want[to], n.ID.String())
		}
	}
	return want
}

func count(mails map[string][]string) (n int) {
	for _, some := range mails {
		n += len(some)
	}
	return n
}

func (p *post) missing(want map[string][]string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for to, ids := range want {
		for _, id := range ids {
			if !slices.ContainsFunc(p.got[to], func(got string) bool { return strings.Contains(got, id) }) {
				n++
			}
		}
	}
	return n
}

// check compares what everybody got, and gives how many mails came twice. A mail that comes again comes
// before the next one: nobody is told what is older than what they know.
func (p *post) check(t *testing.T, want map[string][]string) (twice int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for to, got := range p.got {
		once := slices.Compact(slices.Clone(got))
		twice += len(got) - len(once)
		for i, id := range once {
			if i >= len(want[to]) || !strings.Contains(id, want[to][i]) {
				t.Errorf("%s got %q, want %q", to, got, want[to])
				break
			}
		}
	}
	return twice
}

// lockedBuffer takes what several processes log.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
