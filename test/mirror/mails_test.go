//go:build linux

package mirror_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/devcluster"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/postgres"
)

// atOnce is how many mails a notifier sends at the same time: so many may come twice when it is killed.
const atOnce = 8

// letter is a mail as it came.
type letter struct {
	to string
	// id is the part of the Message-ID before the @: the id of the notification.
	id  string
	raw []byte
}

// late is how late some mails are answered to, which were taken: who is killed meanwhile has them sent again.
const late = time.Second

// postOffice is a mail server that keeps what it gets. One mail in twenty it takes at the second try only, and one in
// twenty it answers to late.
type postOffice struct {
	server *smtp.Server
	port   int

	mu      sync.Mutex
	letters []letter
	// put off are those that were told to come later.
	putOff map[string]bool
	// closed are the recipients who have no mailbox now.
	closed map[string]bool
}

// openPostOffice runs a mail server until the test is over.
func openPostOffice(t *testing.T) *postOffice {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(devcluster.Host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	p := &postOffice{port: listener.Addr().(*net.TCPAddr).Port, putOff: map[string]bool{}, closed: map[string]bool{}}
	p.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &counter{office: p}, nil }))
	p.server.Domain = "localhost"
	p.server.ErrorLog = quiet{} // who is killed says no goodbye
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = p.server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = p.server.Close()
		_ = listener.Close()
		<-served
	})
	return p
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// counter is where one connection hands in its mails.
type counter struct {
	office *postOffice
	to     string
}

func (*counter) Mail(string, *smtp.MailOptions) error { return nil }
func (c *counter) Reset()                             { c.to = "" }
func (*counter) Logout() error                        { return nil }

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = to
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	if c.office.closed[to] {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no mailbox of that name"}
	}
	return nil
}

func (c *counter) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	id, _, _ := strings.Cut(strings.Trim(m.Header.Get("Message-ID"), "<> "), "@")
	dice := fnv.New32a()
	_, _ = dice.Write([]byte(id))
	err = c.office.take(letter{to: c.to, id: id, raw: raw}, dice.Sum32()%20 == 0)
	if dice.Sum32()%20 == 1 {
		answer := time.NewTimer(late)
		defer answer.Stop()
		<-answer.C
	}
	return err
}

func (p *postOffice) take(l letter, putOff bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if putOff && !p.putOff[l.id] {
		p.putOff[l.id] = true
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try later"}
	}
	p.letters = append(p.letters, l)
	return nil
}

// shut says whether a recipient's mailbox is there.
func (p *postOffice) shut(to string, is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed[to] = is
}

// got are the mails of each recipient, in order.
func (p *postOffice) got() map[string][]letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	by := map[string][]letter{}
	for _, l := range p.letters {
		by[l.to] = append(by[l.to], l)
	}
	return by
}

// address is where the customer of order number n gets mails.
func address(n int) string { return fmt.Sprintf("c%06d@example.com", n) }

// owed are the mails that an order's customer is to get by what the cluster says happened, in order.
func owed(o *v1alpha1.Order) ([]string, error) {
	told, err := event.OfOrder(o, 0)
	if err != nil {
		return nil, err
	}
	rules := notification.Rules{On: []v1alpha1.NotificationChannel{notification.Email}, MaxAge: time.Hour}
	var ids []string
	for i := range told {
		for _, n := range rules.Plan(&told[i], o, told[i].At) {
			if n.Status == notification.Pending {
				ids = append(ids, n.ID.String())
			}
		}
	}
	return ids, nil
}

// everyoneIsTold holds what customers got to what happened to their orders: all of it, in order, and twice
// only what was being sent when something died, which are most at most.
func (s *system) everyoneIsTold(ctx context.Context, t *testing.T, ob *observer, most int) {
	t.Helper()
	orders, unseen := ob.orders()
	want, all := map[string][]string{}, 0
	for id, o := range orders {
		ids, err := owed(o)
		if err != nil {
			t.Errorf("order %s: %v", id, err)
		}
		if unseen[id] { // more may have happened to it than was seen
			continue
		}
		want[o.Spec.Contact.Email], all = ids, all+len(ids)
	}
	if err := s.delivered(ctx, want); err != nil {
		t.Error(err)
	}
	twice, got := 0, s.mails.got()
	for to, ids := range want {
		once := slices.CompactFunc(slices.Clone(got[to]), func(a, b letter) bool { return a.id == b.id })
		twice += len(got[to]) - len(once)
		if !slices.EqualFunc(once, ids, func(l letter, id string) bool { return l.id == id }) {
			t.Errorf("%s got %d mails (%d different), and is owed %d: %s", to, len(got[to]), len(once), len(ids), inOrder(once, ids))
		}
	}
	t.Logf("%d customers got %d mails; %d came twice, and up to %d may", len(want), all, twice, most)
	if twice > most {
		t.Errorf("%d mails came twice, and no more than %d were being sent when something died", twice, most)
	}
}

// inOrder says which of the mails that are owed came, by their numbers.
func inOrder(got []letter, ids []string) string {
	numbers := make([]int, len(got))
	for i, l := range got {
		numbers[i] = slices.Index(ids, l.id) + 1
	}
	return fmt.Sprint(numbers)
}

// delivered waits until every mail that is owed came, and notifiers have nothing to do any more: every
// notification is at its end, and was told.
func (s *system) delivered(ctx context.Context, want map[string][]string) error {
	notifications := s.pool(postgres.Notifications)
	left := ""
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		got := s.mails.got()
		for to, ids := range want {
			for _, id := range ids {
				if !slices.ContainsFunc(got[to], func(l letter) bool { return l.id == id }) {
					left = "mail " + id + " to " + to + " did not come"
					return false, nil
				}
			}
		}
		var waiting, untold int
		if err := notifications.QueryRow(ctx, `SELECT count(*) FILTER (WHERE status = 'PENDING'), count(*) FILTER (WHERE status <> 'SKIPPED' AND told_at IS NULL)
			FROM notifications`).Scan(&waiting, &untold); err != nil || waiting+untold > 0 {
			left = fmt.Sprintf("%d notifications wait, %d are not told (%v)", waiting, untold, err)
			return false, nil
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("customers are never told all: %s: %w", left, err)
	}
	return nil
}
