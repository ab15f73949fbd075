package cachedclient

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func watching(text string) *watchDecoder[v1alpha1.Order, *v1alpha1.Order] {
	return newWatchDecoder[v1alpha1.Order](io.NopCloser(strings.NewReader(text)), decoding(), newNews(logr.Discard(), "Order"))
}

func TestEvents(t *testing.T) {
	w := watching(`{"type":"ADDED","object":{"kind":"Order","metadata":{"name":"a"},"spec":{"customerID":"c"}}}
{"type":"MODIFIED",
  "object":{"metadata":
    {"name":"b"}}}
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

func TestCloseEndsADecodeThatWaits(t *testing.T) {
	body, server := io.Pipe()
	defer server.Close() //nolint:errcheck // nothing is written
	w := newWatchDecoder[v1alpha1.Order](body, decoding(), newNews(logr.Discard(), "Order"))
	ended := make(chan error)
	go func() {
		_, _, err := w.Decode()
		ended <- err
	}()
	w.Close()
	if err := <-ended; err == nil {
		t.Error("it goes on")
	}
}
