package stock_test

import (
	"bytes"
	"unsafe"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
)

// The model: the stock decisions of a namespace about one product, as the mirror tells them.
// The stock controller is right by itself (internal/domain/stock has its model). It numbers a
// decision in the journal, then shows it on the object, moves the item, and drops the entry
// once all that was seen. The mirror sees journal and objects each at its own age: a decision
// may be seen at any time after it was made, for an old view shows it although the newest does
// not.
const (
	order, basket, document = 0, 1, 2
	objects                 = 3
	mostDecisions           = 9

	grant, release, commit, restock, adjust, withdraw = 1, 2, 3, 4, 5, 6

	hold, take, giveBack = 0, 1, 2 // intents

	there, gone = 1, 2
)

// decision of the leader: its number, the object it is about, and its kind.
type decision struct{ Seq, Object, Kind uint8 }

// view is an object as somebody sees it: Shown decisions, the first Trimmed of which its
// history leaves out again; Back is how many of its units are wanted back.
type view struct{ Exists, Version, Shown, Trimmed, Deleted, Intent, Back uint8 }

// object is what there is, and the decisions that were made about it.
type object struct {
	view
	Made uint8
	By   [4]uint8
}

// journal has decisions open, by bit.
type journal struct {
	Seq  uint8
	Open uint16
}

// mirror is what one remembers. Sync 1: it has read the journal and not yet listed. Seen-1 is
// an object that is being deleted, as it was in View.
type mirror struct {
	Sync    uint8
	Journal journal
	Cursor  uint8
	Listed  [objects]uint8
	Seen    uint8
	View    view
}

// database has a cursor and the decisions that were told.
type database struct {
	Cursor uint8
	Told   uint16
}

type state struct {
	Wrong     uint8
	Journal   journal
	Objects   [objects]object
	Decisions [mostDecisions]decision
	Decided   uint8
	Moved     uint16 // decisions that the item contains
	Mirrors   [2]mirror
	DB, Copy  database
	HasCopy   uint8
	Ever      uint16 // decisions that were ever told
	Forced    uint8
	Lost      uint16 // decisions that a history left out before they were told
	Restored  uint8
	Left      budget
}

// budget is how often something may still happen.
type budget struct{ deletions, force, remakes, copies, restores uint8 }

const outOfOrder = 1

func wrong(s *state) string {
	return []string{"", "a decision was told although an earlier one about the product was not"}[s.Wrong]
}

func moves(kind uint8) bool { return kind == commit || kind == restock || kind == adjust }

func bit(i uint8) uint16 { return 1 << i }

// place of a decision among those about its object.
func (s *state) place(i uint8) uint8 {
	o := &s.Objects[s.Decisions[i].Object]
	for p := uint8(0); p < o.Made; p++ {
		if o.By[p] == i {
			return p
		}
	}
	return 255
}

// isShown reports whether an object that shows n decisions, the first trimmed of its restocks
// left out, shows this one.
func (s *state) isShown(i, n, trimmed uint8) bool {
	p := s.place(i)
	return p < n && (s.Decisions[i].Kind != restock || s.restocksBefore(i) >= trimmed)
}

func (s *state) restocksBefore(i uint8) (n uint8) {
	o := &s.Objects[s.Decisions[i].Object]
	for p := uint8(0); p < s.place(i); p++ {
		if s.Decisions[o.By[p]].Kind == restock {
			n++
		}
	}
	return n
}

// last is the kind of the n-th decision about an object; 0 when n is 0.
func (s *state) last(o int, n uint8) uint8 {
	if n == 0 {
		return 0
	}
	return s.Decisions[s.Objects[o].By[n-1]].Kind
}

func (s *state) restocks(o int, n uint8) (count uint8) {
	for p := uint8(0); p < n; p++ {
		if s.Decisions[s.Objects[o].By[p]].Kind == restock {
			count++
		}
	}
	return count
}

// event is a decision as the mirror's rules see it.
func (s *state) event(i uint8) event.Decision { return event.Decision{Seq: int64(s.Decisions[i].Seq)} }

// meta of an object as it is seen.
func (v *view) meta() metav1.ObjectMeta {
	m := metav1.ObjectMeta{Finalizers: []string{v1alpha1.MirrorFinalizer}}
	if v.Deleted == 1 {
		m.DeletionTimestamp = &metav1.Time{}
	}
	return m
}

// reservation is an object as it is seen: one unit for each time that it may come back.
func (s *state) reservation(o int, v *view) *v1alpha1.StockReservation {
	r := &v1alpha1.StockReservation{ObjectMeta: v.meta()}
	r.Spec.Intent = [...]v1alpha1.ReservationIntent{v1alpha1.IntentHold, v1alpha1.IntentCommit, v1alpha1.IntentRestock}[v.Intent]
	if v.Intent == giveBack {
		r.Spec.Restock = &[]v1alpha1.StockLine{{ProductID: "tea", Quantity: int64(v.Back)}}
	}
	for p := uint8(0); p < v.Shown; p++ {
		d := &s.Decisions[s.Objects[o].By[p]]
		r.Status.Phase = [...]v1alpha1.StockReservationPhase{
			grant: v1alpha1.ReservationReserved, release: v1alpha1.ReservationReleased,
			commit: v1alpha1.ReservationCommitted, restock: v1alpha1.ReservationRestocked,
		}[d.Kind]
		if d.Kind == commit {
			r.Status.Allocations = []v1alpha1.StockAllocation{{ProductID: "tea", Quantity: 2}}
		}
		if d.Kind == restock {
			r.Status.Restocked = []v1alpha1.RestockedLine{{ProductID: "tea", Quantity: int64(s.restocks(o, p+1))}}
		}
		if s.isShown(s.Objects[o].By[p], v.Shown, v.Trimmed) {
			r.Status.History = append(r.Status.History, v1alpha1.ReservationHistoryEntry{Seq: int64(d.Seq)})
		}
	}
	return r
}

// adjustment is the document as it is seen.
func (s *state) adjustment(v *view) *v1alpha1.StockAdjustment {
	d := &v1alpha1.StockAdjustment{ObjectMeta: v.meta()}
	if v.Shown > 0 {
		d.Status.Phase, d.Status.JournalSeq = v1alpha1.AdjustmentApplied, int64(s.Decisions[s.Objects[document].By[0]].Seq)
	}
	return d
}

// raw bytes of a mirror, to put interchangeable ones in an order.
func raw(m *mirror) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(m)), unsafe.Sizeof(*m)) }

func inOrder(a, b *mirror) bool { return bytes.Compare(raw(a), raw(b)) <= 0 }
