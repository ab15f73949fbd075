package stock_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// The model checker (modelcheck_*_test.go) explores, breadth first, every
// interleaving of a few allocators, clients, crashes and lost answers over a
// few objects. Decisions, redo and the journal's contents are those of package
// stock itself, run on objects decoded from the state; what is written here is
// only the world around them: the API server, the processes' steps, the faults,
// and what must hold.
//
//   - modelcheck_config_test.go: what a run is made of
//   - modelcheck_table_test.go: values in tables, so that a state is a few numbers
//   - modelcheck_state_test.go: states, and which of them are the same
//   - modelcheck_rules_test.go: calls of the real functions, and where mutants break them
//   - modelcheck_world_test.go: the API server and its clients
//   - modelcheck_process_test.go, modelcheck_swap_test.go: what a process may do next
//   - modelcheck_invariant_test.go: what must hold in every state
//   - modelcheck_rest_test.go: where each process alone must end, from every state
//   - modelcheck_explore_test.go: the search, and the way to a violation
//   - modelcheck_views_test.go: what an informer that lags may show
//   - modelcheck_kept_test.go: what is deleted and kept until it is decided; a journal made again
//   - modelcheck_worlds_test.go, modelcheck_test.go: the protocol holds
//   - modelcheck_mutant_test.go, modelcheck_breaks_test.go, modelcheck_mirrored_test.go: the
//     protocol less one rule does not
//
// Three things keep the number of states small, and all are exact. A process
// that lost the journal is reduced to the writes it can still finish. Processes
// have no names. Numbers of decisions count only by their order. Writing an
// object (GET, redo rule, PUT with the resourceVersion of the GET) is one step: a
// PUT that succeeds proves that the object did not change since the GET. An
// informer has no state of its own: a decision may see any state its object was
// ever in.

// Most objects and processes of one run.
const (
	maxItems        = 2
	maxReservations = 3
	maxDocuments    = 2
	maxProcesses    = 3
)

// world is one run's objects, clients, processes and faults.
type world struct {
	items        []itemSlot
	reservations []reservationSlot
	documents    []documentSlot
	processes    int
	// batch is the most decisions of one swap.
	batch int
	// lost: the answer to any write of an object may be lost.
	lost bool
	// unclear: the answer to a swap may be lost, the swap applied or not.
	unclear bool
	// ordered: one process writes effects in the order of journal.WriteOrder, as the
	// controller does; else in any order.
	ordered bool
	// audits: a leader with nothing open may audit, and forget what is gone.
	audits bool
	// journalDies: somebody may delete the journal while all it holds is carried out.
	journalDies bool
	// clockBack: the clock of whoever makes a new journal says less than it did before.
	clockBack bool
	// refuses are objects whose writes the API server refuses until it is healed.
	refuses objectSet
}

// life is how an object comes and goes.
type life struct {
	// late objects are made at any time; others are there from the start.
	late bool
	// after is 1 + the slot of the same kind whose object must be gone first;
	// both may have the same name.
	after int
	// dies: it may be deleted at any time, finalizers or not.
	dies bool
	// kept: it may be deleted at any time, and stays until its end, as with the mirror's finalizer.
	kept bool
}

type itemSlot struct {
	life
	name   string
	onHand int64
	safety int64
}

type reservationSlot struct {
	life
	name                     string
	lines                    []v1alpha1.StockLine
	commit, release, restock bool // what its client may come to want
	// parts are what its client wants back, one after the other, each added up; every line
	// at once when there are none.
	parts    [][]v1alpha1.StockLine
	expires  bool   // whether it expired is in the eye of each process' clock
	order    bool   // it belongs to an order; else it is free-standing, as a basket is
	customer string // whose it is
	takeOver string // the basket it takes over
}

type documentSlot struct {
	life
	name     string
	product  string
	kind     v1alpha1.AdjustmentKind
	quantity int64
	counted  time.Duration // when, from now
	// generated: the server made its name, so the item does not remember it.
	generated bool
}

// Time: everything is decided at noon. A reservation that expires does so at
// expiry, and a process whose clock says that is an hour ahead.
var expiry = stocktest.Noon().Add(time.Hour)

// A slot's uid says which slot it is.
func slotUID(kind objectKind, slot int) types.UID {
	return types.UID([]byte{"ird"[kind], '0' + byte(slot)})
}

func slotOf(uid string) (kind objectKind, slot int) {
	slot = int(uid[1] - '0')
	switch uid[0] {
	case 'i':
		return kindItem, slot
	case 'r':
		return kindReservation, slot
	}
	return kindDocument, slot
}

func (w *world) newItem(slot int) *v1alpha1.StockItem {
	c := w.items[slot]
	return &stocktest.AnItem(c.name, c.onHand).WithUID(slotUID(kindItem, slot)).Safety(c.safety).StockItem
}

func (w *world) newReservation(slot int) *v1alpha1.StockReservation {
	c := w.reservations[slot]
	b := stocktest.AReservation(c.name, c.lines...)
	b.UID = slotUID(kindReservation, slot)
	b.Spec.CustomerID = c.customer
	if c.expires {
		t := metav1.NewTime(expiry)
		b.Spec.ExpiresAt = &t
	}
	if c.order {
		b.Spec.OrderRef = &v1alpha1.OrderReference{Name: c.name, UID: "order"}
	}
	if c.takeOver != "" {
		b.Spec.TakeOver = &v1alpha1.ReservationReference{Name: c.takeOver}
	}
	return &b.StockReservation
}

func (w *world) newDocument(slot int) *v1alpha1.StockAdjustment {
	c := w.documents[slot]
	b := stocktest.ADocument(c.name, c.product, c.kind, c.quantity)
	b.UID = slotUID(kindDocument, slot)
	if c.kind == v1alpha1.AdjustmentCounted {
		b.Spec.CountedAt = stocktest.At(c.counted)
	}
	if c.generated {
		b.Generated()
	}
	return &b.StockAdjustment
}

// slots is how many objects of a kind there are, and the life of each.
func (w *world) slots(kind objectKind) int {
	return [...]int{len(w.items), len(w.reservations), len(w.documents)}[kind]
}

func (w *world) life(kind objectKind, slot int) life {
	switch kind {
	case kindItem:
		return w.items[slot].life
	case kindReservation:
		return w.reservations[slot].life
	}
	return w.documents[slot].life
}

func (w *world) name(kind objectKind, slot int) string {
	switch kind {
	case kindItem:
		return w.items[slot].name
	case kindReservation:
		return w.reservations[slot].name
	}
	return w.documents[slot].name
}

// steady reports whether a product's one item is there from start to end.
func (w *world) steady(product string) bool {
	for _, i := range w.items {
		if i.name == product {
			return !i.late && !i.dies && i.after == 0
		}
	}
	return false
}
