package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres/outbox"
)

func TestWhatIsQueuedArrivesInOrderAndLeavesTheOutbox(t *testing.T) {
	w := newWorld(t)
	keys := keysOf(20)
	r := w.relay()
	start(t, r)
	w.write(keys, 1, 10)
	eventually(t, "the outbox is empty", w.isEmpty)
	if repeats := w.arrived.check(t, keys, 10); repeats != 0 {
		t.Errorf("%d repeats", repeats)
	}
	if got := metric(t, r, "published_total"); got != 200 {
		t.Errorf("%v are counted", got)
	}
}

func TestTwoRelaysThatAreAliveRepeatAndReorderNothing(t *testing.T) {
	w := newWorld(t)
	keys := keysOf(40)
	w.write(keys, 1, 5) // for both of them
	both := func(r *Relay) { r.alone = false }
	one, other := w.relay(both), w.relay(both)
	start(t, one)
	start(t, other)
	w.write(keys, 6, 15)
	eventually(t, "the outbox is empty", w.isEmpty)
	repeats := 0
	// What one of them has deleted, the other may have under way still.
	eventually(t, "all that arrived is counted", func() bool {
		repeats = w.arrived.check(t, keys, 15)
		return metric(t, one, "published_total")+metric(t, other, "published_total") == float64(40*15+repeats)
	})
	if repeats == 0 {
		t.Error("nothing was published twice: they were not alive at once")
	}
}

func TestRelaysThatAreKilledAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	keys := keysOf(40)
	written := make(chan struct{})
	go func() {
		defer close(written)
		w.write(keys, 1, 30)
	}()
	both := func(r *Relay) { r.alone = false; r.limits.drain = 0 }
	for i := range 30 {
		stop := start(t, w.relay(both))
		before := len(w.arrived.all(""))
		eventually(t, "some arrive", func() bool { return len(w.arrived.all("")) > before+i || i > 0 && w.isEmpty() })
		go stop() // the next one is there before it is gone
	}
	<-written
	start(t, w.relay(both))
	eventually(t, "the outbox is empty", w.isEmpty)
	t.Logf("%d repeats", w.arrived.check(t, keys, 30))
}

