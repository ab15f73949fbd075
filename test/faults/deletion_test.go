package faults

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// A namespace with everything in it is deleted, and its kinds go in each of the 120
// orders there are: under a manager that runs, one that is killed in the middle, and
// one that only comes when everything else is gone.
//
// The control plane has no namespace controller. So the test does what that does: the
// namespace is Terminating, which refuses whatever is made in it from then on, and one
// collection after the other is deleted. It has no garbage collector either.
func TestNamespacesAreDeletedInAnyOrderOfTheirKinds(t *testing.T) {
	t.Parallel()
	everyThree := covering(orderings(len(kindsOfAShop)))
	deleteNamespaces(t, everyThree, everyThree[:len(kindsOfAShop)], everyThree[:2])
}

// The same in all orders that there are.
func TestSoakNamespacesAreDeletedInEveryOrderOfTheirKinds(t *testing.T) {
	if soak == 0 {
		t.Skip("set ORDERPLANE_SOAK, to 30m for example")
	}
	t.Parallel()
	all := orderings(len(kindsOfAShop))
	live, restarted := parted(all, 6)
	_, unattended := parted(all, 10)
	deleteNamespaces(t, live, restarted, unattended)
}

// deleteNamespaces deletes kinds in these orders: while a manager lives, while one is replaced, and
// while there is none.
func deleteNamespaces(t *testing.T, liveOrders, restartedOrders, unattendedOrders [][]int) {
	t.Helper()
	m := newMall(t)
	all := len(kindsOfAShop)
	first := m.startManager()
	neighbour := m.openAll([][]int{nil})[0]
	live, restarted := m.openAll(liveOrders), m.openAll(restartedOrders)

	atOnce(live, func(s *shop) { s.terminate(); s.deleteKinds(0, all) })
	neighbour.sells("meanwhile")
	m.allGone(live)

	// Each time another number of kinds is deleted before, while and after nobody is there.
	before := func(s *shop) int { return slices.Index(restarted, s) % all }
	atOnce(restarted, func(s *shop) { s.terminate(); s.deleteKinds(0, before(s)) })
	first.Kill()
	atOnce(restarted, func(s *shop) { s.deleteKinds(before(s), before(s)+1) })
	second := m.startManager()
	atOnce(restarted, func(s *shop) { s.deleteKinds(before(s)+1, all) })
	m.allGone(restarted)

	unattended := m.openAll(unattendedOrders)
	second.Kill()
	atOnce(unattended, func(s *shop) { s.terminate(); s.deleteKinds(0, all) })
	m.startManager()
	m.allGone(unattended)

	atOnce(slices.Concat(live, restarted, unattended), (*shop).finalize)
	neighbour.sells("afterwards")
	m.comesToRest()
	m.Expect(m.shards()).To(ConsistOf(neighbour.ns), "namespaces that the stock controller still keeps something of")
}

// While a namespace is being deleted, one of its objects may take its time. The others
// don't wait for it.
func TestAnItemOfATerminatingNamespaceWaitsForNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(settings{})
	s := &shop{world: w}
	w.item("mug", 10)
	w.item("tea", 10)
	w.reserve("basket", line{"tea", 2})
	w.Eventually(w.level("tea")).Should(Equal("10/2/8"))
	w.Expect(w.k8s.Delete(w.ctx, s.namespace())).To(Succeed())
	s.isTerminating()

	remove[v1alpha1.StockJournal](w, v1alpha1.StockJournalName)
	remove[v1alpha1.StockItem](w, "mug")
	w.Eventually(absent[v1alpha1.StockItem](w, "mug")).Should(BeTrue())
	remove[v1alpha1.StockItem](w, "tea")
	w.Consistently(absent[v1alpha1.StockItem](w, "tea")).WithTimeout(2*closerLooks).Should(BeFalse(), "it is reserved")
	remove[v1alpha1.StockReservation](w, "basket")
	w.Eventually(absent[v1alpha1.StockItem](w, "tea")).Should(BeTrue())
}

// closerLooks is how often a namespace without a journal is looked at, at most.
const closerLooks = time.Second

// A leader that has nothing to do finds out at once that its journal was deleted: nobody has
// to wait for it later.
func TestADeletedJournalIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(settings{})
	w.item("mug", 10)
	w.reserve("basket", line{"mug", 4})
	w.Eventually(w.reservation("basket")).Should(Equal(v1alpha1.ReservationReserved))
	was, err := read[v1alpha1.StockJournal](w, v1alpha1.StockJournalName)
	w.Expect(err).NotTo(HaveOccurred())

	remove[v1alpha1.StockJournal](w, v1alpha1.StockJournalName)
	w.Eventually(func() (bool, error) {
		is, err := read[v1alpha1.StockJournal](w, v1alpha1.StockJournalName)
		return err == nil && is.UID != was.UID && is.Status.Epoch == 1, client.IgnoreNotFound(err)
	}).WithTimeout(30*time.Second).Should(BeTrue(), "there is no new journal before the first audit")
}

