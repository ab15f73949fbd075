package chart_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// shop places orders by REST, and knows what has to be there of them.
type shop struct {
	on               *cluster
	binary, key      string
	manager, gateway *pod
	orders           map[string]v1alpha1.Order
	// shipped and held are units of the product.
	shipped, held int
}

// newShop makes the key of whoever issues tokens, and the secret that the notes ask for.
func newShop(t *testing.T, on *cluster, binary string) *shop {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{on: on, binary: binary, key: filepath.Join(t.TempDir(), "private.pem")}
	write(t, s.key, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	on.create(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "orderplane-jwt"},
		Data:       map[string][]byte{"public.pem": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})},
	})
	return s
}

// open starts what was installed.
func (s *shop) open(t *testing.T) {
	t.Helper()
	s.manager = s.on.run(t, s.binary, "manager")
	s.gateway = s.on.run(t, s.binary, "gateway")
}

// close stops it, and reads what it has logged.
func (s *shop) close(t *testing.T) {
	t.Helper()
	for _, p := range []*pod{s.gateway, s.manager} {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		for _, line := range p.forbidden(t) {
			t.Error(line)
		}
	}
}

// firstOrderOfTheNotes does what the notes say, letter by letter.
func (s *shop) firstOrderOfTheNotes(t *testing.T, notes string) {
	t.Helper()
	from := strings.Index(notes, "kubectl -n default apply")
	to := strings.Index(notes, "kubectl -n default wait")
	if from < 0 || to < from {
		t.Fatalf("the notes have no first order:\n%s", notes)
	}
	end := to + strings.Index(notes[to:], "\n")
	script := exec.CommandContext(t.Context(), "bash", "-euc", notes[from:end])
	script.Env = []string{"PATH=" + filepath.Dir(s.on.Kubectl()) + ":/usr/bin:/bin", "KUBECONFIG=" + s.on.kubeconfig, "HOME=" + t.TempDir()}
	if out, err := script.CombinedOutput(); err != nil || strings.Contains(string(out), "arn") {
		t.Fatalf("%v\n%s\nby\n%s", err, out, notes[from:end])
	}
	s.held++
}

// mainJob places three orders. One is shipped, one is cancelled.
func (s *shop) mainJob(t *testing.T) {
	t.Helper()
	customer, operator := s.token(t, "jane"), s.token(t, "ops-1", "--role=ops")
	var ids []string
	for range 3 {
		id := s.request(t, customer, http.MethodPost, "/api/orders", `{"customerId": "jane", "items": [{"productId": "tea", "quantity": 1, "unitPrice": 4.5}],
			"shippingAddress": {"street": "Main St 1", "city": "Berlin", "country": "DE", "zip": "10115"}}`)["orderId"]
		ids = append(ids, fmt.Sprint(id))
	}
	for _, id := range ids {
		s.becomes(t, customer, id, "CONFIRMED")
	}
	s.request(t, operator, http.MethodPost, "/api/orders/"+ids[0]+"/fulfill", "{}")
	s.request(t, customer, http.MethodDelete, "/api/orders/"+ids[1], `{"reason": "CUSTOMER_REQUEST"}`)
	s.becomes(t, customer, ids[0], "FULFILLED")
	s.becomes(t, customer, ids[1], "CANCELLED")
	s.shipped, s.held = s.shipped+1, s.held+1
	eventually(t, "the stock", func() string {
		level := s.request(t, customer, http.MethodGet, "/api/inventory/tea", "")
		return cmp.Diff(fmt.Sprint(10-s.shipped, s.held), fmt.Sprint(level["quantity"], level["reservedQty"]))
	})
}

func (s *shop) becomes(t *testing.T, token, id, status string) {
	t.Helper()
	eventually(t, "order "+id, func() string {
		return cmp.Diff(status, fmt.Sprint(s.request(t, token, http.MethodGet, "/api/orders/"+id, "")["status"]))
	})
}

func (s *shop) token(t *testing.T, sub string, more ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), s.binary, append([]string{"token", "--private-key", s.key, "--sub", sub}, more...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// request has to be answered with a status of 2xx.
func (s *shop) request(t *testing.T, token, method, path, body string) map[string]any {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.gateway.url("http")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}
	if path == "/api/orders" {
		request.Header.Set("Idempotency-Key", uuid.NewString())
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it is read to its end
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode/100 != 2 {
		t.Fatalf("%s %s answers %s %s, %v", method, path, response.Status, text, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// remember keeps the orders as they are.
func (s *shop) remember(t *testing.T) { s.orders = s.list(t) }

func (s *shop) list(t *testing.T) map[string]v1alpha1.Order {
	t.Helper()
	var all v1alpha1.OrderList
	if err := s.on.List(t.Context(), &all, client.InNamespace(orders)); err != nil {
		t.Fatal(err)
	}
	found := map[string]v1alpha1.Order{}
	for _, o := range all.Items {
		found[o.Name] = o
	}
	return found
}

// stillThere compares the orders with what is remembered of them.
func (s *shop) stillThere(t *testing.T, what string) {
	t.Helper()
	now := s.list(t)
	for name, before := range s.orders {
		o, ok := now[name]
		if !ok || o.UID != before.UID {
			t.Errorf("%s: order %s is gone", what, name)
			continue
		}
		if diff := cmp.Diff(before.Spec, o.Spec); diff != "" {
			t.Errorf("%s: order %s: -before +after\n%s", what, name, diff)
		}
		if o.Status.Phase != before.Status.Phase {
			t.Errorf("%s: order %s was %s and is %s", what, name, before.Status.Phase, o.Status.Phase)
		}
	}
	if len(s.orders) < 4 {
		t.Errorf("%d orders are remembered", len(s.orders))
	}
}
