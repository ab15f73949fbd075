package notificationdb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

const insert = `INSERT INTO notifications (` + columns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

func put(t *testing.T, pool *pgxpool.Pool, all ...Notification) {
	t.Helper()
	for _, n := range all {
		if _, err := pool.Exec(t.Context(), insert, n.ID, n.OrderID, n.Channel, n.Recipient, n.Template, n.Status, n.Attempts, n.SentAt, n.CreatedAt); err != nil {
			t.Fatal(err)
		}
	}
}

// number is the n-th id.
func number(n byte) uuid.UUID { return uuid.UUID{15: n} }

func second(n int) time.Time { return time.Date(2026, 3, 2, 9, 15, n, 0, time.UTC) }

func mail(n byte, orderID string, created time.Time) Notification {
	sent := created.Add(time.Second)
	return Notification{
		ID: number(n), OrderID: orderID, Channel: "EMAIL", Recipient: "ada@example.com", Template: "order.confirmed",
		Status: "DELIVERED", Attempts: 2, SentAt: &sent, CreatedAt: created,
	}
}

// waiting is one that was not sent yet.
func waiting(n byte, orderID string, created time.Time) Notification {
	return Notification{
		ID: number(n), OrderID: orderID, Channel: "SMS", Recipient: "+49 40 1234", Template: "order.fulfilled", Status: "PENDING", CreatedAt: created,
	}
}

func TestANotificationIsReadAsItWasWritten(t *testing.T) {
	pool := testenv.Database(t, postgres.Notifications)
	all := []Notification{mail(1, "ord-1", second(1)), waiting(2, "ord-1", second(2))}
	put(t, pool, all...)
	for _, want := range all {
		got, found, err := Get(t.Context(), pool, want.ID)
		if err != nil || !found {
			t.Fatalf("%s: found %t, %v", want.ID, found, err)
		}
		if diff := cmp.Diff(want, inUTC(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.ID, diff)
		}
	}
	if _, found, err := Get(t.Context(), pool, number(9)); found || err != nil {
		t.Errorf("what is not there: found %t, %v", found, err)
	}
}

func TestTheNotificationsOfAnOrderComeNewestFirstInPages(t *testing.T) {
	pool := testenv.Database(t, postgres.Notifications)
	put(t, pool,
		mail(3, "ord-1", second(5)), mail(1, "ord-1", second(1)), waiting(4, "ord-1", second(5)), // two of one moment
		waiting(5, "ord-2", second(9)), mail(2, "ord-1", second(2)))
	for name, tc := range map[string]struct {
		order string
		page  Page
		want  []byte
		total int
	}{
		"all":                               {"ord-1", Page{Limit: 20}, []byte{4, 3, 2, 1}, 4},
		"the first page":                    {"ord-1", Page{Limit: 3}, []byte{4, 3, 2}, 4},
		"the second page":                   {"ord-1", Page{Offset: 3, Limit: 3}, []byte{1}, 4},
		"after the last page":               {"ord-1", Page{Offset: 6, Limit: 3}, nil, 4},
		"another order":                     {"ord-2", Page{Limit: 20}, []byte{5}, 1},
		"an order of which nobody was told": {"ord-3", Page{Limit: 20}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := List(t.Context(), pool, tc.order, tc.page)
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for _, n := range found {
				if n.OrderID != tc.order {
					t.Errorf("%s is of %s", n.ID, n.OrderID)
				}
				got = append(got, n.ID[15])
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if total, err := Count(t.Context(), pool, tc.order); total != tc.total || err != nil {
				t.Errorf("counted %d, %v; want %d", total, err, tc.total)
			}
		})
	}
}

// What nobody is ever sent is the notifier's own business: the contract has no word for it.
func TestWhatIsSkippedIsNotShown(t *testing.T) {
	pool := testenv.Database(t, postgres.Notifications)
	skipped := waiting(1, "ord-1", second(1))
	skipped.Status = "SKIPPED"
	put(t, pool, skipped, mail(2, "ord-1", second(2)))
	if found, err := List(t.Context(), pool, "ord-1", Page{Limit: 20}); err != nil || len(found) != 1 || found[0].ID != number(2) {
		t.Errorf("listed %v, %v", found, err)
	}
	if total, err := Count(t.Context(), pool, "ord-1"); err != nil || total != 1 {
		t.Errorf("counted %d, %v", total, err)
	}
	if _, found, err := Get(t.Context(), pool, number(1)); err != nil || found {
		t.Errorf("found %t, %v", found, err)
	}
}

// The table takes the contract's words and no others.
func TestTheWordsAreTheContracts(t *testing.T) {
	pool := testenv.Database(t, postgres.Notifications)
	n := byte(0)
	for _, channel := range []string{"EMAIL", "SMS", "PUSH"} {
		for _, status := range []string{"PENDING", "DELIVERED", "FAILED"} {
			n++
			one := waiting(n, "ord-1", second(0))
			one.Channel, one.Status = channel, status
			put(t, pool, one)
		}
	}
	for _, change := range []string{"channel = 'FAX'", "status = 'SENT'", "channel = ''"} {
		if _, err := pool.Exec(t.Context(), "UPDATE notifications SET "+change); err == nil {
			t.Errorf("taken: %s", change)
		}
	}
}

// Also the plan that Postgres makes without knowing the values reads an index. Each statement is
// prepared here, so a column that is renamed is found, too.
func TestNoQueryReadsTheWholeTable(t *testing.T) {
	pool := testenv.Database(t, postgres.Notifications)
	for _, sql := range []string{
		`INSERT INTO notifications (` + columns + `) SELECT gen_random_uuid(), 'ord-' || i % 5000, 'EMAIL', 'ada@example.com', 'order.confirmed',
			'DELIVERED', 1, now(), now() - make_interval(secs => i) FROM generate_series(1, 20000) i`,
		"VACUUM ANALYZE notifications",
	} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		for sql, args := range map[string]string{listSQL: "'ord-7', 0, 20", countSQL: "'ord-7'", getSQL: "'" + number(1).String() + "'"} {
			if plan := explain(t, pool, mode, sql, args); strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "Index") {
				t.Errorf("%s:\n%s\n%s", mode, sql, plan)
			}
		}
	}
	// That the check sees what it is about.
	if plan := explain(t, pool, "force_custom_plan", "SELECT id FROM notifications WHERE template = $1", "'a'"); !strings.Contains(plan, "Seq Scan") {
		t.Errorf("a query without an index is planned as\n%s", plan)
	}
}

// explain gives the plan of a query as a prepared statement.
func explain(t *testing.T, pool *pgxpool.Pool, mode, sql, args string) string {
	t.Helper()
	var plan []string
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		for _, sql := range []string{"SET LOCAL plan_cache_mode = " + mode, "PREPARE asked AS " + sql} {
			if _, err := tx.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
				return fmt.Errorf("%w in\n%s", err, sql)
			}
		}
		rows, err := tx.Query(t.Context(), "EXPLAIN EXECUTE asked ("+args+")", pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return err
		}
		if plan, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), "DEALLOCATE asked", pgx.QueryExecModeSimpleProtocol)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}

func inUTC(n Notification) Notification {
	n.CreatedAt = n.CreatedAt.UTC()
	if n.SentAt != nil {
		utc := n.SentAt.UTC()
		n.SentAt = &utc
	}
	return n
}
