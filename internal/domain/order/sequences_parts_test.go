package order_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// partSequences are lives in which an order comes back in parts, or not all of it gets
// back on the shelf.
func partSequences(day time.Duration) map[string]func(*sim) {
	no := false
	worn := v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove, Restock: &no}
	shipped := func(s *sim) {
		s.place()
		s.ship()
	}
	return map[string]func(*sim){
		"return-in-two-parts": func(s *sim) {
			shipped(s)
			s.sendBack("r1", ofLine(3, "prod-001", 2))
			s.approve()
			s.pass(day)
			s.sendBack("r2")
			s.approve()
		},
		"return-by-line-at-two-prices": func(s *sim) {
			shipped(s)
			s.sendBack("r1", ofLine(1, "prod-001", 1))
			s.approve()
			s.sendBack("r2", ofLine(3, "prod-001", 1))
			s.approve()
		},
		"return-of-a-product-at-two-prices": func(s *sim) {
			shipped(s)
			s.sendBack("r1", v1alpha1.ReturnItem{ProductID: "prod-001", Quantity: 1})
			s.sendBack("r2", v1alpha1.ReturnItem{ProductID: "prod-002", Quantity: 1})
			s.approve()
		},
		"return-worn-then-as-new-then-the-rest": func(s *sim) {
			shipped(s)
			s.sendBack("r1", ofLine(1, "prod-001", 1))
			s.decide("approve, not resellable", worn)
			s.sendBack("r2", ofLine(1, "prod-001", 1))
			s.approve()
			s.sendBack("r3")
			s.approve()
		},
		"return-of-a-part-is-rejected-in-between": func(s *sim) {
			shipped(s)
			s.sendBack("r1", ofLine(2, "prod-002", 1))
			s.approve()
			s.sendBack("r2", ofLine(1, "prod-001", 2))
			s.reject()
			s.sendBack("r3")
			s.approve()
		},
		"return-window-ends-between-two-parts": func(s *sim) {
			shipped(s)
			s.pass(29 * day)
			s.sendBack("r1", ofLine(2, "prod-002", 1))
			s.approve()
			s.pass(2 * day)
			s.sendBack("r2")
		},
		"return-of-more-than-is-left": func(s *sim) {
			shipped(s)
			s.sendBack("r1", ofLine(3, "prod-001", 2))
			s.approve()
			s.sendBack("r2", ofLine(3, "prod-001", 2))
			s.sendBack("r3", ofLine(3, "prod-001", 1))
			s.approve()
		},
		"return-in-parts-written-late": func(s *sim) {
			shipped(s)
			s.effectsAreLate = true
			s.sendBack("r1", ofLine(1, "prod-001", 1))
			s.approve()
			s.sendBack("r2", ofLine(1, "prod-001", 1), ofLine(2, "prod-002", 1))
			s.approve()
			s.effectsAreLate = false
			s.settle()
		},
		"return-in-parts-over-a-restart": func(s *sim) {
			shipped(s)
			s.sendBack("r1", ofLine(1, "prod-001", 1))
			s.approve()
			s.sendBack("r2", ofLine(1, "prod-001", 1))
			s.stockIsAway = true
			s.approve()
			s.controllerIsAway, s.stockIsAway = true, false
			s.settle()
			s.controllerIsAway = false
			s.settle()
		},
		"retention-after-a-part-came-back": func(s *sim) {
			s.classes = []v1alpha1.OrderClass{class("short", time.Minute, day, &metav1.Duration{Duration: time.Hour}, "")}
			s.place(func(o *v1alpha1.Order) { o.Spec.ClassName = "short" })
			s.ship()
			s.sendBack("r1", ofLine(2, "prod-002", 1))
			s.pass(2 * day)
			s.approve()
			s.pass(time.Hour)
			s.pass(time.Second)
		},
		"returned-item-was-made-again": func(s *sim) {
			shipped(s)
			s.remake("prod-001")
			s.sendBack("r1")
			s.approve()
		},
		"returned-items-are-gone": func(s *sim) {
			shipped(s)
			delete(s.onHand, "prod-001")
			delete(s.onHand, "prod-002")
			s.sendBack("r1", ofLine(2, "prod-002", 1))
			s.approve()
			s.sendBack("r2")
			s.approve()
		},
		"returned-item-is-gone-and-worn-anyway": func(s *sim) {
			shipped(s)
			delete(s.onHand, "prod-001")
			s.sendBack("r1", ofLine(1, "prod-001", 2))
			s.decide("approve, not resellable", worn)
		},
		"reservation-deleted-before-a-return-of-worn-goods": func(s *sim) {
			shipped(s)
			s.meddle("delete the reservation", nil)
			s.sendBack("r1")
			s.decide("approve, not resellable", worn)
		},
		"reservation-deleted-between-two-parts": func(s *sim) {
			shipped(s)
			s.sendBack("r1", ofLine(1, "prod-001", 1))
			s.approve()
			s.meddle("delete the reservation", nil)
			s.sendBack("r2")
			s.approve()
		},
		"cancelled-after-a-commit-by-hand-and-the-item-is-gone": func(s *sim) {
			s.place()
			s.meddle("commit the reservation", func(r *v1alpha1.StockReservation) { r.Spec.Intent = v1alpha1.IntentCommit })
			delete(s.onHand, "prod-002")
			s.cancel()
		},
		"restocked-by-hand-before-it-was-shipped": func(s *sim) {
			s.place()
			s.meddle("restock the reservation", func(r *v1alpha1.StockReservation) { r.Spec.Intent = v1alpha1.IntentRestock })
			s.ship()
			s.sendBack("r1", ofLine(2, "prod-002", 1))
			s.approve()
		},
	}
}

// basketSequences are lives of orders that take over a basket, of which the shelf is bare.
func basketSequences() map[string]func(*sim) {
	of := func(o *v1alpha1.Order) { o.Spec.ReservationRef = &v1alpha1.ReservationReference{Name: basketName} }
	full := func(s *sim) {
		s.onHand = map[string]int64{"prod-001": 5, "prod-002": 1}
		s.basket = map[string]int64{"prod-001": 5, "prod-002": 1}
	}
	return map[string]func(*sim){
		"basket-becomes-an-order": func(s *sim) {
			full(s)
			s.place(of)
			s.ship()
		},
		"basket-is-not-named": func(s *sim) {
			full(s)
			s.place()
		},
		"basket-of-somebody-else": func(s *sim) {
			full(s)
			s.place(of, func(o *v1alpha1.Order) { o.Spec.CustomerID = "customer-2" })
		},
		"basket-holds-too-little": func(s *sim) {
			s.onHand = map[string]int64{"prod-001": 4, "prod-002": 1}
			s.basket = map[string]int64{"prod-001": 4}
			s.place(of)
		},
	}
}
