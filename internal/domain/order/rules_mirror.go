package order

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Rules about an order that a mirror keeps: docs/design/0015-mirror.md, whose rules are named
// by number here.

// leavesByMirror is whether the mirror archives the order, so that its retention is the
// mirror's business (rule 29).
func (e *evaluation) leavesByMirror() bool {
	return hasFinalizer(e.Order, v1alpha1.MirrorFinalizer) || e.Mirrored && isLeaving(e.Order)
}

// isLeaving is whether the mirror took the finalizers off, to archive the order (rule 27).
func isLeaving(o *v1alpha1.Order) bool {
	_, leaving := o.Annotations[v1alpha1.LeavingAnnotation]
	return leaving && o.DeletionTimestamp == nil
}

// isUnasked is whether nobody asked the archive so far whether it has an order of this name.
func isUnasked(o *v1alpha1.Order) bool {
	_, unasked := o.Annotations[v1alpha1.UnaskedAnnotation]
	return unasked
}

// wantedAgain puts a write off, that an order needs which is leaving, until it stays: its
// finalizers come back first, and then nothing that is written on it can go with it (rule 28).
func (e *evaluation) wantedAgain(d Decision) Decision {
	if d.Act == Nothing || !isLeaving(e.Order) {
		return d
	}
	o := e.Order.DeepCopy()
	delete(o.Annotations, v1alpha1.LeavingAnnotation)
	addFinalizer(o, v1alpha1.OrderFinalizer)
	if e.Mirrored {
		addFinalizer(o, v1alpha1.MirrorFinalizer)
	}
	return Decision{Rule: "LeavingOrderIsWanted", Act: RestoreFinalizers, Order: o, Verify: d.Verify}
}

// deletedOrderEnds gives an order that is deleted before it was shipped or cancelled its last
// word, for those who are told of it by the mirror alone (rule 23): it is Fulfilled where its
// shipment won, and waits for what the stock side makes of that; else it is Cancelled. False
// when its last word is said, or nobody is there to hear it.
func (e *evaluation) deletedOrderEnds() (Decision, bool) {
	phase := e.phase()
	if !hasFinalizer(e.Order, v1alpha1.MirrorFinalizer) || phase != v1alpha1.OrderPending && phase != v1alpha1.OrderConfirmed {
		return Decision{}, false
	}
	if e.shipmentWon() && phase == v1alpha1.OrderPending {
		if d, confirmed := stockIsReserved(e); confirmed {
			return d, true
		}
	}
	if e.shipmentWon() && phase == v1alpha1.OrderConfirmed {
		if d, taken := stockIsTaken(e); taken {
			return d, true
		}
		if e.reservationPhase() == v1alpha1.ReservationReserved && e.ownReservation.DeletionTimestamp == nil {
			return Decision{}, true // its commit wakes us
		}
	}
	const why = "deleted"
	c := e.change()
	c.cancel(v1alpha1.CancelCustomerRequest)
	c.happened(v1alpha1.OrderHistoryEntry{Type: v1alpha1.HistoryCancelled, Reason: string(v1alpha1.CancelCustomerRequest), Message: why})
	d := c.decide()
	d.Verify = VerifyReservation
	return d, true
}

// shipmentWaits tells why an order is not shipped whose archive nobody asked (rule 38).
func shipmentWaits(e *evaluation) (Decision, bool) {
	if !e.shipmentHasToWait() || e.reservationPhase() != v1alpha1.ReservationReserved {
		return Decision{}, false
	}
	told := meta.FindStatusCondition(e.Order.Status.Conditions, v1alpha1.OrderConditionReconciling)
	if told != nil && told.Message == waitsForArchive && e.Order.Status.ObservedGeneration == e.Order.Generation {
		return Decision{}, false
	}
	return e.change().decide(), true
}

// shipmentHasToWait is whether a shipment is asked for that the mirror has to let go on.
func (e *evaluation) shipmentHasToWait() bool {
	return e.Order.Spec.Fulfillment != nil && e.Mirrored && isUnasked(e.Order)
}

// waitsForArchive is what the condition Reconciling says of such an order.
const waitsForArchive = "waits to be shipped until the mirror has asked the archive whether there was an order of this name before (annotation " +
	v1alpha1.UnaskedAnnotation + "); see that the mirror runs and its database answers"

// ArchiveDue is whether an order may leave the cluster for the archive, as far as the order and
// time have to say (rule 26): nothing is to be done about it, it is not marked as unasked, and
// its retention is over, counted from its last step or the creation of this object, whichever
// is later. At is when its retention is over, in the future where it is not; zero for an order
// that is not finished, and for one that is kept for ever.
//
// The facts are those of Judge: Class where NeedsClass, and Now. They have Reservation as
// it was decided; that it is at its end and told, and that the rows are of these very versions,
// is for the caller to see. An order that is leaving is asked about again at each step.
func ArchiveDue(f Facts) (due bool, at time.Time) {
	e := newEvaluation(f)
	deadline, finite := e.retentionDeadline(&f.Order.Status)
	if !finite || f.Order.DeletionTimestamp != nil {
		return false, time.Time{}
	}
	if made := f.Order.CreationTimestamp.Add(*e.policy.Retention); made.After(deadline) {
		deadline = made
	}
	due = e.isOver(deadline) && !isUnasked(f.Order) && e.judge().Act == Nothing
	return due, deadline.Add(resolution)
}

func hasFinalizer(o *v1alpha1.Order, name string) bool { return slices.Contains(o.Finalizers, name) }

func addFinalizer(o metav1.Object, name string) {
	if finalizers := o.GetFinalizers(); !slices.Contains(finalizers, name) {
		o.SetFinalizers(append(slices.Clone(finalizers), name))
	}
}
