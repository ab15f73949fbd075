package rest

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestFreshOrders(t *testing.T) {
	now := time.Date(2026, time.November, 27, 9, 0, 0, 0, time.UTC)
	f := newFresh(func() time.Time { return now })
	f.put(&v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{Name: "ord-1"}})
	f.put(&v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{Name: "ord-2"}})
	has := func(names ...string) func(string) bool {
		return func(name string) bool {
			for _, n := range names {
				if n == name {
					return true
				}
			}
			return false
		}
	}
	if got := f.beside(has()); len(got) != 2 {
		t.Errorf("%d orders are beside an empty cache", len(got))
	}
	if got := f.beside(has("ord-1")); len(got) != 1 || got[0].Name != "ord-2" {
		t.Errorf("beside a cache with ord-1: %v", got)
	}
	if got := f.beside(has()); len(got) != 1 {
		t.Errorf("what the cache had once is shown again: %v", got)
	}
	now = now.Add(freshFor + time.Millisecond)
	if got := f.beside(has()); len(got) != 0 {
		t.Errorf("what the cache should have by now is shown: %v", got)
	}
}
