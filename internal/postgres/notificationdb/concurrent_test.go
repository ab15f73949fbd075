package notificationdb_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/internal/domain/notification"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
	"github.com/orderplane/orderplane/test/testenv"
)

// open begins a transaction that is rolled back when the test is over, if it is still open.
func open(t *testing.T, pool *pgxpool.Pool) pgx.Tx {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return tx
}

// soon is the time in which nothing may wait for anybody.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(stop)
	return ctx
}

// Who records a later event first waits for who records an earlier one, and holds nothing of what that one still
// needs: they never wait for each other.
func TestWhoRecordsWaitsInTheOrderOfTheEvents(t *testing.T) {
	pool := testenv.Database(t, postgres.Notifications)
	first, ended := open(t, pool), make(chan error, 1)
	record(t, first, mailOf(0, 1))
	go func() {
		later, earlier := mailOf(0, 2), mailOf(0, 1)
		_, err := notificationdb.Record(soon(t), pool, []notificationdb.Handled{
			{EventID: later.EventID, OrderUID: later.OrderUID, Seq: 2}, {EventID: earlier.EventID, OrderUID: earlier.OrderUID, Seq: 1},
		}, []notification.Notification{later, earlier})
		ended <- err
	}()
	waits(t, pool)
	record(t, first, mailOf(0, 2))
	if err := first.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	same(t, "rows", len(rows(t, pool, "id")), 2)
}

// waits waits until somebody waits for a lock.
func waits(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx := soon(t); ; {
		var waiting bool
		if err := pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting); err != nil {
			t.Fatalf("nobody waits: %v", err)
		}
		if waiting {
			return
		}
		<-tick.C
	}
}

// While one sender claims, another one gets what is left, and does not wait.
func TestSendersClaimSideBySide(t *testing.T) {
	pool, one, other := testenv.Database(t, postgres.Notifications), uuid.New(), uuid.New()
	record(t, pool, mailOf(0, 1), mailOf(1, 1), mailOf(2, 1), mailOf(3, 1))
	claiming := open(t, pool)
	first := claim(t, claiming, one, 2)
	got, err := notificationdb.Claim(soon(t), pool, notificationdb.Claimant{Sender: other, Channel: notification.Email}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := claiming.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "the one's", len(first), 2)
	same(t, "the other's", len(got), 2)
	for _, c := range got {
		if c.ID == first[0] || c.ID == first[1] {
			t.Errorf("%s was claimed twice", c.ID)
		}
	}
}

// What was forgotten and is recorded again, while it still waits to be sent on a channel that is off, stays as it is.
func TestWhatTheInboxForgotIsNotSentTwice(t *testing.T) {
	pool := testenv.Database(t, postgres.Notifications)
	record(t, pool, mailOf(0, 1))
	if _, err := pool.Exec(t.Context(), `UPDATE inbox SET handled_at = now() - interval '2 hours'`); err != nil {
		t.Fatal(err)
	}
	if _, err := notificationdb.Forget(t.Context(), pool, time.Hour, 10); err != nil {
		t.Fatal(err)
	}
	again := one(0, 1, notification.Notification{Channel: notification.Email, Status: notification.Skipped, Reason: notification.TooOld})
	same(t, "new", record(t, pool, again, mailOf(0, 2)), 1)
	same(t, "rows", rows(t, pool, "seq, status"), []string{"1 PENDING", "2 PENDING"})
}
