package order

import (
	"slices"

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

// WithoutMirror takes off a new order what only a mirror takes off: a manifest that was read
// from another cluster may have it.
func WithoutMirror(o *v1alpha1.Order) {
	o.Finalizers = slices.DeleteFunc(o.Finalizers, func(name string) bool { return name == v1alpha1.MirrorFinalizer })
	delete(o.Annotations, v1alpha1.LeavingAnnotation)
	delete(o.Annotations, v1alpha1.UnaskedAnnotation)
}

// KeepMirrored puts the mirror's finalizer back that an update leaves out of a live order.
func KeepMirrored(o, old *v1alpha1.Order) { keepFinalizer(o, old, v1alpha1.MirrorFinalizer) }

// KeepMarks puts the mirror's marks back where an update leaves them out together with the
// order's finalizer: its author never sent what was filled in. An order that was leaving has its
// finalizer again when it stays, and one whose mark was taken off has it still.
func KeepMarks(o, old *v1alpha1.Order) {
	if !hasFinalizer(o, v1alpha1.OrderFinalizer) {
		keepAnnotation(o, old, v1alpha1.LeavingAnnotation)
		keepAnnotation(o, old, v1alpha1.UnaskedAnnotation)
	}
}

func keepAnnotation(o, old *v1alpha1.Order, name string) {
	was, said := old.Annotations[name]
	if _, says := o.Annotations[name]; said && !says {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, name, was)
	}
}
