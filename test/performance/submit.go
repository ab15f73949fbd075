package performance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/ids"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// submission is one order from its create to its decision.
type submission struct {
	name    string
	create  time.Duration // until the create was answered
	decided time.Duration // until it was seen decided
	phase   v1alpha1.OrderPhase
	end     time.Time
}

// submitter submits one order and waits until it is decided, as long as ctx allows.
type submitter func(ctx context.Context) (submission, error)

// within is the submitter with a bound on each order: one that takes longer counts as lost.
func (p submitter) within(d time.Duration) submitter {
	return func(ctx context.Context) (submission, error) {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		return p(ctx)
	}
}

// Mode is a way to bring orders into the cluster.
type Mode string

const (
	// Raw writes what an order leaves behind, without logic.
	Raw Mode = "raw"
	// API creates orders at the API server that bring everything along, as the
	// gateway's do: they pass admission without a call of the webhook.
	API Mode = "api"
	// Webhook creates orders at the API server as people write them, so that the
	// webhook fills them in.
	Webhook Mode = "webhook"
	// Gateway creates orders through the gateway.
	Gateway Mode = "gateway"
)

// counter numbers the orders of a stage.
type counter struct{ n atomic.Int64 }

func (c *counter) next() int { return int(c.n.Add(1)) }

// api submits orders straight at the API server that leave admission nothing to do.
func (s *stage) api(t *tracker, d *deck) submitter {
	return s.direct(t, d, func(o *v1alpha1.Order) {
		order.Complete(o, nil)
		if s.opts.mirrored {
			order.CompleteMirrored(o)
		}
	})
}

// webhook submits orders that admission has to fill in.
func (s *stage) webhook(t *tracker, d *deck) submitter {
	return s.direct(t, d, func(*v1alpha1.Order) {})
}

func (s *stage) direct(t *tracker, d *deck, finish func(*v1alpha1.Order)) submitter {
	path := resourcePath(ordersNamespace, "orders")
	return func(ctx context.Context) (submission, error) {
		n := s.numbers.next()
		name := ids.Order(ordersNamespace, customerID(n), fmt.Sprint(n))
		o := newOrder(name, customerID(n), d.next())
		finish(o)
		body, err := json.Marshal(o)
		if err != nil {
			return submission{}, fmt.Errorf("encode an order: %w", err)
		}
		return follow(ctx, t, name, func() error {
			_, err := s.loader.do(ctx, http.MethodPost, path, nil, body)
			return err
		})
	}
}

// rest submits orders through the gateway.
func (s *stage) rest(t *tracker, d *deck) submitter {
	gateway := s.gateway.served
	return func(ctx context.Context) (submission, error) {
		n := s.numbers.next()
		key := fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
		body, err := json.Marshal(newRequest(newOrder("", customerID(n), d.next())))
		if err != nil {
			return submission{}, fmt.Errorf("encode a request: %w", err)
		}
		header := s.keys.header(n).Clone()
		header.Set("Idempotency-Key", key)
		return follow(ctx, t, ids.Order(ordersNamespace, customerID(n), key), func() error {
			_, err := gateway.do(ctx, http.MethodPost, "/api/orders", header, body)
			return err
		})
	}
}

// follow creates an order and waits for its decision.
func follow(ctx context.Context, t *tracker, name string, create func() error) (submission, error) {
	result := t.expect(name)
	start := time.Now()
	if err := create(); err != nil {
		t.forget(name)
		return submission{}, err
	}
	created := time.Now()
	select {
	case d := <-result:
		if d.err != nil {
			return submission{}, d.err
		}
		return submission{name: name, create: created.Sub(start), decided: d.at.Sub(start), phase: d.phase, end: d.at}, nil
	case <-ctx.Done():
		t.forget(name)
		return submission{}, fmt.Errorf("order %s was not decided within %s: %w", name, time.Since(start).Round(time.Millisecond), ctx.Err())
	}
}

// request is the body of a create at the gateway, as the REST contract has it.
// It stands here in words of its own: the benchmark is a client like any other.
type request struct {
	CustomerID      string           `json:"customerId"`
	Currency        string           `json:"currency"`
	Items           []requestItem    `json:"items"`
	ShippingAddress v1alpha1.Address `json:"shippingAddress"`
	Contact         v1alpha1.Contact `json:"contact"`
}

type requestItem struct {
	ProductID string      `json:"productId"`
	Quantity  int64       `json:"quantity"`
	UnitPrice json.Number `json:"unitPrice"`
}

func newRequest(o *v1alpha1.Order) request {
	r := request{
		CustomerID: o.Spec.CustomerID, Currency: string(o.Spec.Currency),
		ShippingAddress: o.Spec.ShippingAddress, Contact: *o.Spec.Contact,
	}
	for _, i := range o.Spec.Items {
		r.Items = append(r.Items, requestItem{ProductID: i.ProductID, Quantity: i.Quantity, UnitPrice: json.Number(i.UnitPrice)})
	}
	return r
}
