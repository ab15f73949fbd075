package v1alpha1_test

import (
	"testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestTraceID(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, tc := range map[string]struct{ parent, id, want string }{
		"none":                     {"", "", ""},
		"of the traceparent":       {parent, "", "0af7651916cd43dd8448eb211c80319c"},
		"of the client":            {"", "abc", "abc"},
		"the client's comes first": {parent, "abc", "abc"},
		"rubbish":                  {"a-b", "", ""},
	} {
		o := &v1alpha1.Order{}
		o.Annotations = map[string]string{}
		if tc.parent != "" {
			o.Annotations[v1alpha1.TraceParentAnnotation] = tc.parent
		}
		if tc.id != "" {
			o.Annotations[v1alpha1.TraceIDAnnotation] = tc.id
		}
		if got := v1alpha1.TraceID(o); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
