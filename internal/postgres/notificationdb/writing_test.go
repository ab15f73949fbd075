package notificationdb_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
	"github.com/orderplane/orderplane/test/testenv"
)

const customer = "cust-1"

// one is a notification of an order's event on a channel, due now.
func one(order byte, seq int64, n notification.Notification) notification.Notification {
	uid := "uid-" + string('a'+rune(order))
	n.EventID = uuid.NewSHA1(uuid.Nil, []byte(uid+"/"+string('0'+rune(seq))))
	n.ID = uuid.NewSHA1(n.EventID, []byte(n.Channel))
	n.OrderID, n.OrderUID, n.Seq, n.CustomerID = "ord-"+string('a'+rune(order)), uid, seq, customer
	n.Template, n.HappenedAt, n.TraceID = event.OrderConfirmed, time.Now().UTC().Truncate(time.Second), "trace-1"
	if n.Status == "" {
		n.Status, n.Recipient = notification.Pending, "ada@example.com"
	}
	return n
}

func mailOf(order byte, seq int64) notification.Notification {
	return one(order, seq, notification.Notification{Channel: notification.Email})
}

func textOf(order byte, seq int64) notification.Notification {
	return one(order, seq, notification.Notification{Channel: notification.SMS})
}

// record keeps the events of notifications, each with what it makes.
func record(t *testing.T, db notificationdb.Database, planned ...notification.Notification) int {
	t.Helper()
	var events []notificationdb.Handled
	for _, n := range planned {
		e := notificationdb.Handled{EventID: n.EventID, OrderUID: n.OrderUID, Seq: n.Seq}
		if !slices.Contains(events, e) {
			events = append(events, e)
		}
	}
	fresh, err := notificationdb.Record(t.Context(), db, events, planned)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

func claim(t *testing.T, db notificationdb.Database, sender uuid.UUID, limit int, holding ...uuid.UUID) []uuid.UUID {
	t.Helper()
	if err := notificationdb.Alive(t.Context(), db, sender, time.Minute); err != nil {
		t.Fatal(err)
	}
	claimed, err := notificationdb.Claim(t.Context(), db, notificationdb.Claimant{Sender: sender, Channel: notification.Email, Holding: holding}, limit)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]uuid.UUID, len(claimed))
	for i, c := range claimed {
		ids[i] = c.ID
	}
	return ids
}

func finish(t *testing.T, db notificationdb.Database, sender uuid.UUID, step notification.Step, ids ...uuid.UUID) int {
	t.Helper()
	var finished []notificationdb.Finished
	for _, id := range ids {
		finished = append(finished, notificationdb.Finished{ID: id, Step: step, Error: "451 busy"})
	}
	kept, err := notificationdb.Finish(t.Context(), db, sender, finished)
	if err != nil {
		t.Fatal(err)
	}
	return len(kept)
}

// rows are some columns of all notifications, one text a row.
func rows(t *testing.T, pool *pgxpool.Pool, columns string) []string {
	t.Helper()
	found, err := pool.Query(t.Context(), "SELECT concat_ws(' ', "+columns+") FROM notifications ORDER BY order_uid, seq, channel")
	if err != nil {
		t.Fatal(err)
	}
	texts, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

func delivered() notification.Step { return notification.After(0, notification.Attempt{}) }

func TestAnEventIsRecordedOnce(t *testing.T) {
	pool := testenv.Database(t, postgres.Notifications)
	skipped := one(0, 3, notification.Notification{Channel: notification.Push, Status: notification.Skipped, Reason: notification.NoContact})
	same(t, "new", record(t, pool, mailOf(0, 1), textOf(0, 1), skipped), 3)
	same(t, "new the second time, beside another", record(t, pool, mailOf(0, 1), textOf(0, 1), mailOf(0, 2)), 1)
	same(t, "rows", rows(t, pool, "order_id, seq, channel, recipient, status, reason, attempts"), []string{
		"ord-a 1 EMAIL ada@example.com PENDING 0", "ord-a 1 SMS ada@example.com PENDING 0",
		"ord-a 2 EMAIL ada@example.com PENDING 0", "ord-a 3 PUSH  SKIPPED NO_CONTACT 0",
	})
	known, err := notificationdb.Known(t.Context(), pool, []string{"uid-a", "uid-b"})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "known", known, map[string]int64{"uid-a": 3})
}

// Many who record overlapping events at once neither repeat one nor get into each other's way.
func TestManyRecordAtOnce(t *testing.T) {
	pool := testenv.Database(t, postgres.Notifications)
	var all []notification.Notification
	for order := range byte(8) {
		for seq := range int64(5) {
			all = append(all, mailOf(order, seq+1))
		}
	}
	var recording sync.WaitGroup
	for i := range 6 {
		recording.Go(func() {
			mine := slices.Clone(all)
			if i%2 == 1 {
				slices.Reverse(mine)
			}
			record(t, pool, mine...)
		})
	}
	recording.Wait()
	same(t, "rows", len(rows(t, pool, "id")), len(all))
}