func TestARelayThatIsKilledBetweenAcknowledgementAndDelete(t *testing.T) {
	w := newWorld(t)
	keys := keysOf(5)
	w.write(keys, 1, 4)
	exec := func(sql string) {
		t.Helper()
		if _, err := w.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''it was killed''; END'`)
	exec(`CREATE TRIGGER fail BEFORE DELETE ON outbox EXECUTE FUNCTION fail()`)
	r := w.relay(killed)
	stop := start(t, r)
	eventually(t, "all arrive", func() bool { return len(w.arrived.all("")) >= 20 })
	eventually(t, "they can't be deleted", func() bool { return contains(r.o.Stage.Snapshot().Err, "it was killed") })
	stop()
	exec(`DROP TRIGGER fail ON outbox`)
	if got := w.queued(); got != 20 {
		t.Fatalf("%d of 20 are queued", got)
	}
	before := len(w.arrived.all(""))
	start(t, w.relay())
	eventually(t, "the outbox is empty", w.isEmpty)
	if w.arrived.check(t, keys, 4); len(w.arrived.all("")) != before+20 {
		t.Errorf("%d arrived after %d, want 20 more", len(w.arrived.all("")), before)
	}
}

func TestARelayThatEndsDeletesWhatWasAcknowledged(t *testing.T) {
	w := newWorld(t)
	r := w.relay(func(r *Relay) { r.limits.linger = time.Hour })
	stop := start(t, r)
	w.put(told("a", 1), told("a", 2))
	eventually(t, "both are acknowledged", func() bool { return metric(t, r, "published_total") == 2 })
	if w.isEmpty() {
		t.Fatal("deleted before")
	}
	stop()
	if !w.isEmpty() {
		t.Error("left in the outbox")
	}
}

// The end of the process also ends the turn that is under way.
func TestARelayThatEndsDuringATurnDeletesWhatThatWouldHave(t *testing.T) {
	w := newWorld(t)
	tx, err := w.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.put(told("a", 1), told("a", 2))
	if _, err := tx.Exec(t.Context(), "SELECT FROM outbox FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	var waiting int
	var turn int32
	r := w.relay(func(r *Relay) { r.limits.drain = soon })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	eventually(t, "a turn waits for the rows", func() bool {
		err := w.pool.QueryRow(t.Context(), `SELECT count(*), coalesce(max(pid), 0) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'DELETE FROM outbox%'`).Scan(&waiting, &turn)
		return err == nil && waiting == 1 && len(w.arrived.all("")) == 2
	})
	cancel()
	// Else the database does the turn once the rows are free, though nobody waits for it.
	if _, err := w.pool.Exec(t.Context(), "SELECT pg_terminate_backend($1)", turn); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !w.isEmpty() {
		t.Errorf("%d are left in the outbox", w.queued())
	}
}

// A producer's own limit is for batches. A record beyond it is the broker's to judge.
func TestARecordLongerThanABatchIsSentAlone(t *testing.T) {
	w := newWorld(t)
	setLargest(t, w, "order.cancelled", "10000000")
	long := told("long", 1)
	long.Value = incompressible(2_000_000)
	w.put(long, told("long", 2))
	start(t, w.relay(func(r *Relay) { r.limits.retry = 50 * time.Millisecond }))
	eventually(t, "the outbox is empty", w.isEmpty)
	if got := w.arrived.all("long"); len(got) != 2 || got[0] != string(long.Value) {
		t.Errorf("%d arrived", len(got))
	}
}

// Only a notification can be that quick here.
func TestACommitWakesTheRelay(t *testing.T) {
	w := newWorld(t)
	start(t, w.relay(func(r *Relay) { r.limits.poll = time.Hour }))
	w.put(told("a", 1))
	eventually(t, "the first arrives", func() bool { return len(w.arrived.all("")) == 1 })
	for seq := int64(2); seq < 6; seq++ {
		began := time.Now()
		w.put(told("a", seq))
		eventually(t, "it arrives", func() bool { return len(w.arrived.all("")) == int(seq) })
		t.Logf("after %s", time.Since(began))
	}
}

func TestALowerPlaceThatIsCommittedLaterIsPublished(t *testing.T) {
	w := newWorld(t)
	start(t, w.relay())
	tx, err := w.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := outbox.Put(t.Context(), tx, outbox.Orders, []event.Record{told("slow", 1)}); err != nil {
		t.Fatal(err)
	}
	w.put(told("quick", 1))
	eventually(t, "the quick one is gone", w.isEmpty)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the slow one arrives", func() bool { return len(w.arrived.all("slow")) == 1 })
}

func TestOneRelayWorksAndAnotherTakesOver(t *testing.T) {
	w := newWorld(t)
	first := w.relay()
	stop := start(t, first)
	w.put(told("a", 1))
	eventually(t, "it arrives", w.isEmpty)
	second := w.relay(func(r *Relay) { r.limits.retry = 10 * time.Millisecond })
	start(t, second)
	for seq := int64(2); seq < 10; seq++ {
		w.put(told("a", seq))
		eventually(t, "it arrives", w.isEmpty)
	}
	if one, two := metric(t, first, "published_total"), metric(t, second, "published_total"); one != 9 || two != 0 {
		t.Errorf("the first published %v, the second %v", one, two)
	}
	stop()
	w.put(told("a", 10))
	eventually(t, "it arrives", w.isEmpty)
	if two := metric(t, second, "published_total"); two != 1 {
		t.Errorf("the second published %v", two)
	}
}

func TestABrokerThatIsAwayIsWaitedForAndTold(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	away := errors.New("away")
	w.arrived.refuse = func() error {
		mu.Lock()
		defer mu.Unlock()
		return away
	}
	r := w.relay(func(r *Relay) { r.limits.silence = 100 * time.Millisecond })
	start(t, r)
	keys := keysOf(20)
	w.write(keys, 1, 5)
	eventually(t, "it is told", func() bool { return contains(r.o.Stage.Snapshot().Err, "broker") })
	eventually(t, "the depth is told", func() bool {
		s := r.o.Stage.Snapshot()
		return s.Waiting == 100 && s.Lag > 0 && metric(t, r, "outbox_rows") == 100 && metric(t, r, "outbox_oldest_seconds") > 0
	})
	if got := w.queued(); got != 100 {
		t.Errorf("%d of 100 are queued", got)
	}
	mu.Lock()
	away = nil
	mu.Unlock()
	eventually(t, "the outbox is empty", w.isEmpty)
	w.arrived.check(t, keys, 5)
	eventually(t, "it is told", func() bool { s := r.o.Stage.Snapshot(); return s.Err == nil && s.Waiting == 0 })
}

func TestADatabaseThatIsLostIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	r := w.relay(func(r *Relay) { r.limits.retry = 50 * time.Millisecond })
	start(t, r)
	own, err := pgx.ConnectConfig(t.Context(), w.pool.Config().ConnConfig) // the relay's are ended
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // the test is over
	keys := keysOf(20)
	for round := range int64(5) {
		// Every connection of the relay, that of the lock too.
		if _, err := own.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
		var records []event.Record
		for _, key := range keys {
			records = append(records, told(key, round+1))
		}
		if err := putInto(t.Context(), own, outbox.Orders, records); err != nil {
			t.Fatal(err)
		}
		last := string(records[19].Value)
		eventually(t, "all arrive", func() bool { return slices.Contains(w.arrived.all(keys[19]), last) })
	}
	eventually(t, "it is well", func() bool { return r.o.Stage.Snapshot().Err == nil })
	w.arrived.check(t, keys, 5)
}

// The topic that is missing holds up the keys that need it, and those only.
func TestARefusedRecordHoldsUpItsOwnKeyOnly(t *testing.T) {
	w := newWorld(t)
	r := w.relay(func(r *Relay) { r.limits.retry, r.limits.retryMost = 50*time.Millisecond, 200*time.Millisecond })
	start(t, r)
	missing := told("held", 2)
	missing.Topic = "nobody.made.it"
	w.put(told("held", 1), missing, told("held", 3), told("held", 4))
	keys := keysOf(20)
	w.write(keys, 1, 10)
	eventually(t, "all but one key's arrive", func() bool { return w.queued() == 3 })
	w.arrived.check(t, keys, 10)
	if got := w.arrived.all("held"); !slices.Equal(got, []string{"held 1"}) {
		t.Errorf("of the key that is held up there are %q", got)
	}
	eventually(t, "it is told", func() bool {
		return contains(r.o.Stage.Snapshot().Err, "ops_orders", "1 keys", "nobody.made.it", "held", "UNKNOWN_TOPIC") &&
			metric(t, r, "held_up_keys") == 1 && metric(t, r, "refused_total") > 0
	})
	w.put(told("other", 1))
	eventually(t, "what comes later arrives", func() bool { return len(w.arrived.all("other")) == 1 })
	if r.o.Stage.Snapshot().Err == nil {
		t.Error("it is told no more, though the key is still held up")
	}

	client, err := kgo.NewClient(kgo.SeedBrokers(w.broker.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, nil, missing.Topic); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the outbox is empty", w.isEmpty)
	if got := w.arrived.all("held"); !slices.Equal(got, []string{"held 1", "held 2", "held 3", "held 4"}) {
		t.Errorf("then %q", got)
	}
	eventually(t, "it is told", func() bool { return r.o.Stage.Snapshot().Err == nil && metric(t, r, "held_up_keys") == 0 })
}

// What waits behind a refused record is more than a turn reads.
func TestAKeyThatIsHeldUpDoesNotFillTheWindow(t *testing.T) {
	w := newWorld(t)
	first := told("held", 1)
	first.Topic = "nobody.made.it"
	records := []event.Record{first}
	for seq := int64(2); seq < 3*outbox.MaxRows; seq++ {
		records = append(records, told("held", seq))
	}
	w.put(records...)
	r := w.relay(func(r *Relay) { r.limits.retry, r.limits.retryMost = 50*time.Millisecond, 100*time.Millisecond })
	start(t, r)
	eventually(t, "it is held up", func() bool { return metric(t, r, "held_up_keys") == 1 })
	keys := keysOf(20)
	w.write(keys, 1, 3)
	eventually(t, "the others arrive", func() bool { return w.queued() == int64(len(records)) })
	w.arrived.check(t, keys, 3)
}

// A broker refuses a batch as a whole.
func TestARecordThatIsTooLargeTakesNoOtherWithIt(t *testing.T) {
	w := newWorld(t)
	limit := func(bytes string) { setLargest(t, w, "order.cancelled", bytes) }
	limit("4000")
	large := told("large", 1)
	large.Value = incompressible(6000)
	records := []event.Record{large, told("large", 2)}
	keys := keysOf(10)
	for _, key := range keys {
		records = append(records, told(key, 1))
	}
	w.put(records...)
	r := w.relay(func(r *Relay) { r.limits.retry = 50 * time.Millisecond })
	start(t, r)
	eventually(t, "all others arrive", func() bool { return w.queued() == 2 })
	eventually(t, "it is told", func() bool { return contains(r.o.Stage.Snapshot().Err, "1 keys", "large", "MESSAGE_TOO_LARGE") })
	limit("100000")
	eventually(t, "the outbox is empty", w.isEmpty)
}

// setLargest says how long a batch of a topic may be.
func setLargest(t *testing.T, w *world, topic, bytes string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.broker.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	config := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &bytes}}
	answers, err := kadm.NewClient(client).AlterTopicConfigs(t.Context(), config, topic)
	if err == nil {
		_, err = answers.On(topic, func(r *kadm.AlterConfigsResponse) error { return r.Err })
	}
	if err != nil {
		t.Fatal(err)
	}
}

func incompressible(n int) []byte {
	value := make([]byte, 0, n)
	for i := 0; len(value) < n; i++ {
		value = append(value, fmt.Sprintf("%x", told("x", int64(i)).ID)...)
	}
	return value
}

func TestWhatCantWorkIsRefused(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Outboxes = nil
	if _, err := New(o); err == nil {
		t.Error("no outbox is accepted")
	}
	o = w.options()
	o.Brokers = append(o.Brokers, kgo.MaxBufferedRecords(-1))
	if _, err := New(o); err == nil {
		t.Error("options that Kafka's client refuses are accepted")
	}
}

func TestARelayEndsWhileEverythingIsAway(t *testing.T) {
	w := newWorld(t)
	w.arrived.refuse = func() error { return context.DeadlineExceeded }
	w.put(told("a", 1))
	stop := start(t, w.relay(func(r *Relay) { r.limits.drain = 50 * time.Millisecond }))
	eventually(t, "it works", func() bool { return w.pool.Stat().AcquireCount() > 3 })
	stop()
	if got := w.queued(); got != 1 {
		t.Errorf("%d are queued", got)
	}
}
