package stock_test

import (
	"testing"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

var phases = []v1alpha1.StockReservationPhase{
	"", v1alpha1.ReservationPending, v1alpha1.ReservationReserved, v1alpha1.ReservationRejected,
	v1alpha1.ReservationReleased, v1alpha1.ReservationCommitted, v1alpha1.ReservationRestocked,
}

// What a new leader offers its ledger, and what a watch lets through, is all that the
// ledger has something to decide about, and no more.
func TestMayBeDueIsWhatALedgerDecides(t *testing.T) {
	intents := []v1alpha1.ReservationIntent{
		"", v1alpha1.IntentHold, v1alpha1.IntentRelease, v1alpha1.IntentCommit, v1alpha1.IntentRestock,
	}
	somethingIsDue := 0
	for _, phase := range phases {
		for _, intent := range intents {
			for _, deleting := range []bool{false, true} {
				b := stocktest.AReservation("r", stocktest.Units("widget", 1)).In(phase).Wants(intent).Expires(time.Second)
				if deleting {
					b.Deleting()
				}
				r := &b.StockReservation
				l := stock.NewLedger(0, stocktest.Items(stocktest.AnItem("widget", 5)), stocktest.Reservations(b), nil)
				e, _ := l.DecideReservation(r, stocktest.Noon())
				decided := e != nil
				if decided {
					somethingIsDue++
				}
				if got := stock.MayBeDue(r); got != decided {
					t.Errorf("phase %q, intent %q, deleting %t: may be due is %t, the ledger decides: %t", phase, intent, deleting, got, decided)
				}
			}
		}
	}
	if somethingIsDue == 0 {
		t.Error("the ledger decided nothing")
	}
}

// An informer may show a phase that is older than what was decided: what is due now
// must not hide behind it.
func TestMayBeDueInAnEarlierPhaseToo(t *testing.T) {
	paths := [][]v1alpha1.StockReservationPhase{
		{v1alpha1.ReservationPending, v1alpha1.ReservationReserved, v1alpha1.ReservationCommitted, v1alpha1.ReservationRestocked},
		{v1alpha1.ReservationPending, v1alpha1.ReservationReserved, v1alpha1.ReservationReleased},
		{v1alpha1.ReservationPending, v1alpha1.ReservationRejected},
	}
	for _, intent := range []v1alpha1.ReservationIntent{v1alpha1.IntentHold, v1alpha1.IntentRelease, v1alpha1.IntentCommit, v1alpha1.IntentRestock} {
		for _, path := range paths {
			for later := range path {
				now := stocktest.AReservation("r", stocktest.Units("widget", 1)).In(path[later]).Wants(intent)
				for _, earlier := range path[:later] {
					seen := stocktest.AReservation("r", stocktest.Units("widget", 1)).In(earlier).Wants(intent)
					if stock.MayBeDue(&now.StockReservation) && !stock.MayBeDue(&seen.StockReservation) {
						t.Errorf("%s is due in phase %s and not in %s before it", intent, path[later], earlier)
					}
				}
			}
		}
	}
}

// A ledger asks for a reservation again until it is where its intent wants it.
func TestIsShortOf(t *testing.T) {
	for intent, want := range map[v1alpha1.ReservationIntent]int{
		v1alpha1.IntentHold: 1, v1alpha1.IntentRelease: 1, v1alpha1.IntentCommit: 2, v1alpha1.IntentRestock: 3,
	} {
		l := stock.NewLedger(0, stocktest.Items(stocktest.AnItem("widget", 5)), nil, nil)
		r := &stocktest.AReservation("r", stocktest.Units("widget", 1)).Wants(intent).StockReservation
		n := 0
		for again := true; again && n < 10; n++ {
			l.DecideReservation(r, stocktest.Noon())
			again = l.IsShortOf(r)
		}
		if n != want {
			t.Errorf("%s: %d decisions, want %d", intent, n, want)
		}
	}
}
