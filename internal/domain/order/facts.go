package order

import (
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Facts are all that a decision about an order rests on.
type Facts struct {
	// Order to judge; read only.
	Order *v1alpha1.Order
	// Reservation that is named as the order; nil when there is none. Read only.
	Reservation *v1alpha1.StockReservation
	// Class of the order, asked only for an order without a policy of its own;
	// nil when there is none.
	Class *v1alpha1.OrderClass
	// AutoApproval of the return that waits for a decision; nil when nobody
	// asked or the policy has no such rule.
	AutoApproval *AutoApproval
	// Mirrored is whether a mirror serves the order's namespace.
	Mirrored bool
	// Now is the time of the decision.
	Now time.Time
}

// AutoApproval is what the policy's CEL expression said about a return.
type AutoApproval struct {
	Approved bool
	// Problem that kept the expression from giving an answer; empty when it gave one.
	Problem string
}

// Act is the one thing a decision does.
type Act string

const (
	// Nothing is to be done.
	Nothing Act = ""
	// WriteStatus puts Decision.Status on the order.
	WriteStatus Act = "WriteStatus"
	// CreateReservation creates Decision.Reservation.
	CreateReservation Act = "CreateReservation"
	// UpdateReservation puts Decision.Reservation, whose intent has changed.
	UpdateReservation Act = "UpdateReservation"
	// DeleteReservation deletes Decision.Reservation.
	DeleteReservation Act = "DeleteReservation"
	// DropFinalizer takes OrderFinalizer off the order.
	DropFinalizer Act = "DropFinalizer"
	// RestoreFinalizers puts the finalizers of Decision.Order on the order and takes
	// LeavingAnnotation off: it was leaving, and is wanted again.
	RestoreFinalizers Act = "RestoreFinalizers"
	// DeleteOrder deletes the order: its retention is over.
	DeleteOrder Act = "DeleteOrder"
)

// Verify is an absence that a decision rests on and that a cache can't prove.
type Verify string

const (
	// VerifyNothing: the write is fenced by a resourceVersion.
	VerifyNothing Verify = ""
	// VerifyReservation: there is no reservation of the order's name, or nothing was
	// decided about it.
	VerifyReservation Verify = "Reservation"
	// VerifyOrderAbsent: there is no order of the uid the reservation was made for.
	VerifyOrderAbsent Verify = "OrderAbsent"
)

// NotRestockedCause is why units that came back could not be put back on the shelf.
type NotRestockedCause string

const (
	// ItemGone: the StockItem they were taken from is gone, was made again, or goes.
	ItemGone NotRestockedCause = "ItemGone"
	// ReservationGone: there is no reservation any more by which they were taken.
	ReservationGone NotRestockedCause = "ReservationGone"
)

// NotRestocked are units that came back and could not be put back on the shelf.
type NotRestocked struct {
	Lines []v1alpha1.StockLine
	Cause NotRestockedCause
	// Message for people: what became of the units, and the way out.
	Message string
}

// Units is how many there are.
func (n NotRestocked) Units() int64 { return units(n.Lines) }

// Decision is what to do about an order, and when to judge it again.
type Decision struct {
	// Rule that decided; empty when none had anything to say.
	Rule string
	// Act is the one write, or Nothing.
	Act Act
	// Verify names what must be looked up live before the act.
	Verify Verify
	// Order to write the metadata of, with RestoreFinalizers.
	Order *v1alpha1.Order
	// Status to write, with WriteStatus.
	Status *v1alpha1.OrderStatus
	// NotRestocked are the units of which Status tells that they could not be put back.
	NotRestocked NotRestocked
	// Reservation to create, update or delete.
	Reservation *v1alpha1.StockReservation
	// RequeueAfter is the time to the next deadline, 0 when there is none.
	RequeueAfter time.Duration
}
