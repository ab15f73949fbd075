package cachedclient

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest/fake"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// client-go reads its switches once, before the first of these tests asks for one.
func TestMain(m *testing.M) {
	if err := DisableWatchList(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// serving is an API server that answers every request like this. It notes what was asked.
func serving(code int, text string, asked *string) *listWatch[v1alpha1.Order, *v1alpha1.Order] {
	namespace := "shop"
	return &listWatch[v1alpha1.Order, *v1alpha1.Order]{namespace: &namespace, resource: "orders", decoding: decoding(), news: newNews(logr.Discard(), "Order"), rest: &fake.RESTClient{
		NegotiatedSerializer: scheme.Codecs, GroupVersion: v1alpha1.GroupVersion,
		Client: fake.CreateHTTPClient(func(r *http.Request) (*http.Response, error) {
			*asked = r.URL.RequestURI()
			header := http.Header{"Content-Type": {"application/json"}}
			return &http.Response{StatusCode: code, Header: header, Body: io.NopCloser(strings.NewReader(text))}, nil
		}),
	}}
}

func TestAListIsAskedForAndDecoded(t *testing.T) {
	var asked string
	list, err := serving(http.StatusOK, twoItems, &asked).ListWithContext(t.Context(), metav1.ListOptions{Limit: 3, Continue: "here"})
	if err != nil {
		t.Fatal(err)
	}
	if items, ok := list.(interface{ GetContinue() string }); !ok || items.GetContinue() != "next" {
		t.Errorf("listed %+v", list)
	}
	if want := "/namespaces/shop/orders?continue=here&limit=3"; !strings.HasSuffix(asked, want) {
		t.Errorf("asked for %s, want %s", asked, want)
	}
}

func TestAWatchBeginsWhereItIsAskedTo(t *testing.T) {
	var asked string
	text := `{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"11"}}}`
	w, err := serving(http.StatusOK, text, &asked).WatchWithContext(t.Context(), metav1.ListOptions{ResourceVersion: "10", AllowWatchBookmarks: true})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if e := <-w.ResultChan(); e.Type != watch.Added || e.Object.(*v1alpha1.Order).Name != "a" {
		t.Errorf("%+v", e)
	}
	if e, more := <-w.ResultChan(); more {
		t.Errorf("after the end: %+v", e)
	}
	if want := "/namespaces/shop/orders?allowWatchBookmarks=true&resourceVersion=10&watch=true"; !strings.HasSuffix(asked, want) {
		t.Errorf("asked for %s, want %s", asked, want)
	}
}

func TestAnEventThatCanNotBeDecodedIsAnErrorOfTheWatch(t *testing.T) {
	var asked string
	w, err := serving(http.StatusOK, `{"type":"ADDED","object":7}`, &asked).WatchWithContext(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if e := <-w.ResultChan(); e.Type != watch.Error {
		t.Errorf("%+v", e)
	}
}

// The informer then goes on after the last event. An error would have it list again.
func TestAWatchThatIsCutIsNoError(t *testing.T) {
	whole := `{"type":"ADDED","object":{"metadata":{"name":"a"}}}`
	for end := range len(whole) {
		var asked string
		w, err := serving(http.StatusOK, whole+whole[:end], &asked).WatchWithContext(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if e := <-w.ResultChan(); e.Type != watch.Added {
			t.Errorf("%+v", e)
		}
		if e, more := <-w.ResultChan(); more {
			t.Errorf("cut after %s: %+v", whole[:end], e)
		}
	}
}

func TestTheAPIServersErrorsAreItsOwn(t *testing.T) {
	var asked string
	expired := `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}`
	lw := serving(http.StatusGone, expired, &asked)
	if list, err := lw.ListWithContext(t.Context(), metav1.ListOptions{}); !apierrors.IsResourceExpired(err) {
		t.Errorf("a list: %+v, %v", list, err)
	}
	if w, err := lw.WatchWithContext(t.Context(), metav1.ListOptions{}); !apierrors.IsResourceExpired(err) {
		t.Errorf("a watch: %+v, %v", w, err)
	}
}
