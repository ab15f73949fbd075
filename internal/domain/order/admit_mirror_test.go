package order_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// What an update of an order that a mirror keeps may leave out, and what is put back.
func TestKeepMirrored(t *testing.T) {
	both := []string{v1alpha1.OrderFinalizer, v1alpha1.MirrorFinalizer}
	leaving := map[string]string{v1alpha1.LeavingAnnotation: "true"}
	unasked := map[string]string{v1alpha1.UnaskedAnnotation: "true"}
	type shape struct {
		finalizers  []string
		annotations map[string]string
	}
	for name, c := range map[string]struct {
		before, sent, want shape
		deleted            bool
	}{
		"a manifest without anything":    {shape{both, unasked}, shape{}, shape{both, unasked}, false},
		"one finalizer is left out":      {shape{both, nil}, shape{both[:1], nil}, shape{both, nil}, false},
		"the mark is taken off":          {shape{both, unasked}, shape{both, nil}, shape{both, nil}, false},
		"the order begins to leave":      {shape{both, nil}, shape{nil, leaving}, shape{nil, leaving}, false},
		"it is leaving, and changed":     {shape{nil, leaving}, shape{nil, nil}, shape{nil, leaving}, false},
		"it stays":                       {shape{nil, leaving}, shape{both, nil}, shape{both, nil}, false},
		"it was marked with finalizers":  {shape{both, leaving}, shape{nil, leaving}, shape{both, leaving}, false},
		"it is let go":                   {shape{both, nil}, shape{both[1:], nil}, shape{both[1:], nil}, true},
		"it is let go, and was to leave": {shape{both, nil}, shape{nil, leaving}, shape{nil, leaving}, true},
	} {
		made := func(s shape) *v1alpha1.Order {
			o := anOrder().order()
			o.Finalizers, o.Annotations = slices.Clone(s.finalizers), maps.Clone(s.annotations)
			if c.deleted {
				deleted(o)
			}
			return o
		}
		o, old := made(c.sent), made(c.before)
		order.KeepMarks(o, old)
		order.Keep(o, old)
		order.KeepMirrored(o, old)
		slices.Sort(o.Finalizers)
		want := slices.Sorted(slices.Values(c.want.finalizers))
		if diff := cmp.Diff(want, o.Finalizers); diff != "" && len(want)+len(o.Finalizers) > 0 {
			t.Errorf("%s: finalizers (-want +got)\n%s", name, diff)
		}
		if !maps.Equal(o.Annotations, c.want.annotations) {
			t.Errorf("%s: annotations %v, want %v", name, o.Annotations, c.want.annotations)
		}
	}
}
