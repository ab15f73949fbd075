package rest

import (
	"sync"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

const (
	// freshFor is how long the cache may take to show an order that was made here.
	freshFor = 5 * time.Second
	// mostFresh bounds how many such orders are kept.
	mostFresh = 10_000
)

// fresh are orders that this gateway has made a moment ago, so that a list has them before the
// cache does.
type fresh struct {
	now func() time.Time

	mu     sync.Mutex
	orders map[string]freshOrder
}

type freshOrder struct {
	order *v1alpha1.Order
	made  time.Time
}

func newFresh(now func() time.Time) *fresh { return &fresh{now: now, orders: map[string]freshOrder{}} }

// put keeps an order that was made.
func (f *fresh) put(o *v1alpha1.Order) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.orders) < mostFresh {
		f.orders[o.Name] = freshOrder{o, f.now()}
	}
}

// beside are those that the cache has not shown yet. Those that it has are forgotten, and those that
// it should have.
func (f *fresh) beside(cached func(name string) bool) (orders []*v1alpha1.Order) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, o := range f.orders {
		if f.now().Sub(o.made) > freshFor || cached(name) {
			delete(f.orders, name)
			continue
		}
		orders = append(orders, o.order)
	}
	return orders
}
