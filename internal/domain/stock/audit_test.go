package stock_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

func TestAudit(t *testing.T) {
	type world struct {
		items        []v1alpha1.StockItem
		reservations []v1alpha1.StockReservation
	}
	held := func() *stocktest.Reservation {
		return stocktest.AReservation("held", stocktest.Units("widget", 2)).In(v1alpha1.ReservationReserved)
	}
	remembered := world{stocktest.Items(stocktest.AnItem("widget", 5)), stocktest.Reservations(held(), stocktest.AReservation("waiting", stocktest.Units("widget", 9)))}
	for name, c := range map[string]struct {
		found world
		want  []string
	}{
		"what is remembered": {remembered, nil},
		"an item and a reservation made since": {world{
			stocktest.Items(stocktest.AnItem("widget", 5), stocktest.AnItem("gadget", 1)),
			stocktest.Reservations(held(), stocktest.AReservation("waiting", stocktest.Units("widget", 9)), stocktest.AReservation("new", stocktest.Units("gadget", 1)))}, nil},
		"an item that is gone":       {world{nil, remembered.reservations}, nil},
		"a reservation that is gone": {world{remembered.items, nil}, nil},
		"on hand, written by hand": {world{stocktest.Items(stocktest.AnItem("widget", 5).Holds(7, 0)), remembered.reservations},
			[]string{"StockItem widget: status.onHand is 7, the journal's holder remembers 5"}},
		"a phase, written by hand": {world{remembered.items, stocktest.Reservations(held(), stocktest.AReservation("waiting", stocktest.Units("widget", 9)).In(v1alpha1.ReservationReserved))},
			[]string{
				"StockReservation waiting: status.phase is Reserved, the journal's holder remembers Pending",
				"StockItem widget: the sum of its Reserved reservations is 11, the journal's holder remembers 2",
			}},
		"an allocation, written by hand": {world{remembered.items, stocktest.Reservations(stocktest.AReservation("held", stocktest.Units("widget", 1)).In(v1alpha1.ReservationReserved))},
			[]string{"StockItem widget: the sum of its Reserved reservations is 1, the journal's holder remembers 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := stock.NewLedger(0, remembered.items, remembered.reservations, nil)
			var got []string
			for _, d := range l.Audit(c.found.items, c.found.reservations) {
				got = append(got, d.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("drift (-want +got):\n%s", diff)
			}
		})
	}
}