func TestAnOrdersMessagesAreSentInOrder(t *testing.T) {
	pool, sender := testenv.Database(t, postgres.Notifications), uuid.New()
	record(t, pool, mailOf(0, 2), mailOf(0, 1), textOf(0, 1), mailOf(1, 1))
	first := claim(t, pool, sender, 10)
	same(t, "claimed", len(first), 2)
	same(t, "the second one is left out", slices.Contains(first, mailOf(0, 2).ID), false)
	same(t, "claimed again", len(claim(t, pool, sender, 10, first...)), 0)
	same(t, "claimed again, when the answer was lost", len(claim(t, pool, sender, 10)), 2)
	retry := notification.After(0, notification.Attempt{Err: context.DeadlineExceeded})
	same(t, "kept", finish(t, pool, sender, retry, mailOf(0, 1).ID), 1)
	held := mailOf(1, 1).ID
	same(t, "while the first one waits", len(claim(t, pool, sender, 10, held)), 0)
	if _, err := pool.Exec(t.Context(), "UPDATE notifications SET due_at = now()"); err != nil {
		t.Fatal(err)
	}
	same(t, "once it is due", claim(t, pool, sender, 10, held), []uuid.UUID{mailOf(0, 1).ID})
	same(t, "kept", finish(t, pool, sender, delivered(), mailOf(0, 1).ID), 1)
	same(t, "after the first one", claim(t, pool, sender, 10, held), []uuid.UUID{mailOf(0, 2).ID})
	same(t, "rows", rows(t, pool, "order_id, seq, channel, status, attempts, error, sent_at IS NOT NULL"), []string{
		"ord-a 1 EMAIL DELIVERED 1 451 busy t", "ord-a 1 SMS PENDING 0 f", "ord-a 2 EMAIL PENDING 0 f", "ord-b 1 EMAIL PENDING 0 f",
	})
}

// Two senders never have the same message. What a dead one had goes to another, and what it says then is not kept.
func TestWhatADeadSenderHadIsTakenOver(t *testing.T) {
	pool, dead, other := testenv.Database(t, postgres.Notifications), uuid.New(), uuid.New()
	record(t, pool, mailOf(0, 1), mailOf(1, 1), mailOf(2, 1))
	had := claim(t, pool, dead, 2)
	rest := claim(t, pool, other, 10)
	same(t, "the other gets the rest", len(rest), 1)
	if err := notificationdb.Alive(t.Context(), pool, dead, -time.Second); err != nil {
		t.Fatal(err)
	}
	got := claim(t, pool, other, 10, rest...)
	same(t, "taken over", len(got), 2)
	same(t, "the dead one's", finish(t, pool, dead, delivered(), had...), 0)
	same(t, "the other's", finish(t, pool, other, delivered(), got...), 2)
}

func TestWhoLeavesGivesBackAtOnce(t *testing.T) {
	pool, leaves, other := testenv.Database(t, postgres.Notifications), uuid.New(), uuid.New()
	record(t, pool, mailOf(0, 1))
	same(t, "claimed", len(claim(t, pool, leaves, 1)), 1)
	if err := notificationdb.Leave(t.Context(), pool, leaves); err != nil {
		t.Fatal(err)
	}
	same(t, "the other's", len(claim(t, pool, other, 1)), 1)
}

func TestWhatIsAtItsEndIsToldOnce(t *testing.T) {
	pool, sender := testenv.Database(t, postgres.Notifications), uuid.New()
	record(t, pool, mailOf(0, 1), mailOf(1, 1), mailOf(2, 1))
	claim(t, pool, sender, 3)
	finish(t, pool, sender, delivered(), mailOf(0, 1).ID)
	finish(t, pool, sender, notification.After(3, notification.Attempt{Err: context.DeadlineExceeded}), mailOf(1, 1).ID)
	tell := func() (statuses []string) {
		t.Helper()
		if err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			found, err := notificationdb.FindUntold(t.Context(), tx, 10)
			if err != nil {
				return err
			}
			var ids []uuid.UUID
			for _, u := range found {
				statuses, ids = append(statuses, u.OrderID+" "+string(u.Status)+" "+string(u.Reason)), append(ids, u.ID)
			}
			// Nobody else tells them meanwhile.
			others, err := pool.Begin(t.Context())
			if err != nil {
				return err
			}
			defer others.Rollback(t.Context()) //nolint:errcheck // it reads only
			if same, err := notificationdb.FindUntold(t.Context(), others, 10); err != nil || len(same) > 0 {
				t.Errorf("another tells %d of them, %v", len(same), err)
			}
			return notificationdb.Told(t.Context(), tx, ids)
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(statuses)
		return statuses
	}
	same(t, "told", tell(), []string{"ord-a DELIVERED ", "ord-b FAILED GAVE_UP"})
	same(t, "told again", tell(), []string(nil))
	again, err := notificationdb.Again(t.Context(), pool, []uuid.UUID{mailOf(0, 1).EventID, mailOf(1, 1).EventID})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "sent once more", again, 1)
	same(t, "claimed", claim(t, pool, sender, 10, mailOf(2, 1).ID), []uuid.UUID{mailOf(1, 1).ID})
	finish(t, pool, sender, delivered(), mailOf(1, 1).ID)
	same(t, "told of the second end", tell(), []string{"ord-b DELIVERED "})
}

