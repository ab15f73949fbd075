package v1alpha1

const (
	// MirrorFinalizer keeps an object until the mirror has told what became of it. Objects
	// have it only in namespaces that are mirrored.
	MirrorFinalizer = "orderplane.dev/mirror"
	// LeavingAnnotation marks a finished order that leaves the cluster for the archive: its
	// finalizers were taken off, and it is deleted next unless somebody wants something of it.
	LeavingAnnotation = "orderplane.dev/leaving"
	// UnaskedAnnotation marks an order that was created without asking the archive whether
	// there was one of its name before. It is not shipped until the mirror has asked.
	UnaskedAnnotation = "orderplane.dev/unasked"
)
