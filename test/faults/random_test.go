package faults

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// seeds of the usual run; a soak goes on with the numbers that follow.
var seeds = []uint64{20261, 20262, 20263}

// Two and three managers at once without leader election, each paused at random
// and losing requests and answers, while people do everything at once.
func TestManyLeadersAtRandom(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds {
		for _, managers := range []int{2, 3} {
			t.Run(fmt.Sprintf("%d managers, seed %d", managers, seed), func(t *testing.T) {
				t.Parallel()
				manyLeaders(t, seed, managers, 120)
			})
		}
	}
}

// The same, for as long as ORDERPLANE_SOAK says.
func TestSoakManyLeaders(t *testing.T) {
	if soak == 0 {
		t.Skip("set ORDERPLANE_SOAK, to 30m for example")
	}
	until := time.Now().Add(soak)
	for seed := seeds[len(seeds)-1] + 1; time.Now().Before(until); seed += 4 {
		t.Run(fmt.Sprintf("from seed %d", seed), func(t *testing.T) {
			for s := seed; s < seed+4; s++ {
				t.Run(fmt.Sprint(s), func(t *testing.T) {
					t.Parallel()
					manyLeaders(t, s, 2+int(s%2), 400)
				})
			}
		})
	}
}

func manyLeaders(t *testing.T, seed uint64, managers, steps int) {
	t.Logf("seed %d", seed)
	w := newWorld(t)
	w.item("hot", 60)
	w.item("warm", 500)
	w.item("fickle", 40)
	w.item("steady", 10)
	dice := rand.New(rand.NewPCG(seed, 1))
	over := make(chan struct{})
	var lost atomic.Int32
	var pausing sync.WaitGroup
	for n := range managers {
		wire := newWire()
		wire.judge = lossy(rand.New(rand.NewPCG(seed, uint64(10+n))), over, &lost)
		w.start(settings{wire: wire, holder: fmt.Sprint("manager-", n), maxBatch: []int{4, 64, 1}[n]})
		pauses := rand.New(rand.NewPCG(seed, uint64(20+n)))
		pausing.Go(func() { pauseAtRandom(wire, pauses, over) })
	}
	w.Eventually(w.level("hot")).Should(Equal("60/0/60"), "before it begins, somebody has to lead")
	stop := sync.OnceFunc(func() { close(over); pausing.Wait() })
	t.Cleanup(stop)
	for _, product := range []string{"hot", "warm", "fickle"} { // somebody leads
		w.Eventually(w.level(product)).ShouldNot(HavePrefix("-"))
	}
	var people sync.WaitGroup
	for n := range 4 {
		p := &person{world: w, name: fmt.Sprint("p", n), dice: rand.New(rand.NewPCG(seed, uint64(30+n)))}
		people.Go(func() { p.live(steps / 4) })
	}
	for n := range 2 {
		w.orderFromABasket(fmt.Sprint("customer-", n))
	}
	people.Wait()
	w.Eventually(func() bool { return lost.Load() >= 5 || len(w.book.unsettled()) == 0 }).Should(BeTrue())
	stop()
	if dice.IntN(2) == 0 {
		w.reserve("last", line{"warm", 1})
	}
	w.quiet(time.Second)
	w.Expect(lost.Load()).To(BeNumerically(">", 0), "requests and answers that were lost")
	takenOver, parts := w.book.takeOvers()
	w.Expect(takenOver).To(BeNumerically(">=", 2), "baskets taken over")
	w.Expect(parts).To(BeNumerically(">=", 2), "reservations put back in parts")
	t.Logf("%d changes, %d requests or answers lost, %d baskets taken over, %d reservations put back in parts, journal at most %d bytes",
		w.book.count(), lost.Load(), takenOver, parts, w.book.largestJournal())
}

// orderFromABasket is what one customer does who waits for each step: a basket, an order of
// more that takes it over, and everything back in two parts. Nobody else touches the item.
func (w *world) orderFromABasket(customer string) {
	w.t.Helper()
	basket, order := customer+"-basket", customer+"-order"
	w.reserve(basket, line{"steady", 9})
	w.Eventually(w.reservation(basket)).Should(Equal(v1alpha1.ReservationReserved))
	w.takeOver(order, basket, line{"steady", 10})
	w.Eventually(w.reservation(order)).Should(Equal(v1alpha1.ReservationReserved))
	w.want(order, v1alpha1.IntentCommit)
	w.Eventually(w.reservation(order)).Should(Equal(v1alpha1.ReservationCommitted))
	w.bringBack(order, line{"steady", 4})
	w.bringBack(order, line{"steady", 10})
}

// lossy loses the third write, and one in twenty, until over is closed, and counts them.
func lossy(dice *rand.Rand, over <-chan struct{}, lost *atomic.Int32) func(write) fate {
	var mu sync.Mutex
	return func(w write) fate {
		select {
		case <-over:
			return pass
		default:
		}
		mu.Lock()
		defer mu.Unlock()
		if dice.IntN(20) == 0 || w.n == 3 {
			lost.Add(1)
			return []fate{loseRequest, loseAnswer}[dice.IntN(2)]
		}
		return pass
	}
}

// pauseAtRandom holds everything of a process for a while, again and again.
func pauseAtRandom(wire *wire, dice *rand.Rand, over <-chan struct{}) {
	wait := func(d time.Duration) (goOn bool) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return true
		case <-over:
			return false
		}
	}
	for wait(time.Duration(dice.IntN(600)) * time.Millisecond) {
		wire.pause.Lock()
		goOn := wait(time.Duration(dice.IntN(400)) * time.Millisecond)
		wire.pause.Unlock()
		if !goOn {
			return
		}
	}
}

