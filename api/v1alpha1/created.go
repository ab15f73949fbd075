package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CreatedAnnotation says when an order or a basket was created, in RFC 3339 with fractions of
// a second: its creationTimestamp has none. Whoever creates it writes it down, the
// gateway or admission; lists that are newest first sort the orders of one second by it.
const CreatedAnnotation = "orderplane.dev/created"

// MarkCreated writes down when an object is created.
func MarkCreated(o metav1.Object, now time.Time) {
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[CreatedAnnotation] = now.UTC().Format(time.RFC3339Nano)
	o.SetAnnotations(annotations)
}

// KeepCreated keeps what was written down at the create, whatever an update says.
func KeepCreated(o, old *Order) {
	created, known := old.Annotations[CreatedAnnotation]
	switch {
	case !known:
		delete(o.Annotations, CreatedAnnotation)
	case o.Annotations == nil:
		o.Annotations = map[string]string{CreatedAnnotation: created}
	default:
		o.Annotations[CreatedAnnotation] = created
	}
}

// CreatedAt is when an object was created, as exactly as is known: its
// creationTimestamp where nobody wrote down more.
func CreatedAt(o metav1.Object) time.Time {
	if at, err := time.Parse(time.RFC3339Nano, o.GetAnnotations()[CreatedAnnotation]); err == nil {
		return at
	}
	return o.GetCreationTimestamp().Time
}

// ListedAt is the moment by which lists sort an object: the second of its creationTimestamp, which
// the API server's clock says, and within that second what its creator wrote down. It has
// microseconds, as Postgres has.
func ListedAt(o metav1.Object) time.Time {
	second := o.GetCreationTimestamp().UTC().Truncate(time.Second)
	within := min(max(CreatedAt(o).Sub(second), 0), time.Second-time.Microsecond)
	return second.Add(within.Truncate(time.Microsecond))
}
