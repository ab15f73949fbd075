package stock

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
	"github.com/orderplane/orderplane/test/testenv"
)

// fulfilled is the reservation of the n-th order, with two lines, reserved and taken. The
// watch has shown it once for each of its two decisions.
func fulfilled(n int64, products int) *v1alpha1.StockReservation {
	r := &v1alpha1.StockReservation{ObjectMeta: objectMeta(n)}
	r.Spec = v1alpha1.StockReservationSpec{OrderRef: &v1alpha1.OrderReference{Name: r.Name, UID: string(r.UID)}, Intent: v1alpha1.IntentCommit}
	r.Status.Phase = v1alpha1.ReservationCommitted
	reserved := v1alpha1.ReservationHistoryEntry{Seq: 2*n + 1, Phase: v1alpha1.ReservationReserved, At: metav1.NewTime(start)}
	taken := v1alpha1.ReservationHistoryEntry{Seq: 2*n + 2, Phase: v1alpha1.ReservationCommitted, At: metav1.NewTime(start)}
	for i := range 2 {
		p := fmt.Sprintf("p-%d", (int(n)+i)%products)
		r.Spec.Lines = append(r.Spec.Lines, testenv.Line(p, 1))
		r.Status.Allocations = append(r.Status.Allocations, v1alpha1.StockAllocation{ProductID: p, ItemUID: "u-" + p, Quantity: 1})
		line := v1alpha1.StockMovementLine{ProductID: p, Quantity: 1, Remaining: 100}
		reserved.Lines, taken.Lines = append(reserved.Lines, line), append(taken.Lines, line)
	}
	r.Status.History = []v1alpha1.ReservationHistoryEntry{reserved, taken}
	return r
}

// BenchmarkTelling tells the decisions of orders against Postgres: two decisions of two lines
// an order, with four events, two movements and one row.
func BenchmarkTelling(b *testing.B) {
	const products = 100
	counters, err := newCounters(prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	v := newView(clock.RealClock{})
	for i := range products {
		o := testenv.Item("shop", fmt.Sprintf("p-%d", i), 1_000_000)
		o.UID, o.ResourceVersion = types.UID("u-"+o.Name), "1"
		v.see(o, false)
	}
	orders := int64(b.N)
	for n := range orders {
		v.see(fulfilled(n, products), false)
	}
	pool := testenv.Database(b, postgres.Inventory)
	t := &teller{view: v, pool: pool, clock: clock.RealClock{}, log: logr.Discard(), metrics: counters, committed: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	b.ResetTimer()
	began := time.Now()
	go func() {
		defer stop()
		for ctx.Err() == nil {
			if cursor, err := stockdb.Cursor(ctx, pool); err == nil && cursor == 2*orders {
				return
			}
			<-time.After(20 * time.Millisecond)
		}
	}()
	t.Run(ctx)
	b.ReportMetric(float64(2*orders)/time.Since(began).Seconds(), "decisions/s")
}
