package outbox_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
	"github.com/orderplane/orderplane/test/testenv"
)

// logs are the databases that have an outbox.
var logs = map[outbox.Log]postgres.Database{outbox.Orders: postgres.Orders, outbox.Stock: postgres.Inventory}

// told is the event of an order's entry.
func told(order string, seq int64, kind event.Type) event.Record {
	return event.Record{
		ID: uuid.NewSHA1(uuid.Nil, fmt.Appendf(nil, "%s/%d/%s", order, seq, kind)), Seq: seq, Type: kind, Topic: string(kind),
		Key: order, Value: fmt.Appendf(nil, "%s %d", order, seq), At: time.Unix(1_700_000_000+seq, 0).UTC(),
		TraceID: "trace-" + order, Object: order, UID: "uid-" + order,
	}
}

func put(t *testing.T, pool *pgxpool.Pool, l outbox.Log, records ...event.Record) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return outbox.Put(t.Context(), tx, l, records) })
	if err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, pool *pgxpool.Pool, l outbox.Log, turn outbox.Turn) (int64, []outbox.Queued) {
	t.Helper()
	turn.Read = true
	if turn.Bytes == 0 {
		turn.Bytes = 1 << 20
	}
	deleted, queued, err := outbox.Take(t.Context(), pool, l, turn)
	if err != nil {
		t.Fatal(err)
	}
	return deleted, queued
}

// names of what is queued, such as "a 1".
func names(queued []outbox.Queued) []string {
	var found []string
	for _, q := range queued {
		found = append(found, string(q.Record.Value))
	}
	return found
}

func places(queued []outbox.Queued) []int64 {
	var found []int64
	for _, q := range queued {
		found = append(found, q.No)
	}
	return found
}

func expect(t *testing.T, what string, got []outbox.Queued, want ...string) {
	t.Helper()
	if !slices.Equal(names(got), want) {
		t.Errorf("%s: %q, want %q", what, names(got), want)
	}
}

func TestWhatWasPutIsReadInItsOrderAsItWas(t *testing.T) {
	for l, db := range logs {
		t.Run(string(l), func(t *testing.T) {
			pool := testenv.Database(t, db)
			first := told("a", 1, "order.created")
			put(t, pool, l, first, told("b", 1, "order.created"), told("a", 2, "order.cancelled"))
			_, queued := take(t, pool, l, outbox.Turn{})
			expect(t, "queued", queued, "a 1", "b 1", "a 2")
			got := queued[0].Record
			got.At = got.At.UTC()
			if fmt.Sprint(got) != fmt.Sprint(first) {
				t.Errorf("read %v, put %v", got, first)
			}
			if since := time.Since(queued[0].At); since < 0 || since > time.Minute {
				t.Errorf("queued %s ago", since)
			}
		})
	}
}

func TestAnEventThatIsStoredKeepsItsBytesAndIsNotQueuedAgain(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	first := told("a", 1, "order.created")
	put(t, pool, outbox.Orders, first)
	_, queued := take(t, pool, outbox.Orders, outbox.Turn{})
	if deleted, rest := take(t, pool, outbox.Orders, outbox.Turn{Published: places(queued)}); deleted != 1 || len(rest) != 0 {
		t.Fatalf("deleted %d, left %q", deleted, names(rest))
	}
	other := first
	other.Value = []byte("rendered by a newer version")
	put(t, pool, outbox.Orders, other, told("a", 2, "order.cancelled"), told("a", 2, "order.cancelled"))
	_, queued = take(t, pool, outbox.Orders, outbox.Turn{})
	expect(t, "queued", queued, "a 2")
	var value string
	if err := pool.QueryRow(t.Context(), "SELECT convert_from(value, 'UTF8') FROM order_events WHERE event_id = $1", first.ID).Scan(&value); err != nil || value != "a 1" {
		t.Errorf("stored %q, %v", value, err)
	}
}

func TestAnEventWithoutATopicIsOnlyStored(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	newer := told("a", 1, "order.teleported")
	newer.Topic = ""
	put(t, pool, outbox.Orders, newer, told("a", 2, "order.cancelled"))
	_, queued := take(t, pool, outbox.Orders, outbox.Turn{})
	expect(t, "queued", queued, "a 2")
	var stored int
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM order_events").Scan(&stored); err != nil || stored != 2 {
		t.Errorf("%d are stored, %v", stored, err)
	}
}

