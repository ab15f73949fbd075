package webhooks

import (
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror"
)

// holdForMirror gives a new object of a mirrored namespace the finalizer by which it stays
// until the mirror has told what became of it (protocol rule 20 in docs/design/0015-mirror.md).
func holdForMirror(mirrored mirror.Namespaces, namespace string, o client.Object) {
	if mirrored.Has(namespace) {
		controllerutil.AddFinalizer(o, v1alpha1.MirrorFinalizer)
	}
}

// keepForMirror puts that finalizer back where a change of an object leaves it out. From an
// object that is being deleted it may go: that is the mirror's to do.
func keepForMirror(mirrored mirror.Namespaces, o, old client.Object) {
	if o.GetDeletionTimestamp() == nil && controllerutil.ContainsFinalizer(old, v1alpha1.MirrorFinalizer) {
		holdForMirror(mirrored, old.GetNamespace(), o)
	}
}
