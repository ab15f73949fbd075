// Package notifiertest makes orders in ops_orders, as a mirror does. Only tests import it.
package notifiertest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// Shop keeps orders in a database.
type Shop struct {
	DB *pgxpool.Pool
	// Now is when things happen.
	Now func() time.Time
}

// Mail is the contact of an order.
func Mail(address string) *v1alpha1.Contact { return &v1alpha1.Contact{Email: address} }

// Order is one with a history, whose last entry happened now.
func (s Shop) Order(id string, contact *v1alpha1.Contact, history ...v1alpha1.OrderHistoryType) *v1alpha1.Order {
	o := &v1alpha1.Order{}
	o.Name, o.UID = id, types.UID(uuid.NewSHA1(uuid.Nil, []byte(id)).String())
	o.CreationTimestamp = metav1.NewTime(s.Now().Truncate(time.Second))
	o.Spec = v1alpha1.OrderSpec{
		CustomerID: "cust-" + id, Currency: "EUR", Contact: contact,
		Items: []v1alpha1.OrderItem{
			{ProductID: "prod-001", Quantity: 2, UnitPrice: "12.5"}, {ProductID: "prod-002", Quantity: 1, UnitPrice: "7.90"},
		},
		ShippingAddress: v1alpha1.Address{Name: "Ines Löwe", Street: "1 Harbour Road", City: "Hamburg", Country: "DE", Zip: "20457"},
		Fulfillment:     &v1alpha1.Fulfillment{Carrier: "DHL", TrackingNumber: "JD 0146"},
	}
	for i, t := range history {
		o.Status.History = append(o.Status.History, v1alpha1.OrderHistoryEntry{Type: t, Seq: int64(i + 1), At: metav1.NewTime(s.Now().Truncate(time.Second))})
	}
	return o
}

// Tell puts an order's row and all its events into the database, and gives the events.
func (s Shop) Tell(t testing.TB, ctx context.Context, orders ...*v1alpha1.Order) []event.Record { //nolint:revive // t first, as everywhere
	t.Helper()
	var all []event.Record
	rows := make([]orderdb.Row, len(orders))
	for i, o := range orders {
		told, err := event.OfOrder(o, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, told...)
		object, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		rows[i] = orderdb.Row{
			Version: orderdb.Version{
				ID: o.Name, UID: string(o.UID), ObjectUID: string(o.UID), RV: 1, Seq: int64(len(told)), State: orderdb.Live, MirroredAt: s.Now(),
			},
			CustomerID: o.Spec.CustomerID, Status: "PENDING", Items: json.RawMessage("[]"), ShippingAddress: json.RawMessage("{}"),
			Currency: "EUR", CreatedAt: s.Now(), UpdatedAt: s.Now(), Object: object,
		}
	}
	if err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		inserted, err := orderdb.Insert(ctx, tx, rows)
		if err == nil && len(inserted) != len(rows) {
			err = fmt.Errorf("%d of %d orders are new", len(inserted), len(rows))
		}
		if err != nil {
			return err
		}
		return outbox.Put(ctx, tx, outbox.Orders, all)
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// Published is an event as a record of its topic.
func Published(e event.Record) *kgo.Record {
	r := &kgo.Record{Topic: e.Topic, Key: []byte(e.Key), Value: e.Value}
	for _, h := range e.Headers() {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: []byte(h.Value)})
	}
	return r
}
