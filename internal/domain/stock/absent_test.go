package stock_test

import (
	"testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

func TestForgetAbsent(t *testing.T) {
	held := aReservation("held", units("widget", 2)).in(v1alpha1.ReservationReserved)
	gone := aReservation("gone", units("widget", 3)).in(v1alpha1.ReservationReserved)
	l := stock.NewLedger(0, items(anItem("widget", 5), anItem("gadget", 1)), reservations(held, gone), nil)

	freed := l.ForgetAbsent(items(anItem("widget", 5)), reservations(held))
	if len(freed) != 1 || freed[0] != "widget" {
		t.Errorf("freed %v, want widget", freed)
	}
	if level, _ := l.Level(anItem("widget", 5).UID); level.Reserved != 2 {
		t.Errorf("%d reserved, want the 2 of the reservation that is still there", level.Reserved)
	}
	if l.HasProduct("gadget") {
		t.Error("an item that is gone is still known")
	}
}
