//go:build linux

package mirror_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// again is how soon what was refused, or is not there yet, is tried again.
const again = 50 * time.Millisecond

// products have stock for everybody, but for the last.
const (
	products = 10
	opening  = 1_000_000
	scarce   = "prod-scarce" // of which there are five
)

func product(i int) string { return fmt.Sprintf("prod-%d", i%products) }

// shop is the customers and the staff of a namespace: it makes orders and takes each
// through a life. Every call is repeated while the API server, or what it asks, is away.
type shop struct {
	namespace string
	client    client.Client
	// place makes an order; each of them is one way to.
	place []func(ctx context.Context, o *v1alpha1.Order) error
	// seen is the newest version of an order that a watch showed; nil if it showed none.
	seen func(name string) *v1alpha1.Order
	// done counts the orders whose life is over.
	done atomic.Int64
}

// open puts stock on the shelves.
func (s *shop) open(ctx context.Context) error {
	for i := range products {
		if err := s.create(ctx, testenv.Item(s.namespace, product(i), opening)); err != nil {
			return err
		}
	}
	return s.create(ctx, testenv.Item(s.namespace, scarce, 5))
}

// trade takes orders from number first on through their lives, several at a time.
func (s *shop) trade(ctx context.Context, first, orders, atOnce int) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(atOnce)
	for n := first; n < first+orders; n++ {
		work.Go(func() error {
			if err := s.live(ctx, n); err != nil {
				return fmt.Errorf("order %d: %w", n, err)
			}
			s.done.Add(1)
			return nil
		})
	}
	return work.Wait()
}

// live is the life of one order, and what else happens in the shop at the time.
func (s *shop) live(ctx context.Context, n int) error {
	if err := s.beside(ctx, n); err != nil {
		return err
	}
	o := testenv.Order(s.namespace, fmt.Sprintf("ord-%06d", n), testenv.Line(product(n), int64(1+n%3)), testenv.Line(product(n+1), 2))
	o.Spec.Contact = &v1alpha1.Contact{Email: address(n)}
	story := lives()[n%len(lives())]
	if story.short {
		o.Spec.Items[1].ProductID, o.Spec.Items[1].Quantity = scarce, 6
	}
	if err := s.place[n%len(s.place)](ctx, o); err != nil {
		return err
	}
	for _, step := range story.steps {
		if err := step(ctx, s, o); err != nil {
			return err
		}
	}
	return nil
}

// step is one thing that is done with an order. It fills in the order as it found it.
type step func(ctx context.Context, s *shop, o *v1alpha1.Order) error

type life struct {
	steps []step
	short bool
}

// lives are as often as they stand here.
func lives() []life {
	confirmed, cancelled := until(v1alpha1.OrderConfirmed), until(v1alpha1.OrderCancelled)
	fulfilled := []step{confirmed, wants(`{"spec":{"fulfillment":{"carrier":"DHL","trackingNumber":"JD 0012"}}}`), until(v1alpha1.OrderFulfilled)}
	cancel := wants(`{"spec":{"cancellation":{"reason":"CUSTOMER_REQUEST"}}}`)
	then := func(before []step, more ...step) []step { return append(append([]step{}, before...), more...) }
	return []life{
		{steps: []step{confirmed}},
		{steps: []step{confirmed, cancel, cancelled}},
		{steps: fulfilled},
		{steps: []step{confirmed}},
		{steps: []step{cancel, cancelled}},
		{steps: []step{cancelled}, short: true},
		{steps: fulfilled},
		{steps: then(fulfilled, returns("r1", "too small", ""), approves(true), until(v1alpha1.OrderReturned))},
		{steps: []step{confirmed}},
		{steps: then(fulfilled, returns("r1", "does not please", ""), rejects("it was worn"), until(v1alpha1.OrderFulfilled))},
		{steps: then(fulfilled,
			returns("r1", "one is broken", `[{"line":2,"productID":%q,"quantity":1}]`), approves(false), until(v1alpha1.OrderFulfilled),
			returns("r2", "the rest, too", ""), approves(true), until(v1alpha1.OrderReturned))},
		{steps: []step{deleted}},
		{steps: []step{confirmed, deleted}},
		{steps: then(fulfilled, deleted)},
		{steps: []step{confirmed, cancel, cancelled, deleted}},
		{steps: fulfilled},
	}
}

// until waits for a phase.
func until(phase v1alpha1.OrderPhase) step {
	return func(ctx context.Context, s *shop, o *v1alpha1.Order) error {
		return s.await(ctx, o, func() bool {
			r := o.Status.Return
			decided := r == nil || o.Spec.Return == nil || r.RequestID == o.Spec.Return.RequestID && r.State != v1alpha1.ReturnRequested
			return o.Status.Phase == phase && (phase == v1alpha1.OrderReturnRequested || decided)
		}, string(phase))
	}
}

// wants writes an intent. One that comes too late is refused, and then the order goes on without it.
func wants(patch string) step {
	return func(ctx context.Context, s *shop, o *v1alpha1.Order) error {
		return s.patch(ctx, o, patch)
	}
}

