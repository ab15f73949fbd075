package cachedclient

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest/fake"
	"k8s.io/utils/ptr"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// client-go reads its switches once, before the first of these tests asks for one.
func TestMain(m *testing.M) {
	if err := ByList(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// silent is an API server whose watches bring nothing. It notes from where they begin.
func silent(from *[]string) *reader[v1alpha1.Order, *v1alpha1.Order] {
	return &reader[v1alpha1.Order, *v1alpha1.Order]{resource: "orders", decoding: decoding(), rest: &fake.RESTClient{
		NegotiatedSerializer: scheme.Codecs, GroupVersion: v1alpha1.GroupVersion,
		Client: fake.CreateHTTPClient(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("watch") == "" {
				return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"metadata":{"resourceVersion":"30"},"items":[]}`))}, nil
			}
			*from = append(*from, r.URL.Query().Get("resourceVersion"))
			body, _ := io.Pipe()
			return &http.Response{StatusCode: http.StatusOK, Body: body}, nil
		}),
	}}
}

func TestWhereAWatchBegins(t *testing.T) {
	var from []string
	r := silent(&from)
	begin := func(o metav1.ListOptions) watch.Interface {
		t.Helper()
		w, err := r.WatchWithContext(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Stop)
		return w
	}
	own := func(w watch.Interface, uid, version string) {
		t.Helper()
		r.tell([]byte(`{"metadata":{"uid":"` + uid + `","resourceVersion":"` + version + `"}}`))
		if e := <-w.ResultChan(); e.Type != watch.Modified || e.Object.(*v1alpha1.Order).ResourceVersion != version {
			t.Errorf("told %+v", e)
		}
	}
	r.tell([]byte(`{"metadata":{"uid":"a","resourceVersion":"15"}}`)) // nobody watches yet
	w := begin(metav1.ListOptions{ResourceVersion: "10"})
	own(w, "a", "15")
	own(w, "b", "16")
	r.tell([]byte(`no object`))
	w.Stop()
	w = begin(metav1.ListOptions{ResourceVersion: "16"}) // what a reflector saw last
	own(w, "a", "17")
	w.Stop()
	begin(metav1.ListOptions{ResourceVersion: "17", SendInitialEvents: ptr.To(true)}).Stop()
	begin(metav1.ListOptions{ResourceVersion: "0"}).Stop()
	begin(metav1.ListOptions{ResourceVersion: "20"}).Stop()
	if _, err := r.ListWithContext(t.Context(), metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	own(begin(metav1.ListOptions{ResourceVersion: "30"}), "a", "31")
	if got := strings.Join(from, " "); got != "10 10 17 0 20 30" {
		t.Errorf("watches began at %s", got)
	}
}
