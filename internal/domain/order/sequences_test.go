package order_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// sequences are whole lives of an order, each written down in testdata.
func sequences() map[string]func(*sim) {
	day := 24 * time.Hour
	all := map[string]func(*sim){
		"happy-path": func(s *sim) {
			s.place()
			s.pass(time.Hour)
			s.ship()
			s.pass(40 * day)
		},
		"short": func(s *sim) {
			s.onHand["prod-001"] = 4
			s.place()
		},
		"unknown-product": func(s *sim) {
			delete(s.onHand, "prod-002")
			s.place()
		},
		"time-out": func(s *sim) {
			s.stockIsAway = true
			s.place()
			s.pass(15 * time.Minute)
			s.pass(time.Second)
			s.stockIsAway = false
			s.settle()
		},
		"time-out-while-the-manager-was-down": func(s *sim) {
			s.controllerIsAway = true
			s.place()
			s.pass(20 * time.Minute)
			s.controllerIsAway = false
			s.settle()
		},
		"reserved-in-time-seen-late": func(s *sim) {
			s.stockIsAway = true
			s.place()
			s.controllerIsAway, s.stockIsAway = true, false
			s.settle()
			s.pass(20 * time.Minute)
			s.controllerIsAway = false
			s.settle()
		},
		"cancel-while-pending": func(s *sim) {
			s.stockIsAway = true
			s.place()
			s.cancel()
			s.stockIsAway = false
			s.settle()
		},
		"cancel-when-confirmed": func(s *sim) {
			s.place()
			s.pass(time.Minute)
			s.cancel()
		},
		"decided-and-not-written-yet": func(s *sim) {
			s.effectsAreLate = true
			s.place()
			s.pass(time.Hour)
			s.ship()
			s.effectsAreLate = false
			s.settle()
		},
		"cancelled-before-its-reservation-shows-it": func(s *sim) {
			s.effectsAreLate = true
			s.place()
			s.cancel()
			s.effectsAreLate = false
			s.settle()
		},
		"short-and-not-written-yet": func(s *sim) {
			s.effectsAreLate = true
			s.onHand["prod-001"] = 4
			s.place()
		},
		"cancel-after-shipment-is-refused": func(s *sim) {
			s.place()
			s.ship()
			s.cancel()
		},
		"fulfil-after-cancel-is-refused": func(s *sim) {
			s.place()
			s.cancel()
			s.ship()
		},
		"class-policy": func(s *sim) {
			s.stockIsAway = true
			s.classes = []v1alpha1.OrderClass{class("express", time.Minute, day, nil, "")}
			s.classes[0].Annotations = map[string]string{v1alpha1.OrderClassDefaultAnnotation: "true"}
			s.place()
			s.pass(time.Minute + time.Second)
		},
		"class-changes-later": func(s *sim) {
			s.stockIsAway = true
			s.classes = []v1alpha1.OrderClass{class("express", time.Minute, day, nil, "")}
			s.place(func(o *v1alpha1.Order) {
				o.Spec.ClassName = "express"
				o.Spec.Policy = &v1alpha1.OrderPolicy{PendingTimeout: &metav1.Duration{Duration: 5 * time.Minute}}
			})
			s.pass(time.Minute)
			s.classes = []v1alpha1.OrderClass{class("express", time.Second, day, nil, "")}
			s.pass(4*time.Minute + time.Second)
		},
		"retention": func(s *sim) {
			s.classes = []v1alpha1.OrderClass{class("short", time.Minute, day, &metav1.Duration{Duration: time.Hour}, "")}
			s.place(func(o *v1alpha1.Order) { o.Spec.ClassName = "short" })
			s.ship()
			s.pass(day + time.Hour)
			s.pass(time.Second)
		},
		"delete-confirmed": func(s *sim) {
			s.place()
			s.say("person", "delete the order")
			s.deleteOrder()
			s.settle()
		},
		"delete-without-finalizer": func(s *sim) {
			s.place(func(o *v1alpha1.Order) { o.Finalizers = nil })
			s.say("person", "delete the order")
			s.deleteOrder()
			s.settle()
		},
		"deleted-and-made-again": func(s *sim) {
			s.place()
			s.controllerIsAway = true
			s.say("person", "force the order away")
			s.order = nil
			s.place()
			s.controllerIsAway = false
			s.settle()
		},
		"yen-have-no-decimals": func(s *sim) {
			s.place(func(o *v1alpha1.Order) {
				o.Spec.Currency = "JPY"
				o.Spec.Items = []v1alpha1.OrderItem{{ProductID: "prod-001", Quantity: 3, UnitPrice: "1999"}}
			})
		},
		"prices-below-the-smallest-coin": func(s *sim) {
			s.place(func(o *v1alpha1.Order) {
				o.Spec.Items = []v1alpha1.OrderItem{
					{ProductID: "prod-001", Quantity: 3, UnitPrice: "0.335"}, {ProductID: "prod-002", Quantity: 1, UnitPrice: "0.005"},
				}
			})
		},
		"price-that-makes-no-sense": func(s *sim) {
			s.classes = []v1alpha1.OrderClass{class("japan", time.Minute, day, nil, "")}
			s.classes[0].Spec.Currency = "JPY"
			s.place(func(o *v1alpha1.Order) {
				o.Spec.Currency, o.Spec.ClassName = "", "japan"
				o.Spec.Items[0].UnitPrice = "10.00001"
			})
			s.pass(time.Minute + time.Second)
		},
	}
	for name, run := range returnSequences(day) {
		all[name] = run
	}
	for name, run := range partSequences(day) {
		all[name] = run
	}
	for name, run := range basketSequences() {
		all[name] = run
	}
	for name, run := range mirroredSequences(day) {
		all[name] = run
	}
	for name, run := range meddledSequences() {
		all[name] = run
	}
	return all
}

