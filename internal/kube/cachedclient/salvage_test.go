package cachedclient

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestWhatCanBeDecodedIsKept(t *testing.T) {
	for name, tc := range map[string]struct {
		text   string
		fields []Unreadable
		keeps  func(*v1alpha1.StockReservation) bool
	}{
		"a text where a time should be": {
			`{"metadata":{"name":"r","resourceVersion":"7","finalizers":["f"]},"spec":{"expiresAt":"soon","lines":[{"productID":"tea","quantity":2}]},"status":{"phase":"Reserved"}}`,
			[]Unreadable{{"spec.expiresAt", `parsing time "soon" as "2006-01-02T15:04:05Z07:00": cannot parse "soon" as "2006"`}},
			func(r *v1alpha1.StockReservation) bool {
				return r.Spec.ExpiresAt == nil && r.Spec.Lines[0].Quantity == 2 && r.Status.Phase == "Reserved" && r.Finalizers[0] == "f"
			},
		},
		"two fields, one in a list": {
			`{"metadata":{"name":"r","resourceVersion":"7"},"status":{"phase":4,"allocations":[{"productID":"tea","quantity":1},{"productID":"mug","itemUID":"u","quantity":1e30}]}}`,
			[]Unreadable{{"status.phase", "a JSON number is no v1alpha1.StockReservationPhase"}, {"status.allocations[1].quantity", "1e30 is no int64"}},
			func(r *v1alpha1.StockReservation) bool {
				return len(r.Status.Allocations) == 2 && r.Status.Allocations[1].ItemUID == "u" && r.Status.Allocations[0].Quantity == 1
			},
		},
		"a list where an object should be": {
			`{"metadata":{"name":"r","resourceVersion":"7"},"spec":[1],"status":{"phase":"Reserved"}}`,
			[]Unreadable{{"spec", "a JSON [ is no v1alpha1.StockReservationSpec"}},
			func(r *v1alpha1.StockReservation) bool { return r.Status.Phase == "Reserved" },
		},
		"a label": {
			`{"metadata":{"name":"r","resourceVersion":"7","labels":{"a/b":7,"c":"d"}},"status":{"phase":"Reserved"}}`,
			[]Unreadable{{"metadata.labels.a/b", "a JSON number is no string"}},
			func(r *v1alpha1.StockReservation) bool { return r.Labels["c"] == "d" && r.Status.Phase == "Reserved" },
		},
	} {
		r, err := decodeObject[v1alpha1.StockReservation]([]byte(tc.text), decoding())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !IsSetAside(r) || r.Name != "r" || r.ResourceVersion != "7" || !tc.keeps(r) {
			t.Errorf("%s: %+v", name, r)
		}
		if diff := cmp.Diff(tc.fields, UnreadableFields(r)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, f := range tc.fields {
			if !IsUnreadable(r, f.Field) || !IsUnreadable(r, strings.Split(f.Field, ".")[0]) || IsUnreadable(r, f.Field+"x") {
				t.Errorf("%s: %s is asked for wrongly", name, f.Field)
			}
		}
	}
}

func TestOfWhatIsPastHelpTheMetadataIsKept(t *testing.T) {
	text := `{"metadata":{"name":"r","resourceVersion":"7"},"status":{"allocations":[` + strings.Repeat(`{"quantity":"x"},`, 100) + `{}]}}`
	r, err := decodeObject[v1alpha1.StockReservation]([]byte(text), decoding())
	if err != nil || r.Name != "r" || len(r.Status.Allocations) > 0 || !IsUnreadable(r, "spec") || !IsUnreadable(r, "status.phase") {
		t.Errorf("%+v, %v", r, err)
	}
	for _, text := range []string{`{"metadata":{"name":7,"resourceVersion":"7"}}`, `{"spec":{"expiresAt":"soon"}}`, `7`, `{"metadata":7}`, `{"metadata":{"name":"r"`} {
		if r, err := decodeObject[v1alpha1.StockReservation]([]byte(text), decoding()); err == nil {
			t.Errorf("%s is decoded as %+v", text, r)
		}
	}
}

// Whatever stands in an object, it can't pass itself off as set aside.
func TestNoStoredObjectCarriesTheMark(t *testing.T) {
	text := `{"metadata":{"name":"r","resourceVersion":"7","managedFields":[{"manager":"` + marker + `","subresource":"spec"}]}}`
	if r, err := decodeObject[v1alpha1.StockReservation]([]byte(text), decoding()); err != nil || IsSetAside(r) {
		t.Errorf("%+v, %v", r, err)
	}
}
