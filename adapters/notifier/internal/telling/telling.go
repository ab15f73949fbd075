// Package telling tells the topics what became of notifications: notif.sent for each that was delivered or
// failed, and a dead letter for each that failed (rules 20 and 21 of docs/design/0016-notifications.md).
package telling

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/adapters/notifier/internal/pulse"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/kafka"
	"github.com/orderplane/orderplane/internal/kafka/deadletter"
	"github.com/orderplane/orderplane/internal/kube/metrics"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
)

const (
	// batch is how many notifications are told in one transaction.
	batch = 200
	// idle is how long the teller waits when there is nothing to tell.
	idle = 500 * time.Millisecond
	// within bounds a transaction: rows are locked meanwhile.
	within = 15 * time.Second
)

// headerNotification is of a dead letter: the notification that failed.
const headerNotification = "dlt-notification"

// Options are what a teller needs.
type Options struct {
	// Orders is ops_orders, which is only read, and Notifications is ops_notifications.
	Orders, Notifications *pgxpool.Pool
	Broker                *kgo.Client
	// Group is the consumer group that dead letters name.
	Group    string
	Clock    clock.WithTicker
	Pulse    *pulse.Pulse
	Log      logr.Logger
	Registry prometheus.Registerer
}

// Teller tells what became of notifications. Any number may run.
type Teller struct {
	Options
	dead prometheus.Counter
}

// New makes a teller.
func New(o Options) (*Teller, error) {
	t := &Teller{Options: o, dead: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "orderplane_notifier_dead_letters_total",
		Help: "Notifications that failed, and whose event was written to the dead letters of its topic.",
	})}
	if err := metrics.Register(o.Registry, &t.dead); err != nil {
		return nil, fmt.Errorf("register the metrics of what is told: %w", err)
	}
	return t, nil
}

// Run tells until ctx is over. What fails is tried again. The error is one that only a person can mend.
func (t *Teller) Run(ctx context.Context) error {
	var wrong *kafka.WrongPartitions
	ready := false
	for ctx.Err() == nil {
		told, err := 0, error(nil)
		if !ready {
			if err = t.prepare(ctx); errors.As(err, &wrong) {
				return wrong
			}
			ready = err == nil
		}
		if ready {
			told, err = t.tell(ctx)
		}
		switch {
		case err == nil:
			t.Pulse.Succeeded()
		case ctx.Err() == nil:
			t.Pulse.Failed(err)
			t.Log.Info("telling what became of notifications waits", "error", err.Error())
		}
		if err != nil || told < batch {
			t.rest(ctx)
		}
	}
	return nil
}

func (t *Teller) prepare(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, within)
	defer stop()
	topics := []string{string(event.NotificationSent)}
	for _, of := range notification.Topics() {
		topics = append(topics, string(of))
	}
	return kafka.EnsureTopics(ctx, t.Broker, deadletter.Topics(topics...))
}

func (t *Teller) rest(ctx context.Context) {
	timer := t.Clock.NewTimer(idle)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	}
}

// tell tells what is due and marks it, in one transaction, and gives how many there were. After an error some may
// be told again.
func (t *Teller) tell(ctx context.Context) (told int, err error) {
	ctx, stop := context.WithTimeout(ctx, within)
	defer stop()
	err = pgx.BeginFunc(ctx, t.Notifications, func(tx pgx.Tx) error {
		due, err := notificationdb.FindUntold(ctx, tx, batch)
		if err != nil || len(due) == 0 {
			return err
		}
		ids := make([]uuid.UUID, len(due))
		records := make([]*kgo.Record, len(due))
		for i := range due {
			ids[i] = due[i].ID
			if records[i], err = sent(&due[i]); err != nil {
				return err
			}
		}
		letters, err := t.letters(ctx, due)
		if err != nil {
			return err
		}
		if err := t.Broker.ProduceSync(ctx, records...).FirstErr(); err != nil {
			return fmt.Errorf("write to %s: %w", event.NotificationSent, err)
		}
		for _, letter := range letters {
			if err := deadletter.Write(ctx, t.Broker, letter); err != nil {
				return err
			}
			t.dead.Inc()
		}
		told = len(due)
		return notificationdb.Told(ctx, tx, ids)
	})
	return told, err
}

// sent is the record of notif.sent.
func sent(n *notificationdb.Untold) (*kgo.Record, error) {
	e, err := event.OfNotification(event.NotificationSentPayload{
		NotificationID: n.ID.String(), OrderID: n.OrderID, Channel: n.Channel, Recipient: n.Recipient,
		Template: string(n.Template), Status: event.NotificationStatus(n.Status),
	}, n.At, n.TraceID)
	if err != nil {
		return nil, err
	}
	return published(&e), nil
}

// published is an event as it is on its topic.
func published(e *event.Record) *kgo.Record {
	r := &kgo.Record{Topic: e.Topic, Key: []byte(e.Key), Value: e.Value, Timestamp: e.At, Partition: -1, Offset: -1}
	for _, h := range e.Headers() {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: []byte(h.Value)})
	}
	return r
}

// letters are the dead letters of those that failed: their events as they are on their topics.
func (t *Teller) letters(ctx context.Context, due []notificationdb.Untold) ([]*kgo.Record, error) {
	var failed []*notificationdb.Untold
	var ids []uuid.UUID
	for i := range due {
		if due[i].Status == notification.Failed {
			failed, ids = append(failed, &due[i]), append(ids, due[i].EventID)
		}
	}
	if len(failed) == 0 {
		return nil, nil
	}
	events, err := orderdb.Events(ctx, t.Orders, ids)
	if err != nil {
		return nil, err
	}
	var letters []*kgo.Record
	for _, n := range failed {
		e, found := events[n.EventID]
		if !found {
			t.Log.Info("a notification failed, and ops_orders does not have its event any more: there is no dead letter", "notification", n.ID, "order", n.OrderID)
			continue
		}
		letter := deadletter.Of(published(&e), t.Group, fmt.Errorf("%s %s after %d tries: %s", n.Channel, n.Reason, n.Attempts, n.Error))
		letter.Headers = append(letter.Headers, kgo.RecordHeader{Key: headerNotification, Value: []byte(n.ID.String())})
		letters = append(letters, letter)
	}
	return letters, nil
}
