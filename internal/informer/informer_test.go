package informer_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/informer"
)

// pages is an API server with a number of items, which it gives out in pages.
type pages struct {
	items int
	mu    sync.Mutex
	asked []metav1.ListOptions
}

func (p *pages) list(_ context.Context, o metav1.ListOptions) (runtime.Object, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, o)
	from, _ := strconv.Atoi(o.Continue)
	list := &v1alpha1.StockItemList{ListMeta: metav1.ListMeta{ResourceVersion: "7"}}
	for n := from; n < p.items && n < from+int(o.Limit); n++ {
		list.Items = append(list.Items, v1alpha1.StockItem{ObjectMeta: metav1.ObjectMeta{Name: strconv.Itoa(n), ResourceVersion: "7"}})
	}
	if end := from + len(list.Items); end < p.items {
		list.Continue = strconv.Itoa(end)
	}
	return list, nil
}

func TestAllIsReadInLargePagesOfOneVersion(t *testing.T) {
	if err := informer.ByList(); err != nil {
		t.Fatal(err)
	}
	server := &pages{items: 2*informer.Page + 1}
	i := informer.New(&cache.ListWatch{
		ListWithContextFunc: server.list,
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) {
			return watch.NewFake(), nil
		},
	}, &v1alpha1.StockItem{}, 0, cache.Indexers{})
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	go i.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), i.HasSynced) {
		t.Fatal("never synced")
	}
	if got := len(i.GetStore().ListKeys()); got != server.items {
		t.Errorf("%d items are in the store, of %d", got, server.items)
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	var froms []string
	for _, o := range server.asked {
		froms = append(froms, o.Continue)
		if o.Limit != informer.Page || o.ResourceVersion != "" {
			t.Errorf("asked for %d objects of version %q", o.Limit, o.ResourceVersion)
		}
	}
	if want := []string{"", "10000", "20000"}; !slices.Equal(froms, want) {
		t.Errorf("pages from %q, want %q", froms, want)
	}
}
