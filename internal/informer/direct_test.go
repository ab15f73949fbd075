package informer

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

const twoItems = `{"apiVersion":"orderplane.dev/v1alpha1","items":[
	{"apiVersion":"orderplane.dev/v1alpha1","kind":"Order","metadata":{"name":"a","resourceVersion":"5"},"spec":{"customerID":"c"},"later":{"x":[1]}},
	{"metadata":{"name":"b","resourceVersion":"6"},"status":{"phase":"Pending"}}],
	"kind":"OrderList","metadata":{"continue":"next","remainingItemCount":7,"resourceVersion":"9"}}`

func TestReadList(t *testing.T) {
	list, err := readList[v1alpha1.Order](strings.NewReader(twoItems))
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
	if list, err = readList[v1alpha1.Order](strings.NewReader(`{"items":[],"metadata":{"resourceVersion":"9"}}`)); err != nil || len(list.Items) != 0 {
		t.Errorf("an empty list: %+v, %v", list, err)
	}
}

func TestAListThatEndsEarlyIsNone(t *testing.T) {
	for end := range len(twoItems) {
		if list, err := readList[v1alpha1.Order](strings.NewReader(twoItems[:end])); err == nil {
			t.Fatalf("%q is read as %+v", twoItems[:end], list)
		}
	}
	for _, wrong := range []string{`[]`, `7`, `{"items":{}}`, `{"items":null}`, `{"items":[{"metadata":7}]}`, `{"items":[]]`} {
		if list, err := readList[v1alpha1.Order](strings.NewReader(wrong)); err == nil {
			t.Errorf("%s is read as %+v", wrong, list)
		}
	}
}

func watching(text string) *events[v1alpha1.Order, *v1alpha1.Order] {
	body := io.NopCloser(strings.NewReader(text))
	return &events[v1alpha1.Order, *v1alpha1.Order]{body: body, json: json.NewDecoder(body)}
}

func TestEvents(t *testing.T) {
	w := watching(`{"type":"ADDED","object":{"kind":"Order","metadata":{"name":"a"},"spec":{"customerID":"c"}}}
{"type":"MODIFIED","object":{"metadata":{"name":"b"}}}
{"type":"BOOKMARK","object":{"kind":"Order","metadata":{"resourceVersion":"12"}}}
{"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410,"message":"too old resource version"}}
`)
	defer w.Close()
	for _, want := range []struct {
		kind           watch.EventType
		name, customer string
		version        string
	}{{watch.Added, "a", "c", ""}, {watch.Modified, "b", "", ""}, {watch.Bookmark, "", "", "12"}} {
		kind, o, err := w.Decode()
		if err != nil {
			t.Fatal(err)
		}
		got := o.(*v1alpha1.Order)
		if kind != want.kind || got.Name != want.name || got.Spec.CustomerID != want.customer || got.ResourceVersion != want.version || got.Kind != "" {
			t.Errorf("%s %+v, want %+v", kind, got, want)
		}
	}
	kind, o, err := w.Decode()
	if err != nil || kind != watch.Error || !apierrors.IsResourceExpired(apierrors.FromObject(o)) {
		t.Errorf("the API server's error is read as %s %+v, %v", kind, o, err)
	}
	if _, _, err := w.Decode(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestAnEventThatIsNoneEndsTheWatch(t *testing.T) {
	for text, want := range map[string]error{
		`{"type":"ADDED","object":{"metadata":`: io.ErrUnexpectedEOF,
		`{"type":"ADDED","object":7}`:           nil,
		`{"type":"ADDED"}`:                      nil,
		`nonsense`:                              nil,
	} {
		kind, o, err := watching(text).Decode()
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s is read as %s %+v, %v", text, kind, o, err)
		}
	}
}
