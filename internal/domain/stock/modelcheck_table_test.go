package stock_test

import (
	"encoding/json"
	"fmt"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// ref names a value in a table. Equal values have equal refs, so states can be
// compared by them, and what a real function makes of a value is worked out once.
type ref = uint32

// Objects that are not there.
const (
	unmade ref = iota
	gone
	firstRow
)

type row[T any] struct {
	value T
	seqs  seqSet // the numbers of decisions in it
}

type table[T any] struct {
	rows  []row[T]
	index map[string]ref
}

func newTable[T any]() *table[T] {
	return &table[T]{rows: make([]row[T], firstRow), index: map[string]ref{}}
}

func (t *table[T]) put(key string, value T, seqs seqSet) ref {
	r, ok := t.index[key]
	if !ok {
		r = ref(len(t.rows))
		t.rows = append(t.rows, row[T]{value, seqs})
		t.index[key] = r
	}
	return r
}

func (t *table[T]) at(r ref) T        { return t.rows[r].value }
func (t *table[T]) seqs(r ref) seqSet { return t.rows[r].seqs }

// tables hold every value met in a run, in canonical form: without what no
// decision and no redo reads (times, messages, quantities told to people).
type tables struct {
	items        *table[*v1alpha1.StockItem]
	reservations *table[*v1alpha1.StockReservation]
	documents    *table[*v1alpha1.StockAdjustment]
	journals     *table[v1alpha1.StockJournalStatus]
	entries      *table[*v1alpha1.JournalEntry]
	opens        *table[[]*journal.Pending]
	ledgers      *table[*stock.Ledger]
	lists        *table[[maxReservations]ref]
	listed       memo[listKey, ref]
}

type listKey struct {
	kind     objectKind
	versions [maxReservations]ref
}

func newTables() *tables {
	return &tables{
		items: newTable[*v1alpha1.StockItem](), reservations: newTable[*v1alpha1.StockReservation](), documents: newTable[*v1alpha1.StockAdjustment](),
		journals: newTable[v1alpha1.StockJournalStatus](), entries: newTable[*v1alpha1.JournalEntry](), opens: newTable[[]*journal.Pending](),
		ledgers: newTable[*stock.Ledger](), lists: newTable[[maxReservations]ref](), listed: memo[listKey, ref]{},
	}
}

func jsonOf(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs; only the checker itself could be wrong
	}
	return string(raw)
}

func (t *tables) item(o *v1alpha1.StockItem) ref {
	c := &v1alpha1.StockItem{ObjectMeta: o.ObjectMeta, Spec: o.Spec}
	onHand := journal.OnHand(o)
	c.Status.OnHand, c.Status.JournalSeq = &onHand, o.Status.JournalSeq
	c.Status.LastMovementAt, c.Status.AppliedDocuments = o.Status.LastMovementAt, o.Status.AppliedDocuments
	return t.items.put(jsonOf(c), c, seqsOf(o.Status.JournalSeq))
}

// reservation keeps of the history which phases it went through, and the number of the
// last restock: by that it is told from the next.
func (t *tables) reservation(o *v1alpha1.StockReservation) ref {
	c := &v1alpha1.StockReservation{ObjectMeta: o.ObjectMeta, Spec: o.Spec}
	c.Status.Phase, c.Status.Allocations, c.Status.Restocked = o.Status.Phase, o.Status.Allocations, o.Status.Restocked
	for _, h := range o.Status.History {
		c.Status.History = append(c.Status.History, v1alpha1.ReservationHistoryEntry{Phase: h.Phase})
	}
	seqs := seqSet(0)
	if last := len(c.Status.History) - 1; last >= 0 && c.Status.Phase == v1alpha1.ReservationRestocked {
		seq := o.Status.History[last].Seq
		c.Status.History[last].Seq, seqs = seq, seqsOf(seq)
	}
	return t.reservations.put(jsonOf(c), c, seqs)
}

func (t *tables) document(o *v1alpha1.StockAdjustment) ref {
	c := &v1alpha1.StockAdjustment{ObjectMeta: o.ObjectMeta, Spec: o.Spec}
	c.Status.Phase = o.Status.Phase
	return t.documents.put(jsonOf(c), c, 0)
}

func (t *tables) entry(e *v1alpha1.JournalEntry) ref {
	c := e.DeepCopy()
	c.At = *stocktest.At(0)
	if !journal.IsDocument(c.Kind) && c.Reason != journal.ReasonTakenOver {
		c.Reason = ""
	}
	for i := range c.Lines {
		c.Lines[i].Remaining, c.Lines[i].OnHand = 0, nil
	}
	return t.entries.put(jsonOf(c), c, seqsOf(c.Seq))
}

func (t *tables) journal(s v1alpha1.StockJournalStatus) ref {
	c := v1alpha1.StockJournalStatus{Seq: s.Seq}
	seqs := seqsOf(s.Seq)
	for i := range s.Entries {
		c.Entries = append(c.Entries, *t.entries.at(t.entry(&s.Entries[i])))
		seqs |= seqsOf(s.Entries[i].Seq)
	}
	return t.journals.put(jsonOf(c), c, seqs)
}

func (t *tables) open(open []*journal.Pending) ref {
	if len(open) == 0 {
		return unmade
	}
	var key []byte
	var seqs seqSet
	canonical := make([]*journal.Pending, 0, len(open))
	for _, o := range open {
		e := t.entry(o.Entry)
		key = fmt.Appendf(key, "%d %t %v;", e, o.Object, o.Items())
		seqs |= t.entries.seqs(e)
		canonical = append(canonical, openOf(t.entries.at(e), o))
	}
	return t.opens.put(string(key), canonical, seqs)
}

// openOf is an open entry with the marks of another about the same decision.
func openOf(e *v1alpha1.JournalEntry, marks *journal.Pending) *journal.Pending {
	o := journal.NewPending(e)
	for _, uid := range o.Items() {
		if !marks.NeedsItem(uid) {
			o.ItemDone(uid)
		}
	}
	o.Object = marks.Object
	return o
}

func (t *tables) ledger(l *stock.Ledger) ref {
	return t.ledgers.put(l.Memory(), l, seqsOf(l.Seq()))
}

func (t *tables) list(kind objectKind, versions [maxReservations]ref) ref {
	return t.listed.get(listKey{kind, versions}, func() ref {
		var seqs seqSet
		for _, v := range versions {
			switch kind {
			case kindItem:
				seqs |= t.items.seqs(v)
			case kindReservation:
				seqs |= t.reservations.seqs(v)
			}
		}
		return t.lists.put(fmt.Sprint(kind, versions), versions, seqs)
	})
}
