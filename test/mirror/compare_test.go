//go:build linux

package mirror_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres"
)

// mistakes is how many differences are told of one comparison.
const mistakes = 5

// sameByTopics holds what the topics say of every order and product to the cluster.
func sameByTopics(t *testing.T, s *system, r *reader, ob *observer) {
	t.Helper()
	orders, unseen := ob.orders()
	events := r.orders()
	wrong, cut := 0, 0
	for id, o := range orders {
		life, err := lifeOf(events[id])
		if err != nil {
			t.Errorf("order %s: %v", id, err)
		}
		if unseen[id] { // its last version may be a later one than was seen
			cut++
			continue
		}
		if diff := cmp.Diff(viewOf(o), life, cmpopts.EquateEmpty()); diff != "" && wrong < mistakes {
			wrong++
			t.Errorf("order %s (-cluster +topics):\n%s", id, diff)
		}
	}
	for id := range events {
		if orders[id] == nil {
			t.Errorf("the topics tell of an order %s that nobody made", id)
		}
	}
	var items v1alpha1.StockItemList
	if err := s.client.List(t.Context(), &items, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	products := r.products()
	for i := range items.Items {
		item := &items.Items[i]
		var sum int64
		for _, e := range products[item.Name] {
			if e.Payload.ItemUID == string(item.UID) {
				sum += e.Payload.Delta
			}
		}
		if item.Status.OnHand == nil || sum != *item.Status.OnHand {
			t.Errorf("%s: %d by the topics, %v in the cluster", item.Name, sum, item.Status.OnHand)
		}
	}
	// A watch is cut by a restart of the API server alone: nearly all must have been compared.
	if cut > len(orders)/10 {
		t.Errorf("%d of %d orders went unseen and were not compared", cut, len(orders))
	}
	t.Logf("%d orders and %d products were compared with what the topics alone say; %d differ, %d went unseen", len(orders)-cut, len(items.Items), wrong, cut)
}

// sameInPostgres holds the rows to the cluster.
func sameInPostgres(t *testing.T, s *system, ob *observer) {
	t.Helper()
	orders, unseen := ob.orders()
	rows, err := rowsOf(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for id, o := range orders {
		if unseen[id] {
			continue
		}
		want := viewOf(o)
		want.ConfirmedAt = "" // no column of the contract's
		got, there := rows[id]
		if !there {
			t.Errorf("order %s has no row", id)
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" && wrong < mistakes {
			wrong++
			t.Errorf("order %s (-cluster +row):\n%s", id, diff)
		}
	}
	if len(rows) != len(orders) {
		t.Errorf("%d rows, and %d orders", len(rows), len(orders))
	}
	stock := s.pool(postgres.Inventory)
	var items v1alpha1.StockItemList
	if err := s.client.List(t.Context(), &items, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	for i := range items.Items {
		item := &items.Items[i]
		var quantity, moved int64
		err := stock.QueryRow(t.Context(), `SELECT i.quantity, (SELECT coalesce(sum(delta), 0) FROM movements m WHERE m.item_uid = i.item_uid)
			FROM inventory i WHERE product_id = $1`, item.Name).Scan(&quantity, &moved)
		if err != nil {
			t.Errorf("%s: %v", item.Name, err)
			continue
		}
		if on := item.Status.OnHand; on == nil || quantity != *on || moved != *on {
			t.Errorf("%s: %v in the cluster, %d in its row, %d by its movements", item.Name, on, quantity, moved)
		}
	}
	var carried int
	if err := stock.QueryRow(t.Context(), `SELECT count(*) FROM movements WHERE kind = 'Carried'`).Scan(&carried); err != nil || carried > 0 {
		t.Errorf("%d differences were carried (%v)", carried, err)
	}
}

// rowsOf are the views by the contract's columns.
func rowsOf(ctx context.Context, s *system) (map[string]view, error) {
	rows, err := s.pool(postgres.Orders).Query(ctx, `
		SELECT id, customer_id, status, items, total_amount::text, currency, shipping_address, coalesce(cancelled_reason, ''),
			coalesce(to_char(cancelled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ''),
			coalesce(to_char(fulfilled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ''),
			coalesce(to_char(return_requested_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ''),
			coalesce(return_reason, ''),
			coalesce(to_char(returned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ''),
			coalesce(refund_amount::text, ''), seq
		FROM orders`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]view{}
	for rows.Next() {
		var id string
		var v view
		var items, address []byte
		if err := rows.Scan(&id, &v.Customer, &v.Status, &items, &v.Total, &v.Currency, &address, &v.CancelledReason, &v.CancelledAt,
			&v.FulfilledAt, &v.ReturnRequestedAt, &v.ReturnReason, &v.ReturnedAt, &v.RefundAmount, &v.Entries); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(items, &v.Items); err != nil {
			return nil, err
		}
		for i := range v.Items {
			v.Items[i].Line = i + 1
		}
		if err := json.Unmarshal(address, &v.Address); err != nil {
			return nil, err
		}
		found[id] = v
	}
	return found, rows.Err()
}
