package check

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	kube "k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/kinds"
)

// served is a client of an API server that answers every list with two pages.
func served(t *testing.T, kind, first, second string) client.Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next, item := "more", first
		if r.FormValue("continue") == next {
			next, item = "", second
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"apiVersion":%q,"kind":%q,"metadata":{"continue":%q},"items":[%s]}`, v1alpha1.GroupVersion, kind, next, item)
	}))
	t.Cleanup(s.Close)
	scheme, err := kinds.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(&kube.Config{Host: s.URL}, client.Options{Scheme: scheme, Mapper: kinds.Mapper()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAPageHasNothingOfTheOneBefore(t *testing.T) {
	c := &Check{World: guard.World{Namespace: "shop", Kube: served(t, "StockItemList",
		`{"metadata":{"name":"a","finalizers":["x"],"annotations":{"of":"a"}},"status":{"onHand":5,"available":5}}`,
		`{"metadata":{"name":"b"},"status":{"onHand":7,"available":7}}`)}}
	var items []v1alpha1.StockItem
	err := pages(t.Context(), c, func(l *v1alpha1.StockItemList) error { items = append(items, l.Items...); return nil })
	if err != nil || len(items) != 2 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	a, b := &items[0], &items[1]
	if len(b.Finalizers)+len(b.Annotations) > 0 {
		t.Errorf("b has what a has: finalizers %v, annotations %v", b.Finalizers, b.Annotations)
	}
	if ptr.Deref(a.Status.OnHand, 0) != 5 || ptr.Deref(b.Status.OnHand, 0) != 7 {
		t.Errorf("a has %v on hand, b %v", ptr.Deref(a.Status.OnHand, 0), ptr.Deref(b.Status.OnHand, 0))
	}
}