func TestATurnPassesOverWhatIsHeldAndNotWhatOthersHaveLocked(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	put(t, pool, outbox.Orders, told("a", 1, "order.created"), told("b", 1, "order.created"), told("a", 2, "order.cancelled"), told("c", 1, "order.created"))
	_, all := take(t, pool, outbox.Orders, outbox.Turn{})

	_, queued := take(t, pool, outbox.Orders, outbox.Turn{Held: places(all[:1])})
	expect(t, "one held", queued, "b 1", "a 2", "c 1")
	_, queued = take(t, pool, outbox.Orders, outbox.Turn{Passed: []string{"a"}})
	expect(t, "a key passed over", queued, "b 1", "c 1")

	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // it only holds locks
	if _, err := tx.Exec(t.Context(), "SELECT FROM outbox WHERE key = 'a' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	_, queued = take(t, pool, outbox.Orders, outbox.Turn{})
	expect(t, "some locked", queued, "a 1", "b 1", "a 2", "c 1")
}

// A place is taken before its commit.
func TestALowerPlaceThatIsCommittedLaterIsRead(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := outbox.Put(t.Context(), tx, outbox.Orders, []event.Record{told("slow", 1, "order.created")}); err != nil {
		t.Fatal(err)
	}
	put(t, pool, outbox.Orders, told("quick", 1, "order.created"))
	_, queued := take(t, pool, outbox.Orders, outbox.Turn{})
	expect(t, "before the commit", queued, "quick 1")
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, queued = take(t, pool, outbox.Orders, outbox.Turn{Published: places(queued)})
	expect(t, "after it", queued, "slow 1")
}

func TestATurnReadsNoMoreThanItsBytes(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	var many []event.Record
	for i := range int64(10) {
		r := told("a", i, "order.created")
		r.Value = make([]byte, 1000)
		many = append(many, r)
	}
	put(t, pool, outbox.Orders, many...)
	for bytes, want := range map[int]int{1: 1, 1000: 1, 3500: 4, 100_000: 10} {
		if _, queued := take(t, pool, outbox.Orders, outbox.Turn{Bytes: bytes}); len(queued) != want {
			t.Errorf("%d bytes: read %d of 1000, want %d", bytes, len(queued), want)
		}
	}
}

func TestATurnReadsNoMoreThanItsRows(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	var many []event.Record
	for i := range int64(outbox.MaxRows + 10) {
		many = append(many, told("a", i, "order.created"))
	}
	put(t, pool, outbox.Orders, many...)
	_, queued := take(t, pool, outbox.Orders, outbox.Turn{})
	if len(queued) != outbox.MaxRows || queued[outbox.MaxRows-1].Record.Seq != outbox.MaxRows-1 {
		t.Errorf("read %d", len(queued))
	}
	deleted, queued := take(t, pool, outbox.Orders, outbox.Turn{Published: places(queued)})
	if deleted != outbox.MaxRows || len(queued) != 10 {
		t.Errorf("deleted %d, read %d then", deleted, len(queued))
	}
	if deleted, _ = take(t, pool, outbox.Orders, outbox.Turn{Published: []int64{1, 2, 3}}); deleted != 0 {
		t.Errorf("what is gone is deleted again: %d", deleted)
	}
}

func TestTheDepthIsCounted(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	d, err := outbox.Waiting(t.Context(), pool)
	if err != nil || d.Rows != 0 || !d.Oldest.IsZero() {
		t.Errorf("empty: %+v, %v", d, err)
	}
	put(t, pool, outbox.Orders, told("a", 1, "order.created"), told("b", 1, "order.created"))
	d, err = outbox.Waiting(t.Context(), pool)
	if err != nil || d.Rows != 2 || time.Since(d.Oldest) > time.Minute {
		t.Errorf("two: %+v, %v", d, err)
	}
}

func TestACommitThatQueuesSomethingWakesWhoListens(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), "LISTEN "+outbox.Channel); err != nil {
		t.Fatal(err)
	}
	wait := func(within time.Duration) error {
		ctx, stop := context.WithTimeout(t.Context(), within)
		defer stop()
		_, err := conn.Conn().WaitForNotification(ctx)
		return err
	}
	put(t, pool, outbox.Orders, told("a", 1, "order.created"))
	if err := wait(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	put(t, pool, outbox.Orders, told("a", 1, "order.created"))
	if err := wait(200 * time.Millisecond); err == nil {
		t.Error("what is stored already wakes as well")
	}
}

func TestAReplayQueuesATopicAgainEachKeyInItsOrder(t *testing.T) {
	pool := testenv.Database(t, postgres.Orders)
	put(t, pool, outbox.Orders, told("b", 1, "order.created"), told("a", 1, "order.created"), told("a", 3, "order.created"), told("c", 1, "order.returned"))
	_, queued := take(t, pool, outbox.Orders, outbox.Turn{})
	take(t, pool, outbox.Orders, outbox.Turn{Published: places(queued)})
	// Two of a's wait: they must not come before what is told again.
	put(t, pool, outbox.Orders, told("a", 4, "order.created"), told("a", 5, "order.cancelled"), told("c", 2, "order.returned"))

	var total int64
	replay := outbox.Replay{Topic: "order.created", Keys: 1}
	for range 10 {
		var queued int64
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) (err error) {
			queued, replay.After, err = outbox.Again(t.Context(), tx, outbox.Orders, replay)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		total += queued
		if replay.After == "" {
			break
		}
	}
	if total != 5 {
		t.Errorf("queued %d, want 5", total)
	}
	_, queued = take(t, pool, outbox.Orders, outbox.Turn{})
	expect(t, "queued", queued, "c 2", "a 1", "a 3", "a 4", "a 5", "b 1")
}
