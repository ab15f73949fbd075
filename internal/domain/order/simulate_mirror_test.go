package order_test

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// mirror plays the mirror: it lets go of what is being deleted and at its end.
func (s *sim) mirror() bool {
	keeps := func(o metav1.Object) bool {
		return o.GetDeletionTimestamp() != nil && slices.Contains(o.GetFinalizers(), v1alpha1.MirrorFinalizer)
	}
	ends := []v1alpha1.StockReservationPhase{
		v1alpha1.ReservationRejected, v1alpha1.ReservationReleased, v1alpha1.ReservationRestocked, v1alpha1.ReservationCommitted,
	}
	switch {
	case s.rsv != nil && keeps(s.rsv) && slices.Contains(ends, s.rsv.Status.Phase):
		s.say("mirror", "let the reservation go: %s", s.rsv.Status.Phase)
		s.rsv = nil
	case s.order != nil && keeps(s.order) && len(s.order.Finalizers) == 1:
		history := order.HistoryOf(s.order)
		s.say("mirror", "let the order go, whose last word is %s", entryText(history[len(history)-1]))
		s.setFinalizers(&v1alpha1.Order{})
	default:
		return false
	}
	return true
}

// leave has the mirror take the first of its three steps to archive the order.
func (s *sim) leave() {
	s.say("mirror", "take the finalizers off")
	leaving := &v1alpha1.Order{}
	leaving.Annotations = map[string]string{v1alpha1.LeavingAnnotation: "true"}
	s.setFinalizers(leaving)
	s.settle()
}

// unasked marks an order that is about to be placed.
func unasked(o *v1alpha1.Order) {
	metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.UnaskedAnnotation, "true")
}

// asked has the mirror take the mark off.
func (s *sim) asked() {
	s.say("mirror", "take the mark off")
	s.order = s.order.DeepCopy()
	delete(s.order.Annotations, v1alpha1.UnaskedAnnotation)
	s.order.ResourceVersion = s.nextVersion()
	s.settle()
}

// setFinalizers gives the order the finalizers and the annotations of another; one that is
// being deleted and has none left is gone.
func (s *sim) setFinalizers(of *v1alpha1.Order) {
	if s.order.DeletionTimestamp != nil && len(of.Finalizers) == 0 {
		s.order = nil
		return
	}
	s.order = s.order.DeepCopy()
	s.order.Finalizers, s.order.Annotations = of.Finalizers, of.Annotations
	s.order.ResourceVersion = s.nextVersion()
}

// deleteReservation is a DELETE at the API server: the mirror's finalizer makes it wait.
func (s *sim) deleteReservation() {
	if len(s.rsv.Finalizers) == 0 {
		s.rsv = nil
		return
	}
	s.rsv = s.rsv.DeepCopy()
	now := metav1.NewTime(s.now)
	s.rsv.DeletionTimestamp = &now
	s.rsv.ResourceVersion = s.nextVersion()
}
