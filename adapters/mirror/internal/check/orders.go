package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror/internal/orders"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

// orders compares every order of the cluster with its row and its events, and every row with the
// cluster and with the events that it counts.
func (c *Check) orders(ctx context.Context, t *tally) ([]Difference, error) {
	rows, err := c.liveRows(ctx) // before the orders are listed: what is made meanwhile is in the list
	if err != nil {
		return nil, err
	}
	var suspects []string
	err = pages(ctx, c, &v1alpha1.OrderList{}, func(page *v1alpha1.OrderList) error {
		t.orders += len(page.Items)
		for i := range page.Items {
			delete(rows, page.Items[i].Name)
		}
		found, err := c.compareOrders(ctx, page.Items)
		for _, d := range found {
			suspects = append(suspects, strings.TrimPrefix(d.Of, "order "))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	t.orders += len(rows)
	for name := range rows {
		suspects = append(suspects, name)
	}
	untold, err := orderdb.FindUntold(ctx, c.World.Orders)
	if err != nil {
		return nil, err
	}
	for _, u := range untold {
		suspects = append(suspects, u.ID)
	}
	slices.Sort(suspects)
	suspects = slices.Compact(suspects)
	if len(suspects) == 0 {
		return nil, nil
	}
	return c.settled(ctx, func(ctx context.Context) ([]Difference, error) { return c.lookAgain(ctx, suspects) })
}

// liveRows are the uids of the objects that are there according to their rows, by name.
func (c *Check) liveRows(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	for after := ""; ; {
		rows, err := orderdb.LiveAfter(ctx, c.World.Orders, after, pageSize)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			found[rows[i].ID] = rows[i].ObjectUID
			after = rows[i].ID
		}
		if len(rows) < pageSize {
			return found, nil
		}
	}
}

// compareOrders compares orders of the cluster with their rows and events.
func (c *Check) compareOrders(ctx context.Context, all []v1alpha1.Order) (found []Difference, err error) {
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	rows, err := orderdb.Lookups(ctx, c.World.Orders, names)
	if err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	toldBy := map[uuid.UUID]string{}
	for i := range all {
		o := &all[i]
		row, has := rows[o.Name]
		what, err := orders.Compare(o, row, has)
		if err != nil {
			what = []string{err.Error()}
		}
		for _, w := range what {
			found = append(found, Difference{"order " + o.Name, w})
		}
		if len(what) > 0 || !has || row.ObjectUID != string(o.UID) {
			continue
		}
		events, err := event.OfOrder(o, 0)
		if err != nil {
			continue // Compare says what can't be told
		}
		for _, e := range events {
			ids, toldBy[e.ID] = append(ids, e.ID), fmt.Sprintf("%s (entry %d)", e.Type, e.Seq)
		}
	}
	missing, err := c.missing(ctx, outbox.Orders, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range missing {
		name, what := orderOf(all, id), toldBy[id]
		found = append(found, Difference{"order " + name, fmt.Sprintf("there is no event %s, id %s", what, id)})
	}
	return found, nil
}

// orderOf is the name of the order that an event is of.
func orderOf(all []v1alpha1.Order, id uuid.UUID) string {
	for i := range all {
		events, _ := event.OfOrder(&all[i], 0)
		if slices.ContainsFunc(events, func(e event.Record) bool { return e.ID == id }) {
			return all[i].Name
		}
	}
	return ""
}

// missing are those of some events that are not stored.
func (c *Check) missing(ctx context.Context, l outbox.Log, ids []uuid.UUID) ([]uuid.UUID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	db := c.World.Orders
	if l == outbox.Stock {
		db = c.World.Inventory
	}
	stored, err := outbox.Digests(ctx, db, l, ids)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(ids, func(id uuid.UUID) bool {
		_, is := stored[id]
		return is
	}), nil
}

// lookAgain compares orders by name: those of the cluster, and those that only rows know.
func (c *Check) lookAgain(ctx context.Context, names []string) (found []Difference, err error) {
	for _, name := range names {
		o := &v1alpha1.Order{}
		switch err := c.World.Kube.Get(ctx, client.ObjectKey{Namespace: c.World.Namespace, Name: name}, o); {
		case err == nil:
			differences, err := c.compareOrders(ctx, []v1alpha1.Order{*o})
			if err != nil {
				return nil, err
			}
			found = append(found, differences...)
		case apierrors.IsNotFound(err):
			row, has, err := orderdb.Lookup(ctx, c.World.Orders, name)
			if err != nil {
				return nil, err
			}
			if has && row.State == orderdb.Live {
				found = append(found, Difference{"order " + name, "its row says that it is in the cluster, and it is not"})
			}
		default:
			return nil, fmt.Errorf("look at order %s: %w", name, err)
		}
	}
	untold, err := orderdb.FindUntold(ctx, c.World.Orders)
	for _, u := range untold {
		found = append(found, Difference{"order " + u.ID, fmt.Sprintf("its row counts %d entries, and %d of them have an event", u.Entries, u.Told)})
	}
	return found, err
}
