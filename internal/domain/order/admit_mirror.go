package order

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// CompleteMirrored gives a new order what it has beside all others where a mirror serves its
// namespace: the finalizer by which it is kept until it is told.
func CompleteMirrored(o *v1alpha1.Order) { addFinalizer(o, v1alpha1.MirrorFinalizer) }

// MarkUnasked marks a new order as created without asking the archive for its name. It is
// reserved and confirmed, and not shipped until the mirror takes the mark off.
func MarkUnasked(o *v1alpha1.Order) {
	metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.UnaskedAnnotation, "true")
}

// CompleteUnmirrored takes from a new order what only a mirror takes off again, where there
// is none: a manifest that was read from another namespace may have it.
func CompleteUnmirrored(o *v1alpha1.Order) {
	kept := o.Finalizers[:0]
	for _, name := range o.Finalizers {
		if name != v1alpha1.MirrorFinalizer {
			kept = append(kept, name)
		}
	}
	o.Finalizers = kept
	delete(o.Annotations, v1alpha1.UnaskedAnnotation)
}

// KeepMirrored puts back what an update leaves out and only the mirror takes off: its
// finalizer, of a live order, and the mark of one whose archive nobody asked. Applied says
// that the update is a server-side apply, which takes away what its author never set; in any
// other, the mark that is missing was taken off.
func KeepMirrored(o, old *v1alpha1.Order, applied bool) {
	keepFinalizer(o, old, v1alpha1.MirrorFinalizer)
	if applied {
		keepAnnotation(o, old, v1alpha1.UnaskedAnnotation)
	}
}

// KeepLeaving puts the mark of an order that is leaving back, unless the order has its
// finalizer again and so stays.
func KeepLeaving(o, old *v1alpha1.Order) {
	if !hasFinalizer(o, v1alpha1.OrderFinalizer) {
		keepAnnotation(o, old, v1alpha1.LeavingAnnotation)
	}
}

func keepAnnotation(o, old *v1alpha1.Order, name string) {
	was, said := old.Annotations[name]
	if _, says := o.Annotations[name]; said && !says {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, name, was)
	}
}
