package stock_test

import (
	"testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

func TestForgetAbsent(t *testing.T) {
	held := stocktest.AReservation("held", stocktest.Units("widget", 2)).In(v1alpha1.ReservationReserved)
	gone := stocktest.AReservation("gone", stocktest.Units("widget", 3)).In(v1alpha1.ReservationReserved)
	l := stock.NewLedger(0, stocktest.Items(stocktest.AnItem("widget", 5), stocktest.AnItem("gadget", 1)), stocktest.Reservations(held, gone), nil)

	freed := l.ForgetAbsent(stocktest.Items(stocktest.AnItem("widget", 5)), stocktest.Reservations(held))
	if len(freed) != 1 || freed[0] != "widget" {
		t.Errorf("freed %v, want widget", freed)
	}
	if level, _ := l.Level(stocktest.AnItem("widget", 5).UID); level.Reserved != 2 {
		t.Errorf("%d reserved, want the 2 of the reservation that is still there", level.Reserved)
	}
	if l.HasProduct("gadget") {
		t.Error("an item that is gone is still known")
	}
}