func TestErasingTakesWhatIsPersonal(t *testing.T) {
	pool, sender := testenv.Database(t, postgres.Notifications), uuid.New()
	other := mailOf(1, 1)
	other.CustomerID = "cust-2"
	record(t, pool, mailOf(0, 1), mailOf(0, 2), other)
	claim(t, pool, sender, 10)
	finish(t, pool, sender, delivered(), mailOf(0, 1).ID)
	claim(t, pool, sender, 10)
	erased, err := notificationdb.Erase(t.Context(), pool, customer)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "erased", erased, 2)
	same(t, "what was being sent is not kept", finish(t, pool, sender, delivered(), mailOf(0, 2).ID), 0)
	same(t, "rows", rows(t, pool, "order_id, seq, status, reason, recipient, customer_id"), []string{
		"ord-a 1 DELIVERED ", "ord-a 2 SKIPPED ERASED ", "ord-b 1 PENDING ada@example.com cust-2",
	})
}

func TestOldNotificationsGo(t *testing.T) {
	pool, sender := testenv.Database(t, postgres.Notifications), uuid.New()
	record(t, pool, mailOf(0, 1), mailOf(1, 1), mailOf(2, 1))
	claim(t, pool, sender, 10)
	finish(t, pool, sender, delivered(), mailOf(0, 1).ID, mailOf(2, 1).ID)
	if _, err := pool.Exec(t.Context(), `UPDATE notifications SET created_at = now() - interval '2 hours' WHERE order_id <> 'ord-c'`); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE inbox SET handled_at = now() - interval '2 hours' WHERE order_uid = 'uid-a'`); err != nil {
		t.Fatal(err)
	}
	gone, err := notificationdb.Forget(t.Context(), pool, time.Hour, 100)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "gone", gone, 2)
	same(t, "what waits and what is young stays", rows(t, pool, "order_id"), []string{"ord-b", "ord-c"})
}

func TestQueuesAreCounted(t *testing.T) {
	pool := testenv.Database(t, postgres.Notifications)
	record(t, pool, mailOf(0, 1), mailOf(1, 1), textOf(1, 1))
	if _, err := pool.Exec(t.Context(), `UPDATE notifications SET created_at = now() - interval '1 minute' WHERE order_id = 'ord-a'`); err != nil {
		t.Fatal(err)
	}
	queues, err := notificationdb.Queues(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "mails", queues[notification.Email].Waiting, 2)
	if oldest := queues[notification.Email].Oldest; oldest < time.Minute || oldest > time.Hour {
		t.Errorf("the oldest waits for %s", oldest)
	}
	same(t, "texts", queues[notification.SMS].Waiting, 1)
}

// A claim reads the indexes of what waits, however many are done; also when the statistics are of a time when nothing waited.
func TestAClaimReadsWhatWaitsAlone(t *testing.T) {
	const insert = `INSERT INTO notifications (id, event_id, order_id, order_uid, seq, channel, recipient, template, status, created_at, happened_at)
		SELECT gen_random_uuid(), gen_random_uuid(), 'ord-' || i, 'uid-' || i, 1, 'EMAIL', 'a@b', 'order.created', %s, now(), now() FROM generate_series(1, 5000) i`
	for name, statements := range map[string][]string{
		"a few wait":             {fmt.Sprintf(insert, `CASE WHEN i % 50 = 0 THEN 'PENDING' ELSE 'DELIVERED' END`), "VACUUM ANALYZE notifications"},
		"suddenly all wait":      {fmt.Sprintf(insert, `'DELIVERED'`), "VACUUM ANALYZE notifications", fmt.Sprintf(insert, `'PENDING'`)},
		"all wait, nobody knows": {fmt.Sprintf(insert, `'PENDING'`)},
	} {
		t.Run(name, func(t *testing.T) {
			pool := testenv.Database(t, postgres.Notifications)
			for _, sql := range statements {
				if _, err := pool.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			found, err := pool.Query(t.Context(), "EXPLAIN "+notificationdb.ClaimSQL, uuid.New(), "EMAIL", 32, []uuid.UUID{uuid.New()})
			if err != nil {
				t.Fatal(err)
			}
			lines, err := pgx.CollectRows(found, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			plan := strings.Join(lines, "\n")
			if strings.Contains(plan, "Seq Scan on notifications") || strings.Count(plan, "using notifications_due") != 1 || !strings.Contains(plan, "notifications_by_order") {
				t.Error(plan)
			}
		})
	}
}
