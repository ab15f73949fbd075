package notifier

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/orderplane/orderplane/adapters/notifier/internal/channel"
	"github.com/orderplane/orderplane/adapters/notifier/internal/render"
	"github.com/orderplane/orderplane/api/v1alpha1"
)

var (
	throughput = flag.Int("orders", 300, "orders, of three mails each, that are told to measure how many mails a second go out")
	answer     = flag.Duration("answer", 100*time.Millisecond, "how long a slow mail server takes for each answer")
)

// mailServer is a real one that keeps what each recipient got: the subjects, in order.
type mailServer struct {
	port int
	// before is called before each answer, with the recipient where it is known.
	before func(to string)

	mu  sync.Mutex
	got map[string][]string
	n   int
}

func startMailServer(t *testing.T, before func(to string)) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{port: listener.Addr().(*net.TCPAddr).Port, before: before, got: map[string][]string{}}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		before("")
		return &visit{server: s}, nil
	}))
	server.Domain = "localhost"
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close()
		<-served
	})
	return s
}

// visit is a connection.
type visit struct {
	server *mailServer
	to     string
}

func (v *visit) Mail(string, *smtp.MailOptions) error {
	v.server.before("")
	return nil
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.to = to
	v.server.before(to)
	return nil
}

func (v *visit) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, m.Body); err != nil {
		return err
	}
	v.server.before(v.to)
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	v.server.got[v.to] = append(v.server.got[v.to], m.Header.Get("Subject"))
	v.server.n++
	return nil
}

func (v *visit) Reset()      { v.to = "" }
func (*visit) Logout() error { return nil }

func (s *mailServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// to are the subjects of what a recipient got.
func (s *mailServer) to(recipient string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got[recipient])
}

// real has the world send by the channels themselves, with the built-in texts.
func (w *world) real(edit func(*channel.Config)) {
	w.t.Helper()
	w.options.Channels.Mail.Kept = w.options.Concurrency // as New does
	edit(&w.options.Channels)
	channels, err := channel.New(w.options.Channels)
	if err != nil {
		w.t.Fatal(err)
	}
	renderer, problems := render.New("")
	if len(problems) > 0 {
		w.t.Fatal(problems)
	}
	w.out = outlets{renderer: renderer}
	for _, c := range channels {
		w.out.channels = append(w.out.channels, c)
	}
}

func (w *world) mailBy(s *mailServer) {
	w.t.Helper()
	w.real(func(c *channel.Config) { c.Mail.Host, c.Mail.Port, c.Mail.TLS = "127.0.0.1", s.port, channel.NoTLS })
}

// twilio counts the text messages to each number.
type twilio struct {
	mu   sync.Mutex
	sent map[string]int
}

func (p *twilio) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent[request.FormValue("To")]++
	answer.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(answer, `{"sid": "SM1", "status": "queued"}`)
}

func (p *twilio) count() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, some := range p.sent {
		n += some
	}
	return n
}

// A mail server that does not answer to one recipient delays nobody else's mails, and no text messages.
func TestASlowMailServerDelaysNobodyElse(t *testing.T) {
	const slow, others = "slow@example.com", 40
	w, texts, release := newWorld(t), &twilio{sent: map[string]int{}}, make(chan struct{})
	phone := httptest.NewServer(texts)
	t.Cleanup(phone.Close)
	mails := startMailServer(t, func(to string) {
		if to == slow {
			<-release
		}
	})
	w.options.Concurrency = 2 // the slow one takes a place, and another is left
	w.real(func(c *channel.Config) {
		c.Mail.Host, c.Mail.Port, c.Mail.TLS, c.Mail.Timeout = "127.0.0.1", mails.port, channel.NoTLS, 5*time.Minute
		c.SMS.URL, c.SMS.AccountSID, c.SMS.Token, c.SMS.From = phone.URL, "AC1", "secret", "+15550000"
	})
	w.options.SendTimeout = 5 * time.Minute
	w.run()
	one := w.shop.Order("o-slow", &v1alpha1.Contact{Email: slow, Phone: "+4915000000"}, created, confirmed)
	w.publish(w.shop.Tell(t, t.Context(), one)...)
	w.eventually("the slow one's text messages", func() (any, any) { return texts.count(), 2 })
	var orders []*v1alpha1.Order
	for i := range others {
		contact := &v1alpha1.Contact{Email: fmt.Sprintf("c%d@example.com", i), Phone: fmt.Sprintf("+4916%06d", i)}
		orders = append(orders, w.shop.Order(fmt.Sprintf("o-%d", i), contact, created, confirmed))
	}
	w.publish(w.shop.Tell(t, t.Context(), orders...)...)
	w.eventually("everybody else's mails and text messages", func() (any, any) {
		return []int{mails.count(), texts.count()}, []int{2 * others, 2*others + 2}
	})
	if got := mails.to(slow); len(got) > 0 {
		t.Errorf("the server answered to %q", got)
	}
	close(release)
	w.eventually("the slow one's mails", func() (any, any) {
		return mails.to(slow), []string{"We have received your order o-slow", "Your order o-slow is confirmed"}
	})
}

// A mail server that takes its time for each answer, 10 s with -args -answer 10s, gets each mail once, with the time-outs
// that are the default.
func TestASlowMailServerGetsAMailOnce(t *testing.T) {
	w := newWorld(t)
	mails := startMailServer(t, func(string) {
		timer := time.NewTimer(*answer)
		defer timer.Stop()
		<-timer.C
	})
	w.mailBy(mails)
	w.run()
	w.publish(w.shop.Tell(t, t.Context(), w.shop.Order("o-1", &v1alpha1.Contact{Email: ines}, created))...)
	w.eventually("notif.sent", func() (any, any) { return w.sent(), []string{"o-1 order.created " + ines + " DELIVERED"} })
	if got := mails.to(ines); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}

// How many mails a second go out, texts, database, topics and the server included: -args -orders N for a measurement.
func TestThroughput(t *testing.T) {
	w, mails := newWorld(t), startMailServer(t, func(string) {})
	w.mailBy(mails)
	address := func(i int) string { return fmt.Sprintf("c%05d@example.com", i) }
	var orders []*v1alpha1.Order
	for i := range *throughput {
		orders = append(orders, w.shop.Order(fmt.Sprintf("o-%05d", i), &v1alpha1.Contact{Email: address(i)}, created, confirmed, fulfilled))
	}
	for some := range slices.Chunk(orders, 500) {
		w.publish(w.shop.Tell(t, t.Context(), some...)...)
	}
	begun, all := time.Now(), 3**throughput
	w.run()
	w.eventually("delivered", func() (any, any) { return mails.count(), all })
	took := time.Since(begun)
	t.Logf("%d mails in %s: %.0f a second", all, took.Round(time.Millisecond), float64(all)/took.Seconds())
	for i := range *throughput {
		id := fmt.Sprintf("o-%05d", i)
		want := []string{"We have received your order " + id, "Your order " + id + " is confirmed", "Your order " + id + " is on its way"}
		if got := mails.to(address(i)); !slices.Equal(got, want) {
			t.Errorf("%s got %q", address(i), got)
		}
	}
}
