package cachedclient

import (
	"io"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/internalversion"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

const twoItems = `{"apiVersion":"orderplane.dev/v1alpha1","items":[
	{"apiVersion":"orderplane.dev/v1alpha1","kind":"Order","metadata":{"name":"a","resourceVersion":"5"},"spec":{"customerID":"c"},"later":{"x":[1]}},
	{"metadata":{"name":"b","resourceVersion":"6"},"status":{"phase":"Pending"}}],
	"kind":"OrderList","metadata":{"continue":"next","remainingItemCount":7,"resourceVersion":"9"}}`

// listOf reads a list of orders as a list is read at first.
func listOf(r io.Reader) (*internalversion.List, error) {
	lw := &listWatch[v1alpha1.Order, *v1alpha1.Order]{decoding: decoding()}
	return decodeList(r, lw.decoding, lw.read)
}

func TestDecodeList(t *testing.T) {
	list, err := listOf(strings.NewReader(twoItems))
	if err != nil {
		t.Fatal(err)
	}
	if list.ResourceVersion != "9" || list.Continue != "next" || len(list.Items) != 2 {
		t.Fatalf("%+v", list)
	}
	a, b := list.Items[0].(*v1alpha1.Order), list.Items[1].(*v1alpha1.Order)
	if a.Name != "a" || a.Spec.CustomerID != "c" || a.Kind != "" || b.ResourceVersion != "6" || b.Status.Phase != v1alpha1.OrderPending {
		t.Errorf("%+v\n%+v", a, b)
	}
	if list, err = listOf(strings.NewReader(`{"items":[],"metadata":{"resourceVersion":"9"}}`)); err != nil || len(list.Items) != 0 {
		t.Errorf("an empty list: %+v, %v", list, err)
	}
}

func TestAListThatEndsEarlyIsNone(t *testing.T) {
	for end := range len(twoItems) {
		if list, err := listOf(strings.NewReader(twoItems[:end])); err == nil {
			t.Fatalf("%q is read as %+v", twoItems[:end], list)
		}
	}
	for _, wrong := range []string{`[]`, `7`, `{"items":{}}`, `{"items":null}`} {
		if _, err := listOf(strings.NewReader(wrong)); err == nil || !strings.Contains(err.Error(), "found") {
			t.Errorf("%s: %v does not say what was found", wrong, err)
		}
	}
	for _, wrong := range []string{`{"items":[{"metadata":7}]}`, `{"items":[]]`} {
		if list, err := listOf(strings.NewReader(wrong)); err == nil {
			t.Errorf("%s is read as %+v", wrong, list)
		}
	}
}
