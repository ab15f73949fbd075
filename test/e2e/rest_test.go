//go:build linux

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// order is what the REST API says of an order, as far as these tests look.
type order struct {
	OrderID         string      `json:"orderId"`
	Status          string      `json:"status"`
	TotalAmount     json.Number `json:"totalAmount"`
	CancelledReason string      `json:"cancelledReason"`
}

// answer is a response with its body read.
type answer struct {
	status int
	body   string
}

func (a answer) order(t *testing.T) order {
	t.Helper()
	var o order
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return o
}

// line is a product and how many of it, at a price of 12.50.
type line struct {
	product  string
	quantity int
}

func orderBody(lines ...line) string {
	items := make([]string, len(lines))
	for i, l := range lines {
		items[i] = fmt.Sprintf(`{"productId": %q, "quantity": %d, "unitPrice": 12.50}`, l.product, l.quantity)
	}
	return fmt.Sprintf(`{"customerId": "cust-001", "items": [%s],
		"shippingAddress": {"street": "1 Harbour Road", "city": "Hamburg", "country": "DE", "zip": "20457"}}`,
		strings.Join(items, ","))
}

func (s *stack) request(ctx context.Context, method, path, token, body string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.env["GATEWAY_URL"]+path, bytes.NewBufferString(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if method == http.MethodPost && path == "/api/orders" {
		req.Header.Set("Idempotency-Key", uuid.NewString())
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // it is read to its end
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(text)}, err
}

// do is a request that must be answered with this status.
func (s *stack) do(want int, method, path, token, body string) answer {
	s.t.Helper()
	a, err := s.request(s.t.Context(), method, path, token, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if a.status != want {
		s.t.Fatalf("%s %s answers %d, want %d: %s", method, path, a.status, want, a.body)
	}
	return a
}

func (s *stack) place(lines ...line) order {
	s.t.Helper()
	o := s.do(http.StatusCreated, http.MethodPost, "/api/orders", s.env["CUSTOMER_TOKEN"], orderBody(lines...)).order(s.t)
	if o.Status != "PENDING" {
		s.t.Fatalf("a new order is %s, want PENDING", o.Status)
	}
	return o
}

// waitOrder waits until an order has a status, and tells how long that took.
func (s *stack) waitOrder(id, status string) (order, time.Duration) {
	s.t.Helper()
	var o order
	began := time.Now()
	eventually(s.t, 15*time.Second, func(ctx context.Context) string {
		a, err := s.request(ctx, http.MethodGet, "/api/orders/"+id, s.env["CUSTOMER_TOKEN"], "")
		if err != nil || a.status != http.StatusOK {
			return fmt.Sprintf("order %s: %d %s %v", id, a.status, a.body, err)
		}
		if o = a.order(s.t); o.Status != status {
			return fmt.Sprintf("order %s is %s, want %s", id, o.Status, status)
		}
		return ""
	})
	return o, time.Since(began)
}

// waitStock waits until a product's level over REST is this.
func (s *stack) waitStock(product string, onHand, reserved int) {
	s.t.Helper()
	eventually(s.t, 15*time.Second, func(ctx context.Context) string {
		a, err := s.request(ctx, http.MethodGet, "/api/inventory/"+product, s.env["OPS_TOKEN"], "")
		if err != nil || a.status != http.StatusOK {
			return fmt.Sprintf("stock of %s: %d %s %v", product, a.status, a.body, err)
		}
		var level struct{ Quantity, ReservedQty int }
		if err := json.Unmarshal([]byte(a.body), &level); err != nil {
			return err.Error()
		}
		if level.Quantity != onHand || level.ReservedQty != reserved {
			return fmt.Sprintf("%s: %d on hand, %d reserved, want %d and %d", product, level.Quantity, level.ReservedQty, onHand, reserved)
		}
		return ""
	})
}
