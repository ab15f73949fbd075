package event_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/money"
)

// What an entry tells is the same from every later version of its order, and from a
// later one alone.
func TestLaterVersionsTellTheSame(t *testing.T) {
	lives(t, func(w *world) {
		last := w.order
		all, err := event.OfOrder(last, 0)
		if err != nil {
			var unknown *event.CurrencyUnknown
			if errors.As(err, &unknown) && last.Spec.Currency == "" && len(last.Status.History) == 0 {
				return
			}
			w.t.Fatal(err)
		}
		for i, version := range w.versions {
			if version.Spec.Currency == "" && version.Status.Currency == "" && len(version.Status.History) <= 1 {
				continue // it is told later
			}
			told, err := event.OfOrder(version, 0)
			if err != nil {
				w.t.Fatal(err)
			}
			if diff := cmp.Diff(all[:len(told)], told); diff != "" {
				w.t.Fatalf("version %d of %d tells otherwise (-last +this)\n%s", i, len(w.versions), diff)
			}
			rest, err := event.OfOrder(last, int64(len(told)))
			if err != nil || len(rest) != len(all)-len(told) {
				w.t.Fatalf("%d events after %d of %d, %v", len(rest), len(told), len(all), err)
			}
			if diff := cmp.Diff(all[len(told):], rest, cmpopts.EquateEmpty()); diff != "" {
				w.t.Fatalf("the rest is told otherwise\n%s", diff)
			}
		}
	})
}

// replica is what somebody knows of an order who reads the topics alone.
type replica struct {
	Status                                              event.Status
	TotalAmount, Currency, CancelledReason              string
	WasConfirmed                                        bool
	ConfirmedAt, CancelledAt, FulfilledAt               string
	Carrier, TrackingNumber                             string
	ReturnRequestedAt, ReturnReason, ReturnedAt, Refund string
	// Back are the units that came back, by line.
	Back map[int32]int64
	// Rejected is the reason of the last rejection.
	Rejected string
	Failed   []event.FailedProduct
	Items    []event.Item
}

func decode[P any](t interface{ Fatal(...any) }, r *event.Record) (p P, at string) {
	var envelope event.Envelope[P]
	if err := json.Unmarshal(r.Value, &envelope); err != nil {
		t.Fatal(err)
	}
	return envelope.Payload, string(envelope.OccurredAt)
}

func (p *replica) read(w *world, r *event.Record) {
	switch r.Type {
	case event.OrderCreated:
		e, _ := decode[event.OrderCreatedPayload](w.t, r)
		p.Status, p.Items, p.TotalAmount, p.Currency = e.Status, e.Items, e.TotalAmount.String(), string(e.Currency)
	case event.OrderConfirmed:
		e, _ := decode[event.OrderConfirmedPayload](w.t, r)
		p.Status, p.ConfirmedAt = e.Status, string(e.ConfirmedAt)
	case event.OrderCancelRequested:
		e, _ := decode[event.OrderCancelRequestedPayload](w.t, r)
		p.Failed = e.FailedProducts
	case event.OrderCancelled:
		e, _ := decode[event.OrderCancelledPayload](w.t, r)
		p.Status, p.CancelledAt, p.CancelledReason, p.WasConfirmed = e.Status, string(e.CancelledAt), string(e.Reason), e.WasConfirmed
	case event.OrderFulfilled:
		e, _ := decode[event.OrderFulfilledPayload](w.t, r)
		p.Status, p.FulfilledAt, p.Carrier, p.TrackingNumber = e.Status, string(e.FulfilledAt), e.Carrier, e.TrackingNumber
	case event.OrderReturnRequested:
		e, at := decode[event.OrderReturnRequestedPayload](w.t, r)
		p.Status, p.ReturnRequestedAt, p.ReturnReason = e.Status, at, e.Reason
	case event.OrderReturnRejected:
		e, _ := decode[event.OrderReturnRejectedPayload](w.t, r)
		p.Status, p.Rejected = e.Status, e.Reason
	case event.OrderReturned:
		e, at := decode[event.OrderReturnedPayload](w.t, r)
		p.Status, p.ReturnedAt = e.Status, at
		for _, u := range e.Items {
			p.Back[u.Line] += u.Quantity
		}
	case event.RefundRequested:
		e, _ := decode[event.RefundRequestedPayload](w.t, r)
		p.Refund = plus(w, p.Refund, e.RefundAmount.String(), string(e.Currency))
	}
}

