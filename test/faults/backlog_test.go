package faults

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// 3,000 reservations wait when a leader comes. They are decided in the order in
// which they were made, whoever arrives meanwhile comes after them, and the
// journal stays small.
func TestABacklogIsDecidedInOrder(t *testing.T) {
	const backlog, units = 3000, 2000
	w := newWorld(t)
	w.item("hot", units)
	w.item("cold", 10)
	made := make([]*v1alpha1.StockReservation, backlog)
	var people sync.WaitGroup
	for n := range 8 {
		people.Go(func() {
			for i := n; i < backlog; i += 8 {
				r := testenv.Reservation(w.ns, fmt.Sprint("r-", i), testenv.Line("hot", 1))
				if err := w.k8s.Create(w.ctx, r); err != nil {
					t.Errorf("create: %v", err)
					return
				}
				made[i] = r
			}
		})
	}
	people.Wait()
	if t.Failed() {
		t.FailNow()
	}

	start := time.Now()
	w.start(settings{})
	w.Eventually(w.book.count).WithPolling(time.Millisecond).Should(BeNumerically(">", backlog+2))
	w.reserve("late", line{"hot", 1})
	w.reserve("late-and-cold", line{"cold", 1})
	w.Eventually(func() (string, error) {
		return w.level("hot")()
	}).WithTimeout(2 * time.Minute).Should(Equal("2000/2000/0"))
	w.Eventually(w.reservation("late")).WithTimeout(2 * time.Minute).Should(Equal(v1alpha1.ReservationRejected))
	w.settled()
	took := time.Since(start)

	slices.SortFunc(made, func(a, b *v1alpha1.StockReservation) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(revisionOf(a), revisionOf(b)))
	})
	var want []string
	for _, r := range made[:units] {
		want = append(want, r.Name)
	}
	want = append(want, "late-and-cold")
	if diff := gocmp.Diff(want, w.book.grants()); diff != "" {
		t.Errorf("not in the order in which they were made (-made, +granted):\n%s", diff)
	}
	t.Logf("%d waiting reservations decided and written in %s (%.0f a second), journal at most %d bytes",
		backlog, took.Round(10*time.Millisecond), backlog/took.Seconds(), w.book.largestJournal())
	w.quiet(time.Second)
}

// revisionOf an object as it was created.
func revisionOf(r *v1alpha1.StockReservation) int64 {
	n, err := strconv.ParseInt(r.ResourceVersion, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