// person does things at random and does not mind when one is refused.
type person struct {
	*world
	name string
	dice *rand.Rand
	made int
}

func (p *person) live(steps int) {
	for range steps {
		var err error
		switch n := p.dice.IntN(20); {
		case n < 9:
			err = p.ask()
		case n < 14:
			err = p.changeMind()
		case n < 15:
			err = p.k8s.Delete(p.ctx, &v1alpha1.StockReservation{ObjectMeta: p.meta(p.some())})
		case n < 18:
			err = p.write()
		case n < 19:
			err = p.k8s.Delete(p.ctx, &v1alpha1.StockItem{ObjectMeta: p.meta("fickle")})
		default:
			err = p.k8s.Create(p.ctx, &v1alpha1.StockItem{ObjectMeta: p.meta("fickle"), Spec: v1alpha1.StockItemSpec{OpeningQuantity: p.dice.Int64N(50)}})
		}
		if err != nil && !apierrors.IsInvalid(err) && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) {
			p.t.Errorf("%s: %v", p.name, err)
		}
	}
}

func (p *person) some() string { return fmt.Sprintf("%s-%d", p.name, p.dice.IntN(p.made+1)) }

func (p *person) ask() error {
	products := []string{"hot", "warm", "fickle"}
	p.dice.Shuffle(3, func(i, j int) { products[i], products[j] = products[j], products[i] })
	r := &v1alpha1.StockReservation{ObjectMeta: p.meta(fmt.Sprintf("%s-%d", p.name, p.made))}
	p.made++
	for _, product := range products[:1+p.dice.IntN(3)] {
		r.Spec.Lines = append(r.Spec.Lines, v1alpha1.StockLine{ProductID: product, Quantity: 1 + p.dice.Int64N(8)})
	}
	r.Spec.CustomerID = []string{"", p.name, p.name, "a stranger"}[p.dice.IntN(4)]
	if last := p.made - 2 - p.dice.IntN(3); last >= 0 && p.dice.IntN(2) == 0 {
		r.Spec.TakeOver = &v1alpha1.ReservationReference{Name: fmt.Sprintf("%s-%d", p.name, last)}
	}
	if p.dice.IntN(4) == 0 {
		at := metav1.NewTime(time.Now().Add(time.Duration(p.dice.IntN(4)) * time.Second))
		r.Spec.ExpiresAt = &at
	}
	return p.k8s.Create(p.ctx, r)
}

// changeMind wants something else of a reservation, likely or not.
func (p *person) changeMind() error {
	r := &v1alpha1.StockReservation{}
	if err := p.k8s.Get(p.ctx, client.ObjectKey{Namespace: p.ns, Name: p.some()}, r); err != nil {
		return err
	}
	switch n := p.dice.IntN(5); {
	case r.Spec.Intent == v1alpha1.IntentCommit || r.Spec.Intent == v1alpha1.IntentRestock:
		p.bringBack(r) // all that it may go to
	case n < 2:
		r.Spec.Intent = v1alpha1.IntentCommit
	case n == 2:
		r.Spec.Intent = v1alpha1.IntentRelease
	case n == 3:
		p.bringBack(r)
	default:
		if r.Spec.ExpiresAt == nil {
			return nil
		}
		at := metav1.NewTime(time.Now().Add(2 * time.Second))
		r.Spec.ExpiresAt = &at
	}
	return p.k8s.Update(p.ctx, r)
}

// bringBack wants some of it back on the shelf, or more of it than before.
func (p *person) bringBack(r *v1alpha1.StockReservation) {
	fresh := r.Spec.Intent != v1alpha1.IntentRestock
	r.Spec.Intent = v1alpha1.IntentRestock
	if !fresh && r.Spec.Restock == nil || fresh && p.dice.IntN(3) == 0 {
		return // everything
	}
	before := map[string]int64{}
	if r.Spec.Restock != nil {
		for _, l := range *r.Spec.Restock {
			before[l.ProductID] = l.Quantity
		}
	}
	back := []v1alpha1.StockLine{}
	for _, l := range r.Spec.Lines {
		if n := before[l.ProductID] + p.dice.Int64N(l.Quantity-before[l.ProductID]+1); n > 0 {
			back = append(back, v1alpha1.StockLine{ProductID: l.ProductID, Quantity: n})
		}
	}
	r.Spec.Restock = &back
}

// write makes a stock document.
func (p *person) write() error {
	d := &v1alpha1.StockAdjustment{ObjectMeta: p.meta(fmt.Sprintf("%s-doc-%d", p.name, p.dice.IntN(40)))}
	d.Spec = v1alpha1.StockAdjustmentSpec{ProductID: []string{"hot", "warm", "fickle"}[p.dice.IntN(3)], Reason: "whatever"}
	switch p.dice.IntN(4) {
	case 0, 1:
		d.Spec.Kind, d.Spec.Quantity = v1alpha1.AdjustmentReceived, 1+p.dice.Int64N(10)
	case 2:
		d.Spec.Kind, d.Spec.Quantity = v1alpha1.AdjustmentAdjusted, 5-p.dice.Int64N(10)
	case 3:
		now := metav1.Now()
		d.Spec.Kind, d.Spec.Quantity, d.Spec.CountedAt = v1alpha1.AdjustmentCounted, p.dice.Int64N(60), &now
	}
	if p.dice.IntN(3) == 0 {
		d.Name, d.GenerateName = "", "doc-"
	}
	return p.k8s.Create(p.ctx, d)
}
