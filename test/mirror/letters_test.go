//go:build linux

package mirror_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/test/testenv"
)

// lettersOrders are how many orders the tests of single mails make.
const lettersOrders = 3

// placeFor places an order by REST whose customer gets mails.
func (s *system) placeFor(ctx context.Context, t *testing.T, sh *shop, to, name string, at v1alpha1.Address) *v1alpha1.Order {
	t.Helper()
	o := testenv.Order(namespace, name, testenv.Line(product(1), 1))
	o.Spec.Contact, o.Spec.ShippingAddress = &v1alpha1.Contact{Email: to}, at
	if err := s.order(ctx, sh, o); err != nil {
		t.Fatal(err)
	}
	return o
}

// mailsOf waits until a recipient got so many mails.
func (s *system) mailsOf(ctx context.Context, t *testing.T, to string, n int) []letter {
	t.Helper()
	var got []letter
	if err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(context.Context) (bool, error) {
		got = s.mails.got()[to]
		return len(got) >= n, nil
	}); err != nil {
		t.Fatalf("%s got %d mails of %d: %v", to, len(got), n, err)
	}
	return got
}

// refusedIsPutBack has a mail refused for good. It is a dead letter, and comes once the mailbox is there and the
// letter is put back.
func (s *system) refusedIsPutBack(ctx context.Context, t *testing.T, sh *shop) {
	const to = "moved@example.com"
	s.mails.shut(to, true)
	s.placeFor(ctx, t, sh, to, "ord-moved", v1alpha1.Address{Street: "1 Old Road", City: "Hamburg", Country: "DE"})
	topics := []string{string(event.OrderCreated) + event.DeadLetters, string(event.OrderConfirmed) + event.DeadLetters}
	for _, topic := range topics {
		if err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			said, err := s.dlt(ctx, "show", topic)
			return strings.Contains(said, "EMAIL REFUSED after 1 tries: mail server: 550"), err
		}); err != nil {
			t.Fatalf("there is no dead letter on %s: %v", topic, err)
		}
	}
	s.mails.shut(to, false)
	for i, topic := range topics {
		if said, err := s.dlt(ctx, "replay", topic); err != nil || !strings.Contains(said, "put back: 1") {
			t.Fatalf("%s, %v", said, err)
		}
		s.mailsOf(ctx, t, to, i+1)
	}
}

// dlt runs orderplane dlt as an operator does.
func (s *system) dlt(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, s.binary, append(append([]string{"dlt"}, args...), "--kafka-bootstrap="+s.kafka.Bootstrap())...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("orderplane dlt %s: %w: %s", args[0], err, out)
	}
	return string(out), nil
}

// nothingGetsThrough has an order with markup, templates and headers in every text that a customer or the staff
// writes. Its mails have the headers and the elements of those of a harmless order.
func (s *system) nothingGetsThrough(ctx context.Context, t *testing.T, sh *shop) {
	const markup, template, header = `</title><script>alert(1)</script>`, `{{.}}{{template "closing" .}}`, `=?utf-8?q?=0D=0ABcc:_eve@evil.example?=`
	ship := func(to, name string, at v1alpha1.Address, carrier, number string) []letter {
		o := s.placeFor(ctx, t, sh, to, name, at)
		for _, do := range []step{
			until(v1alpha1.OrderConfirmed),
			wants(fmt.Sprintf(`{"spec":{"fulfillment":{"carrier":%q,"trackingNumber":%q}}}`, carrier, number)), until(v1alpha1.OrderFulfilled),
		} {
			if err := do(ctx, sh, o); err != nil {
				t.Fatal(err)
			}
		}
		return s.mailsOf(ctx, t, to, 3)
	}
	ill := ship("ill@example.com", "ord-ill", v1alpha1.Address{
		Name: markup, Company: template, Street: header, Street2: `"><img src=x onerror=alert(1)>`, City: "https://evil.example", Country: "DE",
	}, "<b>DHL</b>"+header, template)
	good := ship("good@example.com", "ord-good", v1alpha1.Address{Name: "n", Company: "c", Street: "s", Street2: "s", City: "c", Country: "DE"}, "DHL", "1")
	for i := range good {
		want, got := partsOf(t, good[i]), partsOf(t, ill[i])
		if diff := cmp.Diff(want.headers, got.headers); diff != "" {
			t.Errorf("headers of mail %d (-good +ill):\n%s", i+1, diff)
		}
		if diff := cmp.Diff(want.elements, got.elements); diff != "" {
			t.Errorf("elements of mail %d (-good +ill):\n%s", i+1, diff)
		}
		if got.to != "<ill@example.com>" || strings.Contains(got.text, "https://evil.example") {
			t.Errorf("mail %d to %s:\n%s", i+1, got.to, got.text)
		}
	}
	if text := partsOf(t, ill[2]).text; !strings.Contains(text, template) {
		t.Errorf("what the carrier's number says is not there as it was written:\n%s", text)
	}
}

// parts of a mail.
type parts struct {
	to string
	// headers are the names of its headers, and elements the tags of its HTML part, with their attributes, in order.
	headers, elements []string
	text              string
}

func partsOf(t *testing.T, l letter) (p parts) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(l.raw))
	if err != nil {
		t.Fatal(err)
	}
	for name := range m.Header {
		p.headers = append(p.headers, name)
	}
	slices.Sort(p.headers)
	p.to = m.Header.Get("To")
	_, how, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	reader := multipart.NewReader(m.Body, how["boundary"])
	for {
		part, err := reader.NextRawPart()
		if err != nil {
			break
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			p.text = string(text)
			continue
		}
		p.elements = append(p.elements, regexp.MustCompile(`(?s)<[^>]*>`).FindAllString(string(text), -1)...)
	}
	if p.text == "" || len(p.elements) == 0 {
		t.Errorf("a mail without both parts:\n%s", l.raw)
	}
	return p
}
