package orders

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

// BenchmarkCatchUp brings 50,000 orders with four entries each to the database, as after days of
// absence. Run it with -benchtime=1x.
func BenchmarkCatchUp(b *testing.B) {
	const many = 50_000
	for b.Loop() {
		b.StopTimer()
		pool := testenv.Database(b, postgres.Orders)
		r := newRig(b, pool)
		for i := range many {
			r.sees(life(fmt.Sprintf("order-%026d", i))[4])
		}
		b.StartTimer()
		r.settles(b)
		b.StopTimer()
		var rows, events int
		if err := pool.QueryRow(b.Context(), "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM outbox)").Scan(&rows, &events); err != nil {
			b.Fatal(err)
		}
		if rows != many || events != 4*many {
			b.Fatalf("%d rows, %d events", rows, events)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(many*b.N)/b.Elapsed().Seconds(), "orders/s")
}

// Names alone wait while the database is away: an order that changes again and again, and every
// order, costs its name once.
func TestOnlyNamesWait(t *testing.T) {
	const many, changes = 20_000, 20
	r := newRig(t, testenv.Database(t, postgres.Orders))
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf("order-%026d", i)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range changes {
		for _, name := range names {
			r.applier.dirty.add(name, changed)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / many; each > 400 {
		t.Errorf("each order that waits takes %d bytes", each)
	}
	if n, _ := r.applier.dirty.len(); n != many {
		t.Errorf("%d wait", n)
	}
}
