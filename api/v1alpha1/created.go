package v1alpha1

import "time"

// CreatedAnnotation says when an order was created, in RFC 3339 with fractions of
// a second: its creationTimestamp has none. Whoever creates it writes it down, the
// gateway or admission; lists that are newest first sort the orders of one second by it.
const CreatedAnnotation = "orderplane.dev/created"

// MarkCreated writes down when an order is created.
func MarkCreated(o *Order, now time.Time) {
	if o.Annotations == nil {
		o.Annotations = map[string]string{}
	}
	o.Annotations[CreatedAnnotation] = now.UTC().Format(time.RFC3339Nano)
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

// CreatedAt is when an order was created, as exactly as is known: its
// creationTimestamp where nobody wrote down more.
func CreatedAt(o *Order) time.Time {
	if at, err := time.Parse(time.RFC3339Nano, o.Annotations[CreatedAnnotation]); err == nil {
		return at
	}
	return o.CreationTimestamp.Time
}
