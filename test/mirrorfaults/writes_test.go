package mirrorfaults

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

// many orders are counted together, to see that none costs more.
const many = 12

// atRest is longer than any interval at which a mirror looks after something by itself, but its
// hourly sweep.
const atRest = 12 * time.Second

// What an order costs in writes of the API server with a mirror: what it costs without one until it
// is confirmed, four at the end of its life, and none at rest.
func TestWritesOfAnOrder(t *testing.T) {
	startManager(t)
	w := newWorld(t, nil)
	w.keepMirroring()
	w.asks(`{"payload":{"orderId":"nobody","reason":"CUSTOMER_REQUEST"}}`) // underWay waits for it
	w.item("mug", 1000)
	w.item("tea", 1000)
	w.place("first", 1)
	w.is("order first", w.order("first"), v1alpha1.OrderConfirmed)
	w.settles()

	before := env.WriteCounts(t)
	for n := range many {
		w.place(numbered(n), 1)
	}
	for n := range many {
		w.is(numbered(n), w.order(numbered(n)), v1alpha1.OrderConfirmed)
	}
	w.settles()
	confirmed := since(t, before)
	// Several decisions share a swap of the journal, and several changes of an item its projection.
	for _, shared := range []testenv.Write{kind("stockjournals", "status", http.MethodPut), kind("stockitems", "status", http.MethodPut)} {
		w.Expect(confirmed[shared]).To(BeNumerically("<=", 2*many), shared.String())
		delete(confirmed, shared)
	}
	w.Expect(confirmed).To(Equal(testenv.Writes{
		kind("orders", "", http.MethodPost):                 many,
		kind("stockreservations", "", http.MethodPost):      many,
		kind("stockreservations", "status", http.MethodPut): many,
		kind("orders", "status", http.MethodPut):            many,
	}), "until they are confirmed")

	for n := range many {
		edit(w, numbered(n), func(o *v1alpha1.Order) { o.Spec.Fulfillment = &v1alpha1.Fulfillment{Carrier: "DHL"} })
	}
	for n := range many {
		w.is(numbered(n), w.order(numbered(n)), v1alpha1.OrderFulfilled)
	}
	w.settles()
	before = env.WriteCounts(t)
	w.clock.Step(archiveDelay + time.Minute)
	for n := range many {
		w.is(numbered(n), absent[v1alpha1.Order](w, numbered(n)), true)
		w.is(numbered(n), absent[v1alpha1.StockReservation](w, numbered(n)), true)
	}
	w.settles()
	w.Expect(since(t, before)).To(Equal(testenv.Writes{
		kind("orders", "", http.MethodPatch):             many, // the finalizers go, it is leaving
		kind("orders", "", http.MethodDelete):            many,
		kind("stockreservations", "", http.MethodDelete): many,
		kind("stockreservations", "", http.MethodPatch):  many, // the mirror's finalizer goes
	}), "at the end of life")

	before = env.WriteCounts(t)
	w.Consistently(func() testenv.Writes { return since(t, before) }).
		WithTimeout(atRest).WithPolling(time.Second).Should(BeEmpty(), "at rest")
	var archived int
	w.Expect(w.pools[postgres.Orders].QueryRow(context.Background(), `SELECT count(*) FROM orders WHERE state = 'archived'`).Scan(&archived)).To(Succeed())
	w.Expect(archived).To(Equal(many))
}

func numbered(n int) string { return fmt.Sprintf("order-%d", n) }

func kind(resource, subresource, verb string) testenv.Write {
	return testenv.Write{Group: v1alpha1.GroupVersion.Group, Resource: resource, Subresource: subresource, Verb: verb}
}

// since are the writes of Orderplane's objects after some others.
func since(t *testing.T, before testenv.Writes) testenv.Writes {
	t.Helper()
	own := testenv.Writes{}
	for k, n := range env.WriteCounts(t).Since(before) {
		if k.Group == v1alpha1.GroupVersion.Group && n > 0 {
			own[k] = n
		}
	}
	return own
}

// settles waits until nothing is under way, and nothing was written for longer than what the
// controllers put off.
func (w *world) settles() {
	w.t.Helper()
	w.Eventually(w.underWay).Should(BeEmpty())
	var before int64 = -1
	w.Eventually(func() bool {
		now := since(w.t, testenv.Writes{}).Of()
		still := now == before
		before = now
		return still
	}).WithPolling(3 * time.Second).Should(BeTrue())
}