// kubectl deletes all kinds of a namespace that stays, one after the other.
func TestAllKindsAreDeletedAtOnce(t *testing.T) {
	t.Parallel()
	m := newMall(t)
	m.startManager()
	shops := m.openAll([][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {4, 2, 0, 1, 3}, {2, 4, 1, 0, 3}})
	atOnce(shops, func(s *shop) { s.kubectl("delete", s.resources(), "--all", "--timeout=60s") })
	for _, s := range shops {
		// While anything was left, the journal was made again. It holds nobody up.
		journal := "StockJournal/" + v1alpha1.StockJournalName
		m.Expect(slices.DeleteFunc(m.left(client.InNamespace(s.ns))[s.ns], func(name string) bool { return name == journal })).To(BeEmpty())
		s.kubectl("delete", "stockjournals.orderplane.dev", "--all", "--timeout=60s")
	}
	m.comesToRest()
	m.Expect(m.left()).To(BeEmpty(), "nobody makes a journal for nothing")
	atOnce(shops, (*shop).open) // everything can begin again
}

// resources are the shop's kinds in its order, as kubectl takes them.
func (s *shop) resources() string {
	names := make([]string, len(s.order))
	for at, n := range s.order {
		names[at] = kindsOfAShop[n].resource
	}
	return strings.Join(names, ",")
}

// orderings are all orders of n things.
func orderings(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, shorter := range orderings(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(shorter), at, n-1))
		}
	}
	return all
}

// covering are a few of these orders, in which any three things come in each of their orders.
func covering(all [][]int) (few [][]int) {
	met := map[[3]int]bool{}
	for {
		var best []int
		most := 0
		for _, order := range all {
			fresh := 0
			for _, three := range threes(order) {
				if !met[three] {
					fresh++
				}
			}
			if fresh > most {
				best, most = order, fresh
			}
		}
		if best == nil {
			return few
		}
		few = append(few, best)
		for _, three := range threes(best) {
			met[three] = true
		}
	}
}

// threes are any three of an order, as they come in it.
func threes(order []int) (all [][3]int) {
	for i := range order {
		for j := i + 1; j < len(order); j++ {
			for k := j + 1; k < len(order); k++ {
				all = append(all, [3]int{order[i], order[j], order[k]})
			}
		}
	}
	return all
}

// parted takes every n-th out. It begins with another one of the n each time, so that those
// are not all alike.
func parted[T any](all []T, n int) (most, some []T) {
	for at, one := range all {
		if at%n == at/n%n {
			some = append(some, one)
		} else {
			most = append(most, one)
		}
	}
	return most, some
}

// openAll opens a shop for each order in which its kinds are to be deleted.
func (m *mall) openAll(orders [][]int) []*shop {
	m.t.Helper()
	shops := make([]*shop, len(orders))
	for n, order := range orders {
		shops[n] = m.newShop(order)
	}
	atOnce(shops, (*shop).open)
	return shops
}

// atOnce does something to several shops at the same time.
func atOnce(shops []*shop, do func(*shop)) {
	var all sync.WaitGroup
	gate := make(chan struct{}, 12)
	for _, s := range shops {
		all.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			do(s)
		})
	}
	all.Wait()
}

// allGone waits until nothing is left in any of the shops.
func (m *mall) allGone(shops []*shop) {
	m.t.Helper()
	m.Eventually(func() []string {
		var held []string
		left := m.left()
		for _, s := range shops {
			if names := left[s.ns]; len(names) > 0 {
				held = append(held, fmt.Sprintf("%s, deleted in the order %s: %v", s.ns, s.resources(), names))
			}
		}
		return held
	}).WithTimeout(time.Minute).WithPolling(200 * time.Millisecond).Should(BeEmpty())
}

// comesToRest waits until the manager asks the API server for nothing any more, not
// even to read.
func (m *mall) comesToRest() {
	m.t.Helper()
	last, since := int64(-1), time.Now()
	m.Eventually(func() time.Duration {
		if n := m.calls.Count(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since)
	}).WithTimeout(time.Minute).Should(BeNumerically(">=", 3*time.Second), "the manager goes on asking")
}
