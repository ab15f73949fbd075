package stock_test

import (
	"cmp"
	"math/bits"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

type objectKind uint8

const (
	kindItem objectKind = iota
	kindReservation
	kindDocument
	kinds
)

// objectSet is a set of objects of all kinds.
type objectSet uint16

func object(kind objectKind, slot int) objectSet { return 1 << (4*int(kind) + slot) }

// seqSet is a set of numbers of decisions. Numbers stay small, see canonical.
type seqSet uint32

func seqsOf(seq int64) seqSet { return 1 << seq }

// rank is how many numbers of the set are smaller.
func (s seqSet) rank(seq int64) int64 { return int64(bits.OnesCount32(uint32(s & (1<<seq - 1)))) }

// dense reports whether the set is 0 to n without gaps.
func (s seqSet) dense() bool { return s&(s+1) == 0 }

// What a process is doing.
type activity uint8

const (
	idle    activity = iota // not running, or about to take over
	redoing                 // replay
	listing                 // load
	serving                 // deciding, journaling, applying
	unsure                  // a swap's answer was lost; about to read the journal
	late                    // replaced, and only able to finish writes it began
)

// process is what one allocator holds in memory.
type process struct {
	doing activity
	// current: the resourceVersion of the journal it holds is still the newest.
	// When it is not, another process took over since, in a higher epoch.
	current bool
	listed  uint8  // which lists of the load it made, by kind
	seq     uint8  // the journal's seq as it last read or wrote it
	gone    uint16 // objects it knows to be gone: an objectSet
	lists   [kinds]uint16
	// meant and read are the object of a write that does not look again, and
	// its version; only in a mutant.
	meant, read uint16
	ledger      ref
	open        ref
}

// state is everything there is at one moment.
type state struct {
	items        [maxItems]uint16
	reservations [maxReservations]uint16
	documents    [maxDocuments]uint16
	journal      uint16
	refuses      uint16 // objects whose writes are refused: an objectSet
	ghost        ghost
	processes    [maxProcesses]process
}

// ghost is what no process knows: the truth, by the order of the journal, and
// what was really done to the objects.
type ghost struct {
	path    [maxReservations]path
	from    [maxReservations]uint8          // items a reservation was granted from
	wanted  [maxReservations]uint8          // what a deleted one wanted last
	settled [maxDocuments]uint8             // 0 not yet, 1 applied, 2 refused
	onHand  [maxItems]int8                  // by the journal
	changed [maxItems]int8                  // sum of the changes written to the object
	done    uint32                          // which decisions but restocks changed which item
	back    [maxReservations][maxItems]int8 // units put back on the object
	sold    uint8                           // items that a count made Oversold
	top     uint8                           // the highest number given; only where the journal is deleted
}

// path is how a reservation came to where it is.
type path uint8

const (
	undecided path = iota
	reserved
	rejected
	releasedPending
	releasedReserved
	committed
	restocked
	restockedAgain
	illegal
)

var pathPhase = [...]v1alpha1.StockReservationPhase{
	v1alpha1.ReservationPending, v1alpha1.ReservationReserved, v1alpha1.ReservationRejected, v1alpha1.ReservationReleased,
	v1alpha1.ReservationReleased, v1alpha1.ReservationCommitted, v1alpha1.ReservationRestocked, v1alpha1.ReservationRestocked, "illegal",
}

// step is the life cycle as the protocol draws it.
func (p path) step(to v1alpha1.StockReservationPhase) path {
	switch {
	case p == undecided && to == v1alpha1.ReservationReserved:
		return reserved
	case p == undecided && to == v1alpha1.ReservationRejected:
		return rejected
	case p == undecided && to == v1alpha1.ReservationReleased:
		return releasedPending
	case p == reserved && to == v1alpha1.ReservationReleased:
		return releasedReserved
	case p == reserved && to == v1alpha1.ReservationCommitted:
		return committed
	case p == committed && to == v1alpha1.ReservationRestocked:
		return restocked
	case p == restocked && to == v1alpha1.ReservationRestocked:
		return restockedAgain
	}
	return illegal
}

func (s *state) version(kind objectKind, slot int) ref {
	switch kind {
	case kindItem:
		return ref(s.items[slot])
	case kindReservation:
		return ref(s.reservations[slot])
	}
	return ref(s.documents[slot])
}

func (s *state) setVersion(kind objectKind, slot int, v ref) {
	switch kind {
	case kindItem:
		s.items[slot] = uint16(v)
	case kindReservation:
		s.reservations[slot] = uint16(v)
	default:
		s.documents[slot] = uint16(v)
	}
}

func (s *state) exists(kind objectKind, slot int) bool { return s.version(kind, slot) >= firstRow }

// canonical is the one state that stands for all that differ only in what
// nothing depends on: the names of processes, and numbers of decisions beyond
// their order.
func (c *checker) canonical(s *state) {
	c.simplify(s)
	for i := 1; i < c.world.processes; i++ {
		for j := i; j > 0 && s.processes[j].compare(&s.processes[j-1]) < 0; j-- {
			s.processes[j], s.processes[j-1] = s.processes[j-1], s.processes[j]
		}
	}
}

func (p *process) compare(q *process) int {
	if p.doing != q.doing {
		return cmp.Compare(p.doing, q.doing)
	}
	if d := cmp.Or(cmp.Compare(p.open, q.open), cmp.Compare(p.ledger, q.ledger), cmp.Compare(p.seq, q.seq), cmp.Compare(p.gone, q.gone), cmp.Compare(p.listed, q.listed),
		cmp.Compare(p.meant, q.meant), cmp.Compare(p.read, q.read)); d != 0 {
		return d
	}
	for k := range p.lists {
		if d := cmp.Compare(p.lists[k], q.lists[k]); d != 0 {
			return d
		}
	}
	if p.current != q.current {
		if q.current {
			return -1
		}
		return +1
	}
	return 0
}

// simplify is canonical without losing which process is which.
func (c *checker) simplify(s *state) {
	if !c.rules.keepReplaced {
		for p := range s.processes {
			c.retire(s, p)
		}
	}
	c.renumber(s)
}

// retire reduces a process that lost the journal to what it can still do: no
// swap of it can succeed, so its memory is dead, and of its writes only those
// matter that would still change something.
func (c *checker) retire(s *state, n int) {
	p := &s.processes[n]
	if p.doing == idle || p.current {
		return
	}
	if p.doing == listing || p.doing == unsure {
		*p = process{}
		return
	}
	open := p.open
	for _, e := range c.effects(open) {
		if c.get(s, e) < firstRow || len(c.apply(c.get(s, e), open, e).by) == 0 {
			open = c.markDone(open, e)
		}
	}
	if open = c.keep(open); len(c.tables.opens.at(open)) == 0 {
		*p = process{}
		return
	}
	*p = process{doing: late, open: open}
}

// renumber closes the gaps between the numbers of decisions.
func (c *checker) renumber(s *state) {
	t := c.tables
	all := 1 | t.journals.seqs(ref(s.journal)) | seqsOf(int64(s.ghost.top))
	for i := range c.world.items {
		all |= t.items.seqs(ref(s.items[i]))
	}
	for i := range c.world.reservations {
		all |= t.reservations.seqs(ref(s.reservations[i]))
	}
	for n := range c.world.processes {
		p := &s.processes[n]
		switch {
		case p.reads(kindItem):
			all |= t.items.seqs(ref(p.read))
		case p.reads(kindReservation):
			all |= t.reservations.seqs(ref(p.read))
		}
		all |= seqsOf(int64(p.seq)) | t.opens.seqs(p.open) | t.ledgers.seqs(p.ledger) | t.lists.seqs(ref(p.lists[kindItem])) | t.lists.seqs(ref(p.lists[kindReservation]))
	}
	if all.dense() {
		return
	}
	s.ghost.top = uint8(all.rank(int64(s.ghost.top)))
	s.journal = uint16(c.renumbered.get(renumbering{'j', ref(s.journal), all}, func() ref { return t.renumberJournal(ref(s.journal), all) }))
	for i := range c.world.items {
		s.items[i] = uint16(c.renumberedItem(ref(s.items[i]), all))
	}
	for i := range c.world.reservations {
		s.reservations[i] = uint16(c.renumberedReservation(ref(s.reservations[i]), all))
	}
	for n := range c.world.processes {
		p := &s.processes[n]
		switch {
		case p.reads(kindItem):
			p.read = uint16(c.renumberedItem(ref(p.read), all))
		case p.reads(kindReservation):
			p.read = uint16(c.renumberedReservation(ref(p.read), all))
		}
		p.seq = uint8(all.rank(int64(p.seq)))
		p.open = c.renumbered.get(renumbering{'o', p.open, all}, func() ref { return t.renumberOpen(p.open, all) })
		p.ledger = c.renumbered.get(renumbering{'l', p.ledger, all}, func() ref { return t.renumberLedger(p.ledger, all) })
		for _, kind := range [...]objectKind{kindItem, kindReservation} {
			of := ref(p.lists[kind])
			p.lists[kind] = uint16(c.renumbered.get(renumbering{'t', of, all}, func() ref { return c.renumberList(kind, of, all) }))
		}
	}
}

// reads reports whether an object of the kind is being written without looking again.
func (p *process) reads(kind objectKind) bool { return p.meant>>(4*kind)&0xf != 0 }

type renumbering struct {
	table byte
	value ref
	all   seqSet
}

func (c *checker) renumberedItem(r ref, all seqSet) ref {
	if r < firstRow {
		return r
	}
	return c.renumbered.get(renumbering{'i', r, all}, func() ref {
		o := c.tables.items.at(r).DeepCopy()
		o.Status.JournalSeq = all.rank(o.Status.JournalSeq)
		return c.tables.item(o)
	})
}

func (c *checker) renumberedReservation(r ref, all seqSet) ref {
	if r < firstRow || c.tables.reservations.seqs(r) == 0 {
		return r
	}
	return c.renumbered.get(renumbering{'r', r, all}, func() ref {
		o := c.tables.reservations.at(r).DeepCopy()
		last := &o.Status.History[len(o.Status.History)-1]
		last.Seq = all.rank(last.Seq)
		return c.tables.reservation(o)
	})
}

func (c *checker) renumberList(kind objectKind, r ref, all seqSet) ref {
	if r < firstRow {
		return r
	}
	versions := c.tables.lists.at(r)
	for i := range versions {
		if kind == kindItem {
			versions[i] = c.renumberedItem(versions[i], all)
		} else {
			versions[i] = c.renumberedReservation(versions[i], all)
		}
	}
	return c.tables.list(kind, versions)
}

func (t *tables) renumberJournal(r ref, all seqSet) ref {
	if r < firstRow {
		return r
	}
	held := t.journals.at(r)
	s := held.DeepCopy()
	s.Seq = all.rank(s.Seq)
	for i := range s.Entries {
		s.Entries[i].Seq = all.rank(s.Entries[i].Seq)
	}
	return t.journal(*s)
}

func (t *tables) renumberOpen(r ref, all seqSet) ref {
	if r < firstRow {
		return r
	}
	var open []*journal.Pending
	for _, o := range t.opens.at(r) {
		e := o.Entry.DeepCopy()
		e.Seq = all.rank(e.Seq)
		open = append(open, openOf(e, o))
	}
	return t.open(open)
}

func (t *tables) renumberLedger(r ref, all seqSet) ref {
	if r < firstRow {
		return r
	}
	l := t.ledgers.at(r).Clone()
	l.Renumber(all.rank(l.Seq()))
	return t.ledger(l)
}
