package order_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// ofLine is a number of units of a line.
func ofLine(line int32, product string, units int64) v1alpha1.ReturnItem {
	return v1alpha1.ReturnItem{Line: &line, ProductID: product, Quantity: units}
}

// Whatever the parts in which an order comes back: the refunds add up to its total, what
// goes on the shelf to what was taken from it, and it is Returned with the last part.
func TestPartsOfAnOrderAddUpToIt(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := newSim(t)
		lines := rapid.SliceOfN(someLine(), 1, 4).Draw(r, "lines")
		for _, l := range lines {
			s.onHand[l.ProductID] = 1000
		}
		s.place(func(o *v1alpha1.Order) {
			o.Spec.Currency = rapid.SampledFrom([]v1alpha1.Currency{"JPY", "EUR", "KWD", "CLF"}).Draw(r, "currency")
			o.Spec.Items = lines
		})
		s.ship()
		for part := 1; ; part++ {
			rest := left(s.order)
			if len(rest) == 0 {
				break
			}
			if s.order.Status.Phase != v1alpha1.OrderFulfilled {
				r.Fatalf("%d of %d lines are still out, and the order is %s", len(rest), len(lines), s.order.Status.Phase)
			}
			var asked []v1alpha1.ReturnItem
			for i, item := range rest {
				if i == 0 || rapid.Bool().Draw(r, "more lines") {
					asked = append(asked, ofLine(*item.Line, item.ProductID, rapid.Int64Range(1, item.Quantity).Draw(r, "units")))
				}
			}
			s.sendBack(fmt.Sprint("r", part), asked...)
			s.approve()
			if got := s.order.Status.Return.State; got != v1alpha1.ReturnApproved {
				r.Fatalf("part %d is %s: %s", part, got, s.order.Status.Return.Message)
			}
			if part == 15 { // the history has room for some twenty
				s.sendBack("the-rest")
				s.approve()
			}
		}
		status := s.order.Status
		if status.Phase != v1alpha1.OrderReturned || status.RefundAmount != status.TotalAmount {
			r.Fatalf("%s, %s of %s was refunded\n%s", status.Phase, status.RefundAmount, status.TotalAmount, s.log.String())
		}
		for product, onHand := range s.onHand {
			if onHand != 1000 && product != "prod-001" && product != "prod-002" {
				r.Fatalf("%d of %s on the shelf\n%s", onHand, product, s.log.String())
			}
		}
	})
}

// left is what did not come back of an order, by line.
func left(o *v1alpha1.Order) []v1alpha1.ReturnItem {
	var rest []v1alpha1.ReturnItem
	for i, item := range o.Spec.Items {
		line := int32(i) + 1
		units := item.Quantity
		for _, back := range o.Status.ReturnedItems {
			if back.Line == line {
				units -= back.Quantity
			}
		}
		if units > 0 {
			rest = append(rest, ofLine(line, item.ProductID, units))
		}
	}
	return rest
}

func someLine() *rapid.Generator[v1alpha1.OrderItem] {
	return rapid.Custom(func(t *rapid.T) v1alpha1.OrderItem {
		return v1alpha1.OrderItem{
			ProductID: rapid.SampledFrom([]string{"tea", "mug"}).Draw(t, "product"),
			Quantity:  rapid.Int64Range(1, 20).Draw(t, "quantity"),
			UnitPrice: rapid.StringMatching(`(0|[1-9][0-9]{0,3})\.[0-9]{1,4}`).Draw(t, "price"),
		}
	})
}

// The order of these tests has prod-001 in lines 1 (2 at 10.00) and 3 (3 at 8.01), and
// prod-002 in line 2. One unit of line 3 is back.
func TestReturnsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		asked []v1alpha1.ReturnItem
		want  string
	}{
		"a product in two lines at different prices": {[]v1alpha1.ReturnItem{{ProductID: "prod-001", Quantity: 1}}, "items[0]: prod-001 is in lines 1, 3 at different prices; say which with items[].line"},
		"more than is left of a line":                {[]v1alpha1.ReturnItem{ofLine(1, "prod-001", 2), ofLine(3, "prod-001", 3)}, "items[1]: 2 of prod-001 in line 3 are left to return, not 3"},
		"more than is left of a product":             {[]v1alpha1.ReturnItem{{ProductID: "prod-002", Quantity: 2}}, "items[0]: 1 of prod-002 are left to return, not 2"},
		"a line that is not there":                   {[]v1alpha1.ReturnItem{ofLine(4, "prod-001", 1)}, "items[0]: there is no line 4, the order has 3"},
		"a line of another product":                  {[]v1alpha1.ReturnItem{ofLine(2, "prod-001", 1)}, "items[0]: line 2 is of prod-002, not of prod-001"},
		"a product that was not ordered":             {[]v1alpha1.ReturnItem{{ProductID: "prod-009", Quantity: 1}}, "items[0]: prod-009 is in no line of the order"},
		"a line twice, as older versions let it":     {[]v1alpha1.ReturnItem{ofLine(2, "prod-002", 1), ofLine(2, "prod-002", 1)}, "items[1]: 0 of prod-002 in line 2 are left to return, not 1"},
		"a line that is left":                        {[]v1alpha1.ReturnItem{ofLine(3, "prod-001", 2)}, ""},
		"a product that is in one line":              {[]v1alpha1.ReturnItem{{ProductID: "prod-002", Quantity: 1}}, ""},
		"all that is left":                           {nil, ""},
	} {
		s := newSim(t)
		s.place()
		s.ship()
		s.sendBack("r1", ofLine(3, "prod-001", 1))
		s.approve()
		s.sendBack("r2", c.asked...)
		last := s.order.Status.Return
		if last.RequestID != "r2" || last.Message != c.want || (last.State == v1alpha1.ReturnRefused) != (c.want != "") {
			t.Errorf("%s: %s: %q, want %q", name, last.State, last.Message, c.want)
		}
	}
}