func returnSequences(day time.Duration) map[string]func(*sim) {
	no := false
	return map[string]func(*sim){
		"return": func(s *sim) {
			s.place()
			s.ship()
			s.pass(10 * day)
			s.sendBack("r1")
			s.pass(day)
			s.approve()
		},
		"return-at-the-last-second": func(s *sim) {
			s.place()
			s.ship()
			s.pass(30 * day)
			s.sendBack("r1")
		},
		"return-a-second-too-late": func(s *sim) {
			s.place()
			s.ship()
			s.pass(30*day + time.Second)
			s.sendBack("r1")
			s.sendBack("r2")
		},
		"return-rejected-and-asked-again": func(s *sim) {
			s.place()
			s.ship()
			s.sendBack("r1")
			s.reject()
			s.sendBack("r2")
			s.approve()
		},
		"return-id-used-twice": func(s *sim) {
			s.place()
			s.ship()
			s.sendBack("r1")
			s.reject()
			s.sendBack("r2")
			s.reject()
			s.sendBack("r1")
		},
		"return-of-a-part": func(s *sim) {
			s.place()
			s.ship()
			s.sendBack("r1", ofLine(3, "prod-001", 3))
			s.approve()
		},
		"return-of-more-than-was-ordered": func(s *sim) {
			s.place()
			s.ship()
			s.sendBack("r1", v1alpha1.ReturnItem{ProductID: "prod-002", Quantity: 2})
			s.sendBack("r2", v1alpha1.ReturnItem{ProductID: "prod-009", Quantity: 1})
			s.sendBack("r3", ofLine(1, "prod-001", 2), ofLine(3, "prod-001", 3))
		},
		"return-that-is-not-resellable": func(s *sim) {
			s.place()
			s.ship()
			s.sendBack("r1")
			s.decide("approve, not resellable", v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove, Restock: &no})
		},
		"return-approved-by-the-class": func(s *sim) {
			s.classes = []v1alpha1.OrderClass{class("kind", time.Minute, day, nil, "refundMinor <= 1000")}
			s.place(func(o *v1alpha1.Order) { o.Spec.ClassName = "kind" })
			s.ship()
			s.sendBack("r1", ofLine(3, "prod-001", 1))
		},
		"return-the-class-leaves-to-a-person": func(s *sim) {
			s.classes = []v1alpha1.OrderClass{class("kind", time.Minute, day, nil, "refundMinor <= 1000")}
			s.place(func(o *v1alpha1.Order) { o.Spec.ClassName = "kind" })
			s.ship()
			s.sendBack("r1")
			s.reject()
		},
		"return-the-class-can-not-judge": func(s *sim) {
			s.classes = []v1alpha1.OrderClass{class("broken", time.Minute, day, nil, "order.spec.vip == true")}
			s.place(func(o *v1alpha1.Order) { o.Spec.ClassName = "broken" })
			s.ship()
			s.sendBack("r1")
			s.approve()
		},
		"reject-against-auto-approval": func(s *sim) {
			s.classes = []v1alpha1.OrderClass{class("kind", time.Minute, day, nil, "true")}
			s.place(func(o *v1alpha1.Order) { o.Spec.ClassName = "kind" })
			s.ship()
			s.stockIsAway = true
			s.sendBack("r1")
			s.reject()
			s.stockIsAway = false
			s.settle()
		},
		"return-while-stock-is-away": func(s *sim) {
			s.place()
			s.ship()
			s.sendBack("r1")
			s.stockIsAway = true
			s.approve()
			s.pass(time.Hour)
			s.stockIsAway = false
			s.settle()
		},
		"history-is-bounded": func(s *sim) {
			s.place()
			s.ship()
			for i := range 32 {
				s.editUnseen("request return", func(spec *v1alpha1.OrderSpec) {
					spec.Return = &v1alpha1.Return{RequestID: string(rune('a'+i%26)) + string(rune('a'+i/26)), Reason: "again"}
				})
				s.settle()
				if s.order.Status.Phase != v1alpha1.OrderReturnRequested {
					return
				}
				s.reject()
			}
		},
	}
}

