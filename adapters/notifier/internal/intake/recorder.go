package intake

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
)

// recorder keeps what records tell of.
type recorder struct {
	orders, notifications *pgxpool.Pool
	rules                 notification.Rules
	clock                 clock.PassiveClock
}

// record keeps the events of records, with all before them. bad are the records that are about no event, with
// the reason; the others are kept. An error is a database's: nothing may have been kept.
func (r *recorder) record(ctx context.Context, records []*kgo.Record) (bad map[*kgo.Record]error, err error) {
	bad = map[*kgo.Record]error{}
	hints := make(map[*kgo.Record]hint, len(records))
	ids := make([]uuid.UUID, 0, len(records))
	for _, record := range records {
		h, err := parse(record)
		if err != nil {
			bad[record] = err
			continue
		}
		hints[record], ids = h, append(ids, h.eventID)
	}
	if len(ids) == 0 {
		return bad, nil
	}
	known, err := orderdb.Events(ctx, r.orders, ids)
	if err != nil {
		return nil, err
	}
	var again []uuid.UUID
	upTo := map[string]int64{}
	for record, h := range hints {
		e, found := known[h.eventID]
		if !found || e.Object != h.orderID || e.Topic != h.topic {
			bad[record] = fmt.Errorf("ops_orders has no event %s of order %.100q on this topic: once the mirror has told it, put this record back", h.eventID, h.orderID)
			continue
		}
		upTo[e.UID] = max(upTo[e.UID], e.Seq)
		if h.again {
			again = append(again, h.eventID)
		}
	}
	if err := r.catchUp(ctx, upTo); err != nil {
		return nil, err
	}
	if len(again) > 0 {
		if _, err := notificationdb.Again(ctx, r.notifications, again); err != nil {
			return nil, err
		}
	}
	return bad, nil
}

// catchUp records the events of orders that were not, up to a number of each.
func (r *recorder) catchUp(ctx context.Context, upTo map[string]int64) error {
	uids := make([]string, 0, len(upTo))
	for uid := range upTo {
		uids = append(uids, uid)
	}
	done, err := notificationdb.Known(ctx, r.notifications, uids)
	if err != nil {
		return err
	}
	var missing []orderdb.Part
	for uid, last := range upTo {
		if done[uid] < last {
			missing = append(missing, orderdb.Part{UID: uid, After: done[uid], UpTo: last})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	events, err := orderdb.Lives(ctx, r.orders, missing)
	if err != nil {
		return err
	}
	orders, err := r.ordersOf(ctx, events)
	if err != nil {
		return err
	}
	now := r.clock.Now()
	handled := make([]notificationdb.Handled, len(events))
	var planned []notification.Notification
	for i := range events {
		e := &events[i]
		handled[i] = notificationdb.Handled{EventID: e.ID, OrderUID: e.UID, Seq: e.Seq}
		planned = append(planned, r.rules.Plan(e, orders[e.UID], now)...)
	}
	_, err = notificationdb.Record(ctx, r.notifications, handled, planned)
	return err
}

// ordersOf are the orders of events by their identity, without those whose id another order has by now.
func (r *recorder) ordersOf(ctx context.Context, events []event.Record) (map[string]*v1alpha1.Order, error) {
	ids := map[string]bool{}
	for i := range events {
		ids[events[i].Object] = true
	}
	names := make([]string, 0, len(ids))
	for id := range ids {
		names = append(names, id)
	}
	rows, err := orderdb.Lookups(ctx, r.orders, names)
	if err != nil {
		return nil, err
	}
	orders := make(map[string]*v1alpha1.Order, len(rows))
	for id, row := range rows {
		var order v1alpha1.Order
		if err := json.Unmarshal(row.Object, &order); err != nil {
			return nil, fmt.Errorf("the row of order %s in ops_orders can't be read: %w", id, err)
		}
		orders[row.UID] = &order
	}
	return orders, nil
}
