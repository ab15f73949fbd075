package stock_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

func TestAudit(t *testing.T) {
	type world struct {
		items        []v1alpha1.StockItem
		reservations []v1alpha1.StockReservation
	}
	held := func() *reservationBuilder {
		return aReservation("held", units("widget", 2)).in(v1alpha1.ReservationReserved)
	}
	remembered := world{items(anItem("widget", 5)), reservations(held(), aReservation("waiting", units("widget", 9)))}
	for name, c := range map[string]struct {
		found world
		want  []string
	}{
		"what is remembered": {remembered, nil},
		"an item and a reservation made since": {world{
			items(anItem("widget", 5), anItem("gadget", 1)),
			reservations(held(), aReservation("waiting", units("widget", 9)), aReservation("new", units("gadget", 1)))}, nil},
		"an item that is gone":       {world{nil, remembered.reservations}, nil},
		"a reservation that is gone": {world{remembered.items, nil}, nil},
		"on hand, written by hand": {world{items(anItem("widget", 5).holds(7, 0)), remembered.reservations},
			[]string{"StockItem widget: status.onHand is 7, the journal's holder remembers 5"}},
		"a phase, written by hand": {world{remembered.items, reservations(held(), aReservation("waiting", units("widget", 9)).in(v1alpha1.ReservationReserved))},
			[]string{
				"StockReservation waiting: status.phase is Reserved, the journal's holder remembers Pending",
				"StockItem widget: the sum of its Reserved reservations is 11, the journal's holder remembers 2",
			}},
		"an allocation, written by hand": {world{remembered.items, reservations(aReservation("held", units("widget", 1)).in(v1alpha1.ReservationReserved))},
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
