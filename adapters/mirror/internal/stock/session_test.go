package stock

import (
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
	"github.com/orderplane/orderplane/test/testenv"
)

func TestNothingIsWrittenWhenAnotherMirrorMovedTheCursor(t *testing.T) {
	counters, err := newCounters(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	pool := testenv.Database(t, postgres.Inventory)
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	v := newView(testClock())
	v.see(fulfilled(0, 2), false)
	item := testenv.Item("shop", "p-0", 10)
	item.UID, item.ResourceVersion = "u-p-0", "1"
	v.see(item, false)
	s := &session{
		teller: &teller{view: v, pool: pool, clock: testClock(), log: logr.Discard(), metrics: counters, committed: make(chan struct{}, 1)},
		conn:   conn, opened: map[string]struct{}{"u-p-1": {}},
	}
	b := v.take(1, 10) // the grant, which moves nothing
	if _, err := pool.Exec(t.Context(), `UPDATE cursor SET seq = 5`); err != nil {
		t.Fatal(err)
	}
	if err := s.write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	var events, rows int
	if err := pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM stock_events), (SELECT count(*) FROM inventory)`).Scan(&events, &rows); err != nil {
		t.Fatal(err)
	}
	cursor, err := stockdb.Cursor(t.Context(), pool)
	if err != nil || cursor != 5 || events != 0 || rows != 0 {
		t.Errorf("the cursor is at %d, %d events and %d rows are written, %v; want 5 and nothing", cursor, events, rows, err)
	}
	if b := v.take(1, 10); b.cursor != 5 || len(b.items.dirty) != 1 {
		t.Errorf("the view is at %d with %d items to write, want 5 and one", b.cursor, len(b.items.dirty))
	}
}
