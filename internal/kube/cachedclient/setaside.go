package cachedclient

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Unreadable is a field of a stored object that its Go type can't hold.
type Unreadable struct {
	// Field is its path in the object, such as "spec.policy.pendingTimeout".
	Field string
	// Problem is why it can't be decoded.
	Problem string
}

// SetAsideError says that an object is there and can't be decoded. Whoever reads it gets what
// could be decoded of it as well: its metadata always, and every field but the unreadable ones.
type SetAsideError struct {
	Kind   string
	Key    client.ObjectKey
	Fields []Unreadable
}

func (e *SetAsideError) Error() string {
	return fmt.Sprintf("%s %s is set aside: %s", e.Kind, e.Key, describe(e.Fields))
}

// WasSetAside reports whether an error says that an object is set aside.
func WasSetAside(err error) bool {
	var aside *SetAsideError
	return errors.As(err, &aside)
}

// describe names the first of the fields; the others are seldom another story.
func describe(fields []Unreadable) string {
	text := fmt.Sprintf("%s can't be decoded: %s", fields[0].Field, fields[0].Problem)
	if more := len(fields) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more fields)", more)
	}
	return text
}

// marker is the manager of the managed fields that mark an object as set aside. Managed fields
// are not decoded, so no stored object can carry it.
const marker = "orderplane.dev/set-aside"

// IsSetAside reports whether an object is only what could be decoded of a stored one. A cache
// hands such objects to event handlers; reads refuse or leave them out.
func IsSetAside(o metav1.Object) bool {
	fields := o.GetManagedFields()
	return len(fields) > 0 && fields[0].Manager == marker
}

// UnreadableFields are the fields for which an object is set aside; none when it is not.
func UnreadableFields(o metav1.Object) []Unreadable {
	if !IsSetAside(o) {
		return nil
	}
	var fields []Unreadable
	for _, f := range o.GetManagedFields() {
		fields = append(fields, Unreadable{Field: f.Subresource, Problem: f.FieldsType})
	}
	return fields
}

// IsUnreadable reports whether an object is set aside because of a field at this path, or of
// one above or below it.
func IsUnreadable(o metav1.Object, path string) bool {
	for _, f := range UnreadableFields(o) {
		if f.Field == path || isBelow(f.Field, path) || isBelow(path, f.Field) {
			return true
		}
	}
	return false
}

func isBelow(field, above string) bool {
	return len(field) > len(above) && strings.HasPrefix(field, above) && (field[len(above)] == '.' || field[len(above)] == '[')
}

// mark sets an object aside.
func mark(o metav1.Object, fields []Unreadable) {
	marks := make([]metav1.ManagedFieldsEntry, 0, len(fields))
	for _, f := range fields {
		marks = append(marks, metav1.ManagedFieldsEntry{Manager: marker, Subresource: f.Field, FieldsType: f.Problem})
	}
	o.SetManagedFields(marks)
}

// refuse is the error of an object that is set aside, nil for any other.
func refuse(o client.Object) error {
	if !IsSetAside(o) {
		return nil
	}
	return &SetAsideError{Kind: kindOf(o), Key: client.ObjectKeyFromObject(o), Fields: UnreadableFields(o)}
}

func kindOf(o any) string { return reflect.TypeOf(o).Elem().Name() }