// A price is the same however it is written.
func TestAProductInSeveralLinesAtOnePrice(t *testing.T) {
	s := newSim(t)
	s.place(func(o *v1alpha1.Order) {
		o.Spec.Items = []v1alpha1.OrderItem{
			{ProductID: "prod-001", Quantity: 2, UnitPrice: "10"}, {ProductID: "prod-001", Quantity: 3, UnitPrice: "10.00"},
		}
	})
	s.ship()
	s.sendBack("r1", v1alpha1.ReturnItem{ProductID: "prod-001", Quantity: 3})
	s.approve()
	if got := s.order.Status; got.RefundAmount != "30.00" || !slices.Equal(got.ReturnedItems, []v1alpha1.OrderReturnedItem{
		{Line: 1, ProductID: "prod-001", Quantity: 2, Restock: 2}, {Line: 2, ProductID: "prod-001", Quantity: 1, Restock: 1},
	}) {
		t.Errorf("%s for %+v", got.RefundAmount, got.ReturnedItems)
	}
}

// Orders that older versions left in the middle of a return, or after one, go on.
func TestReturnsOfOlderVersions(t *testing.T) {
	part := []v1alpha1.ReturnItem{{ProductID: "prod-001", Quantity: 3}} // lines 1 and 3, in their order
	restocked := func(o *v1alpha1.Order) *v1alpha1.StockReservation {
		r := aReservation(o, v1alpha1.ReservationRestocked)
		r.Spec.Restock = &[]v1alpha1.StockLine{{ProductID: "prod-001", Quantity: 3}}
		return r
	}
	for name, c := range map[string]struct {
		phase v1alpha1.OrderPhase
		state v1alpha1.ReturnState
		rsv   func(*v1alpha1.Order) *v1alpha1.StockReservation
		want  v1alpha1.OrderPhase
	}{
		"requested, and approved by this one":     {v1alpha1.OrderReturnRequested, v1alpha1.ReturnRequested, usualReservation, v1alpha1.OrderFulfilled},
		"approved":                                {v1alpha1.OrderReturnRequested, v1alpha1.ReturnApproved, usualReservation, v1alpha1.OrderFulfilled},
		"approved and restocked":                  {v1alpha1.OrderReturnRequested, v1alpha1.ReturnApproved, restocked, v1alpha1.OrderFulfilled},
		"a part that ended the order stays ended": {v1alpha1.OrderReturned, v1alpha1.ReturnApproved, restocked, v1alpha1.OrderReturned},
	} {
		o := anOrder().in(c.phase).with(func(o *v1alpha1.Order) {
			o.Spec.Return.Items, o.Spec.Return.Decision = part, &v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove}
			o.Status.Return.State, o.Status.Return.Items, o.Status.Return.RefundAmount = c.state, part, "28.01"
		}).order()
		f := order.Facts{Order: o, Reservation: c.rsv(o), Now: created().Add(3 * 3600e9)}
		run(t, &f)
		if f.Order.Status.Phase != c.want {
			t.Errorf("%s: %s, want %s", name, f.Order.Status.Phase, c.want)
		}
		if c.want == v1alpha1.OrderReturned {
			continue
		}
		if got := f.Order.Status; got.RefundAmount != "28.01" || !slices.Equal(got.ReturnedItems, []v1alpha1.OrderReturnedItem{
			{Line: 1, ProductID: "prod-001", Quantity: 2, Restock: 2}, {Line: 3, ProductID: "prod-001", Quantity: 1, Restock: 1},
		}) {
			t.Errorf("%s: %s for %+v", name, got.RefundAmount, got.ReturnedItems)
		}
		if r := f.Reservation.Spec; r.Intent != v1alpha1.IntentRestock || !slices.Equal(*r.Restock, []v1alpha1.StockLine{{ProductID: "prod-001", Quantity: 3}}) {
			t.Errorf("%s: the reservation is to %s %v", name, r.Intent, r.Restock)
		}
	}
}