func meddledSequences() map[string]func(*sim) {
	release := func(r *v1alpha1.StockReservation) { r.Spec.Intent = v1alpha1.IntentRelease }
	commit := func(r *v1alpha1.StockReservation) { r.Spec.Intent = v1alpha1.IntentCommit }
	return map[string]func(*sim){
		"reservation-released-by-hand": func(s *sim) {
			s.place()
			s.meddle("release the reservation", release)
			s.meddle("delete the reservation", nil)
		},
		"reservation-released-by-hand-then-cancelled": func(s *sim) {
			s.place()
			s.meddle("release the reservation", release)
			s.cancel()
		},
		"reservation-deleted": func(s *sim) {
			s.place()
			s.meddle("delete the reservation", nil)
		},
		"reservation-deleted-and-stock-is-gone": func(s *sim) {
			s.place()
			s.onHand["prod-001"] = 0
			s.meddle("delete the reservation", nil)
			s.onHand["prod-001"] = 10
			s.meddle("stock came in; delete the reservation", nil)
		},
		"reservation-deleted-during-shipment": func(s *sim) {
			s.place()
			s.stockIsAway = true
			s.ship()
			s.meddle("delete the reservation", nil)
			s.stockIsAway = false
			s.settle()
		},
		"reservation-committed-by-hand-then-cancelled": func(s *sim) {
			s.place()
			s.meddle("commit the reservation", commit)
			s.cancel()
		},
		"reservation-committed-by-hand-then-shipped": func(s *sim) {
			s.place()
			s.meddle("commit the reservation", commit)
			s.ship()
		},
		"reservation-deleted-before-a-return": func(s *sim) {
			s.place()
			s.ship()
			s.meddle("delete the reservation", nil)
			s.sendBack("r1")
			s.approve()
		},
		"name-is-taken": func(s *sim) {
			s.rsv = aReservation(anOrder().order(), v1alpha1.ReservationReserved)
			s.rsv.Spec.OrderRef = nil
			s.place()
			s.meddle("delete the basket", nil)
		},
		"race-cancel-against-confirm": func(s *sim) {
			s.stockIsAway = true
			s.place()
			s.controllerIsAway, s.stockIsAway = true, false
			s.settle()
			seen := s.facts()
			s.editUnseen("cancel", func(spec *v1alpha1.OrderSpec) {
				spec.Cancellation = &v1alpha1.Cancellation{Reason: v1alpha1.CancelPaymentFailed, Requester: by("payments")}
			})
			s.step(seen)
			s.controllerIsAway = false
			s.settle()
		},
		"race-expiry-against-confirm": func(s *sim) {
			s.stockIsAway = true
			s.place()
			s.controllerIsAway = true
			s.pass(15*time.Minute + time.Second)
			late := s.facts()
			s.stockIsAway = false
			s.settle()
			s.say("judge", "of another leader that has not seen it yet:")
			s.step(late)
			s.step(order.Facts{Order: late.Order, Reservation: s.rsv, Now: s.now})
			s.controllerIsAway = false
			s.settle()
		},
		"race-cancel-against-fulfil": func(s *sim) {
			s.place()
			s.stockIsAway = true
			s.ship()
			s.cancel()
			s.stockIsAway = false
			s.settle()
		},
		"race-two-leaders-create": func(s *sim) {
			s.controllerIsAway = true
			s.place()
			seen := s.facts()
			s.step(seen)
			s.step(seen)
			s.controllerIsAway = false
			s.settle()
		},
	}
}
