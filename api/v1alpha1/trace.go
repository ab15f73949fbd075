package v1alpha1

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// TraceParentAnnotation carries the W3C traceparent of the span in which the request was
	// served that made the object.
	TraceParentAnnotation = "orderplane.dev/traceparent"
	// TraceIDAnnotation carries the X-Trace-Id of the request that made the object
	// where that is not the trace id of TraceParentAnnotation; internal/domain/trace reads both.
	TraceIDAnnotation = "orderplane.dev/trace-id"
	// RequestFingerprintAnnotation carries a hash of the request that made the object, to
	// tell a repeat of it from another request under the same idempotency key.
	RequestFingerprintAnnotation = "orderplane.dev/request-fingerprint"
)

// RequestAnnotations are what an object says of the request that made it. They never
// change, whoever writes the object; an admission policy sees to that.
func RequestAnnotations() []string {
	return []string{TraceParentAnnotation, TraceIDAnnotation, RequestFingerprintAnnotation, CreatedAnnotation}
}

// KeepRequestAnnotations puts back on an object what it said of the request that made
// it and a write leaves out. What a write changes is left for the policy to refuse.
func KeepRequestAnnotations(o, old metav1.Object) {
	for _, key := range RequestAnnotations() {
		was, said := old.GetAnnotations()[key]
		if _, says := o.GetAnnotations()[key]; !said || says {
			continue
		}
		annotations := maps.Clone(o.GetAnnotations())
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[key] = was
		o.SetAnnotations(annotations)
	}
}
