package journal

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Pending is a journaled decision and which of its effects were seen durable.
type Pending struct {
	Entry *v1alpha1.JournalEntry
	// Object is true once the reservation or document was seen to carry it.
	Object bool
	// items are the uids of the items that do not contain it yet.
	items []types.UID
}

// NewPending is a decision none of whose effects were seen yet.
func NewPending(e *v1alpha1.JournalEntry) *Pending {
	p := &Pending{Entry: e}
	for i := range e.Lines {
		if l := &e.Lines[i]; Moves(e.Kind, l) {
			p.items = append(p.items, types.UID(l.ItemUID))
		}
	}
	return p
}

// NeedsItem reports whether the item was not yet seen to contain the decision.
func (p *Pending) NeedsItem(uid types.UID) bool { return slices.Contains(p.items, uid) }

// Items are the items that were not yet seen to contain the decision.
func (p *Pending) Items() []types.UID { return p.items }

// ItemDone notes that the item was seen to contain the decision, or is gone.
func (p *Pending) ItemDone(uid types.UID) {
	p.items = slices.DeleteFunc(slices.Clone(p.items), func(u types.UID) bool { return u == uid })
}

// Durable reports whether every effect was seen; only then may the entry leave the journal.
func (p *Pending) Durable() bool { return p.Object && len(p.items) == 0 }

// AllPending is what a leader finds in a journal that it acquired.
func AllPending(entries []v1alpha1.JournalEntry) []*Pending {
	pending := make([]*Pending, 0, len(entries))
	for i := range entries {
		pending = append(pending, NewPending(entries[i].DeepCopy()))
	}
	return pending
}

// Keep is what of the journal must stay in it: the decisions whose effects were
// not all seen durable. E is *Pending, or what embeds one.
func Keep[E interface{ Durable() bool }](pending []E) []E {
	return slices.DeleteFunc(slices.Clone(pending), E.Durable)
}

// numbersASecond is how many decisions a second a namespace would have to make for its
// numbers to overtake the clock; a swap that takes a millisecond holds 256 at most.
const numbersASecond = 1 << 20

// FirstSeq is where the numbers of a journal begin that is made at now: with the clock,
// in units of a second / 2^20. The object that had the highest number may be gone, so
// that nobody can look it up, and a number is never given twice (protocol rule 14 in
// docs/design/0015-mirror.md). Until the year 2242 numbers are exact in JSON (2^53).
func FirstSeq(now time.Time) int64 {
	return now.Unix()*numbersASecond + int64(now.Nanosecond())*numbersASecond/int64(time.Second)
}

// Fenced is the status by which a leader takes a journal from whoever had it: in a new
// epoch, with the entries it holds. A journal that nobody had yet is new, and numbers by
// the clock; an older one goes on with the numbers it has.
func Fenced(current v1alpha1.StockJournalStatus, holder string, now time.Time) v1alpha1.StockJournalStatus {
	next := *current.DeepCopy()
	if next.Epoch == 0 {
		next.Seq = max(next.Seq, FirstSeq(now))
	}
	next.Epoch++
	next.Holder = holder
	return next
}

// Next is the status to swap in: what must stay, then the new decisions.
func Next(current v1alpha1.StockJournalStatus, kept []*Pending, decided []*v1alpha1.JournalEntry) v1alpha1.StockJournalStatus {
	next := current
	next.Entries = make([]v1alpha1.JournalEntry, 0, len(kept)+len(decided))
	for _, p := range kept {
		next.Entries = append(next.Entries, *p.Entry)
	}
	for _, e := range decided {
		next.Entries = append(next.Entries, *e)
		next.Seq = e.Seq
	}
	return next
}

// Same reports whether two states of the journal are the same to the letter.
// After a swap whose answer was lost it is the only proof that it was applied:
// neither epoch nor seq alone is.
func Same(a, b *v1alpha1.StockJournalStatus) bool {
	return a.Epoch == b.Epoch && a.Seq == b.Seq && a.Holder == b.Holder && equality.Semantic.DeepEqual(a.Entries, b.Entries)
}

const (
	// FullAt is how many bytes of entries, as JSON, a journal may hold for one more decision
	// to be made. The size of a decision is known only when it is made, and then it can't be
	// taken back; so every decision fits into a journal that is not full, and none, however
	// large, waits for a journal that is empty. The largest there can be, a basket of 250
	// lines that becomes an order, makes it an object of less than 160 KiB.
	FullAt     = 33 << 10
	entryBytes = 240
	lineBytes  = 175
)

// Size is an upper bound of an entry's length as JSON, in bytes.
func Size(e *v1alpha1.JournalEntry) int {
	n := entryBytes + len(e.Name) + len(e.Reason)
	for i := range e.Lines {
		n += lineBytes + len(e.Lines[i].ProductID)
	}
	return n
}

// Room counts what still fits in the journal.
type Room struct{ bytes, entries int }

// NewRoom is the room left beside what must stay, for at most maxEntries new
// decisions.
func NewRoom(kept []*Pending, maxEntries int) *Room {
	r := &Room{bytes: FullAt, entries: maxEntries}
	for _, p := range kept {
		r.bytes -= Size(p.Entry)
	}
	return r
}

// Full reports whether no other decision is to be made.
func (r *Room) Full() bool { return r.entries <= 0 || r.bytes <= 0 }

// Take uses room for a decision.
func (r *Room) Take(e *v1alpha1.JournalEntry) {
	r.bytes -= Size(e)
	r.entries--
}