func plus(w *world, a, b, currency string) string {
	if a == "" {
		return b
	}
	x, err1 := money.Parse(a, currency)
	y, err2 := money.Parse(b, currency)
	sum, err3 := x.Plus(y)
	if err := errors.Join(err1, err2, err3); err != nil {
		w.t.Fatal(err)
	}
	return sum.String()
}

// shown is what the order itself says of the same.
func shown(o *v1alpha1.Order) replica {
	at := func(t *metav1.Time) string {
		if t == nil {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	s := &o.Status
	p := replica{
		Status: event.StatusOf(s.Phase), TotalAmount: s.TotalAmount, Currency: string(s.Currency), CancelledReason: string(s.CancelledReason),
		WasConfirmed: s.CancelledAt != nil && s.ConfirmedAt != nil,
		ConfirmedAt:  at(s.ConfirmedAt), CancelledAt: at(s.CancelledAt), FulfilledAt: at(s.FulfilledAt),
		ReturnRequestedAt: at(s.ReturnRequestedAt), ReturnedAt: at(s.ReturnedAt), Refund: s.RefundAmount, Back: map[int32]int64{},
	}
	if f := o.Spec.Fulfillment; f != nil && s.FulfilledAt != nil {
		p.Carrier, p.TrackingNumber = f.Carrier, f.TrackingNumber
	}
	for _, back := range s.ReturnedItems {
		p.Back[back.Line] = back.Quantity
	}
	for _, short := range s.Shortages {
		p.Failed = append(p.Failed, event.FailedProduct{ProductID: short.ProductID, Requested: short.Requested, Available: short.Available, Reason: short.Reason})
	}
	for _, e := range s.History { // a request that was refused has no entry: it is not told
		switch e.Type {
		case v1alpha1.HistoryReturnRequested:
			p.ReturnReason = e.Message
		case v1alpha1.HistoryReturnRejected:
			p.Rejected = e.Message
		}
	}
	return p
}

// Who reads the topics alone knows of an order what the cluster knows.
func TestTheTopicsTellAllOfALife(t *testing.T) {
	ends := map[event.Status]int{}
	lives(t, func(w *world) {
		records, err := event.OfOrder(w.order, 0)
		if err != nil {
			return // TestLaterVersionsTellTheSame
		}
		got := replica{Back: map[int32]int64{}}
		for i := range records {
			got.read(w, &records[i])
		}
		want := shown(w.order)
		if w.order.Status.TotalAmount == "" { // nobody looked at it yet
			want.TotalAmount, want.Currency = got.TotalAmount, got.Currency
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(replica{}, "Items"), cmpopts.EquateEmpty()); diff != "" {
			w.t.Fatalf("cluster - topics +\n%s", diff)
		}
		for i, item := range w.order.Spec.Items {
			if got.Items[i].ProductID != item.ProductID || got.Items[i].Quantity != item.Quantity {
				w.t.Fatalf("line %d is %+v, want %+v", i+1, got.Items[i], item)
			}
		}
		ends[got.Status]++
	})
	for _, status := range []event.Status{event.Confirmed, event.Cancelled, event.Fulfilled, event.ReturnRequested, event.Returned} {
		if ends[status] == 0 {
			t.Errorf("no life ended %s: the test shows little", status)
		}
	}
}

func TestWhatCanNotBeToldYet(t *testing.T) {
	o := anOrder("o-1")
	o.Spec.Currency = ""
	var unknown *event.CurrencyUnknown
	if records, err := event.OfOrder(o, 0); !errors.As(err, &unknown) || unknown.Order != "o-1" {
		t.Errorf("an order without a currency: %v, %v", records, err)
	}
	o.Status.Currency = "JPY"
	if records, err := event.OfOrder(o, 0); err != nil || len(records) != 1 {
		t.Errorf("with one: %v, %v", records, err)
	}
	o = anOrder("o-2", told(v1alpha1.HistoryCreated), told(v1alpha1.HistoryReturned))
	o.Spec.Items[0].UnitPrice = "free"
	if records, err := event.OfOrder(o, 0); err == nil {
		t.Errorf("a refund that nobody knows is told: %s", records[1].Value)
	}
}
