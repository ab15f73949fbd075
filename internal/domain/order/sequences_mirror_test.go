package order_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// mirroredSequences are lives of orders that a mirror keeps.
func mirroredSequences(day time.Duration) map[string]func(*sim) {
	remove := func(s *sim) {
		s.say("person", "delete the order")
		s.deleteOrder()
		s.settle()
	}
	all := map[string]func(*sim){
		"mirrored-delete-pending": func(s *sim) {
			s.stockIsAway = true
			s.place()
			remove(s)
			s.stockIsAway = false
			s.settle()
		},
		"mirrored-delete-confirmed": func(s *sim) {
			s.place()
			s.pass(time.Hour)
			remove(s)
		},
		"mirrored-delete-before-anybody-looked": func(s *sim) {
			s.controllerIsAway = true
			s.place()
			remove(s)
			s.controllerIsAway = false
			s.settle()
		},
		"mirrored-delete-while-the-mirror-is-away": func(s *sim) {
			s.place()
			s.mirrorIsAway = true
			remove(s)
			s.pass(time.Hour)
			s.mirrorIsAway = false
			s.settle()
		},
		"mirrored-delete-when-shipment-was-asked": func(s *sim) {
			s.place()
			s.controllerIsAway = true
			s.ship()
			remove(s)
			s.controllerIsAway = false
			s.settle()
		},
		"mirrored-delete-when-shipment-won": func(s *sim) {
			s.place()
			s.stockIsAway = true
			s.ship()
			remove(s)
			s.stockIsAway = false
			s.settle()
		},
		"mirrored-delete-when-shipment-won-and-not-written-yet": func(s *sim) {
			s.place()
			s.stockIsAway = true
			s.ship()
			s.controllerIsAway, s.stockIsAway, s.effectsAreLate = true, false, true
			remove(s)
			s.controllerIsAway = false
			s.settle()
			s.effectsAreLate = false
			s.settle()
		},
		"mirrored-delete-when-the-reservation-goes-as-well": func(s *sim) {
			s.place()
			s.stockIsAway = true
			s.ship()
			s.say("admin", "delete the reservation")
			s.deleteReservation()
			remove(s)
			s.stockIsAway = false
			s.settle()
		},
		"mirrored-delete-pending-that-was-shipped-by-hand": func(s *sim) {
			s.place()
			s.controllerIsAway = true
			s.ship()
			s.order.Status = v1alpha1.OrderStatus{ObservedGeneration: -1}
			s.meddle("commit the reservation", func(r *v1alpha1.StockReservation) { r.Spec.Intent = v1alpha1.IntentCommit })
			remove(s)
			s.controllerIsAway = false
			s.settle()
		},
		"mirrored-delete-fulfilled": func(s *sim) {
			s.place()
			s.ship()
			remove(s)
		},
		"mirrored-retention-is-the-mirrors": func(s *sim) {
			s.classes = []v1alpha1.OrderClass{class("short", time.Minute, day, &metav1.Duration{Duration: time.Hour}, "")}
			s.place(func(o *v1alpha1.Order) { o.Spec.ClassName = "short" })
			s.ship()
			s.pass(100 * day)
		},
	}
	for name, run := range leavingSequences(day) {
		all[name] = run
	}
	mirrored := make(map[string]func(*sim), len(all))
	for name, run := range all {
		mirrored[name] = func(s *sim) {
			s.mirrored = true
			run(s)
		}
	}
	return mirrored
}

// leavingSequences are those of orders that leave for the archive, and of orders that were
// made without asking it.
func leavingSequences(day time.Duration) map[string]func(*sim) {
	finished := func(s *sim) {
		s.classes = []v1alpha1.OrderClass{class("short", time.Minute, day, &metav1.Duration{Duration: time.Hour}, "")}
		s.place(func(o *v1alpha1.Order) { o.Spec.ClassName = "short" })
		s.ship()
	}
	return map[string]func(*sim){
		"leaving-and-nobody-wants-it": func(s *sim) {
			finished(s)
			s.pass(2 * day)
			s.leave()
			s.pass(100 * day)
		},
		"leaving-and-a-return-comes": func(s *sim) {
			finished(s)
			s.leave()
			s.sendBack("r1")
			s.approve()
		},
		"leaving-and-what-comes-is-refused": func(s *sim) {
			finished(s)
			s.pass(2 * day)
			s.leave()
			s.cancel()
		},
		"leaving-and-the-mirror-is-removed": func(s *sim) {
			finished(s)
			s.pass(2 * day)
			s.leave()
			s.mirrored = false
			s.settle()
		},
		"unasked-is-not-shipped": func(s *sim) {
			s.place(unasked)
			s.ship()
			s.pass(time.Hour)
			s.asked()
		},
		"unasked-is-cancelled": func(s *sim) {
			s.place(unasked)
			s.ship()
			s.cancel()
		},
		"unasked-and-the-mirror-is-removed": func(s *sim) {
			s.place(unasked)
			s.ship()
			s.mirrored = false
			s.settle()
		},
	}
}
