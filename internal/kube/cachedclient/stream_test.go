package cachedclient

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func watching(text string) *stream[v1alpha1.Order, *v1alpha1.Order] {
	return newStream[v1alpha1.Order](io.NopCloser(strings.NewReader(text)), newPosition("1"), decoding())
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

// told is a watch that a test writes to, and reads from as an informer does.
type told struct {
	t      *testing.T
	stream *stream[v1alpha1.Order, *v1alpha1.Order]
	server *io.PipeWriter
}

func watchFrom(t *testing.T, p *position) told {
	t.Helper()
	body, server := io.Pipe()
	s := newStream[v1alpha1.Order](body, p, decoding())
	t.Cleanup(s.Close)
	return told{t, s, server}
}

func (w told) bring(kind watch.EventType, uid, resourceVersion string) {
	w.t.Helper()
	if _, err := fmt.Fprintf(w.server, `{"type":%q,"object":{"metadata":{"uid":%q,"resourceVersion":%q}}}`+"\n", kind, uid, resourceVersion); err != nil {
		w.t.Error(err)
	}
}

func (w told) write(uid, resourceVersion string) {
	w.stream.tell(&v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid), ResourceVersion: resourceVersion}})
}

func (w told) expect(kind watch.EventType, uid, resourceVersion string) {
	w.t.Helper()
	got, o, err := w.stream.Decode()
	if err != nil {
		w.t.Fatal(err)
	}
	if v := versionOf(o.(*v1alpha1.Order)); got != kind || v != (version{types.UID(uid), resourceVersion}) {
		w.t.Errorf("told %s %+v, want %s %s %s", got, v, kind, uid, resourceVersion)
	}
}

func (w told) expectEnd() {
	w.t.Helper()
	if err := w.server.Close(); err != nil {
		w.t.Fatal(err)
	}
	if kind, o, err := w.stream.Decode(); !errors.Is(err, io.EOF) {
		w.t.Errorf("at the end: %s %+v, %v", kind, o, err)
	}
}

func TestAnOwnWriteIsToldAtOnceAndOnce(t *testing.T) {
	w := watchFrom(t, newPosition("10"))
	w.write("a", "12")
	w.expect(watch.Modified, "a", "12")
	go func() {
		w.bring(watch.Added, "a", "11")    // older
		w.bring(watch.Modified, "a", "12") // the echo
		w.bring(watch.Modified, "b", "13")
		w.bring(watch.Modified, "a", "14")
	}()
	w.expect(watch.Modified, "b", "13")
	w.expect(watch.Modified, "a", "14")
	w.expectEnd()
}

func TestAWriteThatTheWatchHasPassedIsNotTold(t *testing.T) {
	w := watchFrom(t, newPosition("10"))
	go func() {
		w.bring(watch.Modified, "a", "11")
		w.bring(watch.Deleted, "a", "13")
		w.bring(watch.Bookmark, "", "20")
		w.bring(watch.Added, "z", "21")
	}()
	w.expect(watch.Modified, "a", "11")
	w.expect(watch.Deleted, "a", "13")
	w.expect(watch.Bookmark, "", "20")
	w.write("a", "12") // its answer came late
	w.write("b", "19")
	w.expect(watch.Added, "z", "21")
	w.write("z", "21")
	w.write("a", "odd")
	w.write("c", "22")
	w.expect(watch.Modified, "c", "22")
	w.write("c", "22")
	w.expectEnd()
}

func TestADeletionIsToldAfterAnOwnWrite(t *testing.T) {
	w := watchFrom(t, newPosition("10"))
	w.write("a", "12")
	w.expect(watch.Modified, "a", "12")
	go w.bring(watch.Deleted, "a", "13")
	w.expect(watch.Deleted, "a", "13")
	w.expectEnd()
	if p := w.stream.stands(); p.at != "13" || len(p.ahead) != 0 {
		t.Errorf("it stands at %+v", p)
	}
}

func TestAWatchGoesOnWhereTheInformerIs(t *testing.T) {
	w := watchFrom(t, newPosition("10"))
	stands := func(at string, ahead int) {
		t.Helper()
		if p := w.stream.stands(); p.at != at || len(p.ahead) != ahead {
			t.Errorf("it stands at %+v, want %s and %d ahead", p, at, ahead)
		}
	}
	w.write("a", "15")
	w.expect(watch.Modified, "a", "15")
	stands("10", 0) // nobody knows yet that it got there
	go w.bring(watch.Modified, "b", "12")
	w.expect(watch.Modified, "b", "12")
	stands("10", 1)
	go w.bring(watch.Modified, "b", "13")
	w.expect(watch.Modified, "b", "13")
	stands("12", 1)

	// The next one is told again what may not have got there, and not what did.
	w = watchFrom(t, w.stream.stands())
	go func() {
		w.bring(watch.Modified, "b", "13")
		w.bring(watch.Modified, "a", "15")
		w.bring(watch.Modified, "c", "16")
	}()
	w.expect(watch.Modified, "b", "13")
	w.expect(watch.Modified, "c", "16")
	w.expectEnd()
	stands("16", 0)
}

func TestNothingIsToldWhileItIsNotKnownHowFarTheWatchIs(t *testing.T) {
	w := watchFrom(t, newPosition(""))
	w.write("a", "90")
	go func() {
		w.bring(watch.Added, "b", "70") // what there is, in any order
		w.bring(watch.Added, "a", "50")
		w.bring(watch.Bookmark, "", "80")
		w.bring(watch.Modified, "b", "81")
	}()
	w.expect(watch.Added, "b", "70")
	w.write("a", "90")
	w.expect(watch.Added, "a", "50")
	w.expect(watch.Bookmark, "", "80")
	w.expect(watch.Modified, "b", "81")
	w.write("a", "90")
	w.expect(watch.Modified, "a", "90")
	w.expectEnd()
}