func returns(id, reason, items string) step {
	return func(ctx context.Context, s *shop, o *v1alpha1.Order) error {
		what := ""
		if items != "" {
			what = `,"items":` + fmt.Sprintf(items, o.Spec.Items[1].ProductID)
		}
		// The whole return is replaced: a request that follows another one has no decision.
		patch := fmt.Sprintf(`{"spec":{"return":{"requestID":%q,"reason":%q,"decision":null%s}}}`, id, reason, what)
		if items == "" {
			patch = fmt.Sprintf(`{"spec":{"return":{"requestID":%q,"reason":%q,"decision":null,"items":null}}}`, id, reason)
		}
		if err := s.patch(ctx, o, patch); err != nil {
			return err
		}
		return until(v1alpha1.OrderReturnRequested)(ctx, s, o)
	}
}

func approves(restock bool) step {
	return wants(fmt.Sprintf(`{"spec":{"return":{"decision":{"verdict":"Approve","restock":%t}}}}`, restock))
}

func rejects(reason string) step {
	return wants(fmt.Sprintf(`{"spec":{"return":{"decision":{"verdict":"Reject","reason":%q}}}}`, reason))
}

func deleted(ctx context.Context, s *shop, o *v1alpha1.Order) error {
	return s.remove(ctx, o)
}

// beside is what happens in the shop besides orders: goods come in, a shelf is counted, a
// document is withdrawn, a customer fills a basket and leaves it.
func (s *shop) beside(ctx context.Context, n int) error {
	name := fmt.Sprintf("doc-%06d", n)
	switch n % 25 {
	case 3:
		return s.create(ctx, testenv.Document(s.namespace, name, product(n), v1alpha1.AdjustmentReceived, 7))
	case 8:
		return s.create(ctx, testenv.Document(s.namespace, name, product(n), v1alpha1.AdjustmentAdjusted, -2))
	case 13:
		d := testenv.Document(s.namespace, name, product(n), v1alpha1.AdjustmentReceived, 1)
		if err := s.create(ctx, d); err != nil {
			return err
		}
		return s.remove(ctx, d)
	case 17: // a document that waits for a product is taken back
		d := testenv.Document(s.namespace, name, "no-such-product", v1alpha1.AdjustmentReceived, 1)
		if err := s.create(ctx, d); err != nil {
			return err
		}
		return s.remove(ctx, d)
	case 21:
		b := testenv.Basket(s.namespace, fmt.Sprintf("basket-%06d", n), time.Now().Add(time.Hour), testenv.Line(product(n), 1))
		if err := s.create(ctx, b); err != nil {
			return err
		}
		return s.remove(ctx, b)
	}
	return nil
}

// create makes an object, once, however often its answer is lost.
func (s *shop) create(ctx context.Context, o client.Object) error {
	return s.try(ctx, func() error {
		err := s.client.Create(ctx, o)
		if apierrors.IsAlreadyExists(err) {
			return s.client.Get(ctx, client.ObjectKeyFromObject(o), o)
		}
		return err
	})
}

// patch merges into an order what is wanted. What the API server refuses comes too late.
func (s *shop) patch(ctx context.Context, o *v1alpha1.Order, patch string) error {
	return s.try(ctx, func() error {
		err := s.client.Patch(ctx, o.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)))
		if apierrors.IsInvalid(err) || apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

func (s *shop) remove(ctx context.Context, o client.Object) error {
	return s.try(ctx, func() error { return client.IgnoreNotFound(s.client.Delete(ctx, o.DeepCopyObject().(client.Object))) })
}

// await waits until a watch shows an order as wanted, and fills it in. It never shows an older
// version than before, so what a step has seen is there for the next.
func (s *shop) await(ctx context.Context, o *v1alpha1.Order, wanted func() bool, what string) error {
	err := wait.PollUntilContextCancel(ctx, again, true, func(context.Context) (bool, error) {
		seen := s.seen(o.Name)
		if seen == nil {
			return false, nil
		}
		seen.DeepCopyInto(o)
		return wanted() || o.Status.Phase == v1alpha1.OrderCancelled, nil
	})
	if err != nil {
		return fmt.Errorf("%s never becomes %s (it is %s): %w", o.Name, what, o.Status.Phase, err)
	}
	return nil
}

// try repeats a call until it is answered for good.
func (s *shop) try(ctx context.Context, call func() error) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, again, true, func(context.Context) (bool, error) {
		last = call()
		for _, final := range []func(error) bool{apierrors.IsInvalid, apierrors.IsBadRequest, apierrors.IsForbidden} {
			if final(last) {
				return false, last
			}
		}
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%w (last answer: %w)", err, last)
	}
	return nil
}

// everybody trades and fails the test if somebody can't.
func (s *shop) everybody(t *testing.T, first, orders int) {
	t.Helper()
	if err := s.trade(t.Context(), first, orders, 24); err != nil {
		t.Fatal(err)
	}
}
