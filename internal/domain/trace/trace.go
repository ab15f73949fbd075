// Package trace is how a request is found again: in its answer, in log lines, on the
// objects that it made, and in the events that follow from them.
//
// A trace has an id, which people search for, and a parent, which tools follow: the W3C
// traceparent of the span that the gateway served the request in
// (https://www.w3.org/TR/trace-context/). What a client says of either is checked and
// bounded before anybody repeats it, and so is what an object says, since anybody may
// write that.
package trace

import (
	"encoding/hex"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// MaxID is how long an id may be that is taken over, in bytes.
const MaxID = 128

// Lengths of a traceparent, in bytes: its ids, and what every version has.
const (
	traceIDLength = 32
	spanIDLength  = 16
	parentLength  = 55
	// maxParent bounds what a later version may add.
	maxParent = 256
)

// knownFlags are those of W3C Trace Context: sampled, and random trace id.
const knownFlags = 0x03

// Trace of a request.
type Trace struct {
	// ID is what the answer has as X-Trace-Id.
	ID string
	// Parent is the traceparent of the span in which the request is served. Its trace id is
	// ID, unless the client gave an id that is none of W3C's.
	Parent string
}

// Source makes new ids, of random lower-case hexadecimal digits.
type Source struct {
	// Trace makes 32 digits, and Span 16.
	Trace, Span func() string
}

// Of a request that says these values of X-Trace-Id and traceparent, empty where it says
// none. The id that a client gave wins as the one to show. The trace goes on with the
// span of the gateway and the flags of the client; what is malformed or too long counts
// as not said.
func Of(id, parent string, random Source) Trace {
	traceID, flags, continued := parse(parent)
	switch {
	case continued:
	case isW3C(id, traceIDLength):
		traceID, flags = id, 1
	default:
		traceID, flags = random.Trace(), 1
	}
	if !IsID(id) {
		id = traceID
	}
	return Trace{ID: id, Parent: "00-" + traceID + "-" + random.Span() + "-" + hex.EncodeToString([]byte{flags & knownFlags})}
}

// Annotations are what an object says of the request that made it. An id that the
// parent has is not said twice: the API server keeps each annotation, and who set it,
// with every version of the object.
func (t Trace) Annotations() map[string]string {
	said := map[string]string{}
	if t.Parent != "" {
		said[v1alpha1.TraceParentAnnotation] = t.Parent
	}
	if traceID, _, _ := parse(t.Parent); t.ID != traceID {
		said[v1alpha1.TraceIDAnnotation] = t.ID
	}
	return said
}

// IDOf returns the id of the request that made an object, the one its answer had as
// X-Trace-Id. It is empty when the object says none, or one that no request may have.
func IDOf(o metav1.Object) string {
	annotations := o.GetAnnotations()
	if id := annotations[v1alpha1.TraceIDAnnotation]; IsID(id) {
		return id
	}
	traceID, _, _ := parse(annotations[v1alpha1.TraceParentAnnotation])
	return traceID
}

// IsID says whether an id is safe in a header, a log line and an annotation: 1 to MaxID
// letters, digits and -_.:/+=.
func IsID(s string) bool {
	if s == "" || len(s) > MaxID {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:/+=", r) {
			return false
		}
	}
	return true
}

// parse reads a traceparent: version-traceid-parentid-flags. A version that is not known
// is read as far as version 00 goes, as W3C asks.
func parse(s string) (traceID string, flags byte, ok bool) {
	if len(s) < parentLength || len(s) > maxParent || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return "", 0, false
	}
	version := s[:2]
	switch {
	case !isHex(version) || version == "ff",
		version == "00" && len(s) != parentLength,
		len(s) > parentLength && s[parentLength] != '-',
		!isW3C(s[3:35], traceIDLength), !isW3C(s[36:52], spanIDLength), !isHex(s[53:parentLength]):
		return "", 0, false
	}
	bits, _ := hex.DecodeString(s[53:parentLength]) // isHex has seen it
	return s[3:35], bits[0], true
}

// isW3C says whether an id has so many digits and is not all zeros, which is none.
func isW3C(s string, length int) bool {
	return len(s) == length && isHex(s) && strings.Trim(s, "0") != ""
}

// isHex says whether all are hexadecimal digits in lower case.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
