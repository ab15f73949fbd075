package flows

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/adapters/rest"
	"github.com/orderplane/orderplane/internal/token"
)

// counter is where customers of a shop come: its gateway.
type counter struct {
	url    string
	issuer token.Issuer
}

// openCounter runs the installation's gateway for a shop until the spec is over.
func (s *shop) openCounter(ctx context.Context) *counter {
	GinkgoHelper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	Expect(err).NotTo(HaveOccurred())
	cfg := rest.DefaultConfig()
	cfg.Namespace, cfg.RateLimitPerMinute, cfg.CommandWait, cfg.ShutdownDelay = s.namespace, 0, 20*time.Second, 0
	cfg.Token.PublicKey = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&key.PublicKey)}))
	server, err := rest.New(cfg, rest.Deps{
		Kube: env.Access(GinkgoTB(), "gateway-"+s.namespace, s.namespace, "orderplane-gateway"),
		Log:  logr.Discard(), Metrics: prometheus.NewRegistry(), Now: time.Now,
		NewID: func(n int) string {
			id := make([]byte, n)
			_, _ = rand.Read(id)
			return hex.EncodeToString(id)
		},
	})
	Expect(err).NotTo(HaveOccurred())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- server.Serve(running, listener) }()
	DeferCleanup(func() {
		stop()
		Expect(<-done).To(Succeed())
	})
	c := &counter{url: "http://" + listener.Addr().String(), issuer: token.Issuer{Key: key}}
	Eventually(ctx, func() int {
		status, _ := c.send(ctx, "ann", "GET", "/actuator/health/readiness", nil)
		return status
	}).Should(Equal(http.StatusOK))
	return c
}

// send sends a request of a customer's and returns its status and JSON body.
func (c *counter) send(ctx context.Context, customer, method, path string, body any) (int, map[string]any) {
	GinkgoHelper()
	encoded, err := json.Marshal(body)
	Expect(err).NotTo(HaveOccurred())
	if body == nil {
		encoded = nil
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(encoded))
	Expect(err).NotTo(HaveOccurred())
	bearer, err := c.issuer.Issue(token.Identity{Subject: customer}, time.Now(), time.Hour)
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", uuid.NewString())
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = response.Body.Close() }()
	var answer map[string]any
	_ = json.NewDecoder(response.Body).Decode(&answer)
	return response.StatusCode, answer
}

// cups is a basket of some cups.
func cups(units int) map[string]any {
	return map[string]any{"items": []any{map[string]any{"productId": "cup", "quantity": units}}}
}

// orderOfCups is an order of some cups that takes a basket over.
func orderOfCups(customer string, units int, basket any) map[string]any {
	return map[string]any{
		"customerId": customer, "basketId": basket, "items": []any{map[string]any{"productId": "cup", "quantity": units, "unitPrice": 5}},
		"shippingAddress": map[string]any{"street": "1 Main St", "city": "Springfield", "country": "US"},
	}
}

var _ = Describe("A customer's basket", func() {
	It("is changed and becomes an order without making it short", func(ctx SpecContext) {
		s := openShop()
		s.item(ctx, "cup", 10)
		DeferCleanup(startManager(s.namespace))
		c := s.openCounter(ctx)

		By("holding what nobody else gets then")
		status, basket := c.send(ctx, "ann", "POST", "/api/baskets", cups(8))
		Expect(status).To(Equal(http.StatusCreated))
		Expect(basket).To(HaveKeyWithValue("status", "HELD"))
		path := "/api/baskets/" + basket["basketId"].(string)
		_, other := c.send(ctx, "bob", "POST", "/api/baskets", cups(3))
		Expect(other).To(HaveKeyWithValue("status", "REJECTED"))

		By("changing it: what it holds counts for itself")
		status, basket = c.send(ctx, "ann", "PUT", path, cups(10))
		Expect(status).To(Equal(http.StatusOK))
		Expect(basket).To(HaveKeyWithValue("status", "HELD"))

		By("asking for more than there is: it stays as it was")
		status, _ = c.send(ctx, "ann", "PUT", path, cups(11))
		Expect(status).To(Equal(http.StatusUnprocessableEntity))
		_, basket = c.send(ctx, "ann", "GET", path, nil)
		Expect(basket).To(HaveKeyWithValue("status", "HELD"))
		Expect(basket["items"]).To(ConsistOf(map[string]any{"productId": "cup", "quantity": 10.0}))

		By("ordering more than there is: the order is short, the basket stays")
		status, order := c.send(ctx, "ann", "POST", "/api/orders", orderOfCups("ann", 12, basket["basketId"]))
		Expect(status).To(Equal(http.StatusCreated))
		c.becomes(ctx, "/api/orders/"+order["orderId"].(string), "CANCELLED")
		c.becomes(ctx, path, "HELD")

		By("ordering all of it")
		status, order = c.send(ctx, "ann", "POST", "/api/orders", orderOfCups("ann", 10, basket["basketId"]))
		Expect(status).To(Equal(http.StatusCreated))
		c.becomes(ctx, "/api/orders/"+order["orderId"].(string), "CONFIRMED")
		c.becomes(ctx, path, "ORDERED")

		By("giving back what is held by another basket")
		status, _ = c.send(ctx, "ann", "DELETE", "/api/orders/"+order["orderId"].(string), nil)
		Expect(status).To(Equal(http.StatusOK))
		Eventually(ctx, func() any {
			_, basket = c.send(ctx, "bob", "POST", "/api/baskets", cups(10))
			return basket["status"]
		}).Should(Equal("HELD"))
		status, basket = c.send(ctx, "bob", "DELETE", "/api/baskets/"+basket["basketId"].(string), nil)
		Expect(status).To(Equal(http.StatusOK))
		Expect(basket).To(HaveKeyWithValue("status", "RELEASED"))
	})
})

// becomes waits until a customer's thing has a status.
func (c *counter) becomes(ctx context.Context, path, status string) {
	GinkgoHelper()
	Eventually(ctx, func() any {
		_, seen := c.send(ctx, "ann", "GET", path, nil)
		return seen["status"]
	}).Should(Equal(status))
}
