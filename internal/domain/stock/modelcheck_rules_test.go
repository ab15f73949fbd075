package stock_test

import (
	"slices"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// rules is the protocol: the functions of package stock, and what the driver
// does around them. A mutant is the protocol with one rule taken out.
type rules struct {
	decideReservation  decideFunc
	decideDocument     func(*stock.Ledger, *v1alpha1.StockAdjustment, time.Time) (*v1alpha1.JournalEntry, bool)
	applyToItem        func([]*v1alpha1.JournalEntry, *v1alpha1.StockItem) bool
	applyToReservation func(*v1alpha1.JournalEntry, *v1alpha1.StockReservation) bool
	same               func(a, b *v1alpha1.StockJournalStatus) bool
	fenced             func(current v1alpha1.StockJournalStatus, holder string, now time.Time) v1alpha1.StockJournalStatus
	journaled          func(v1alpha1.JournalEntryKind) bool

	listsFirst       bool                  // the load comes before the fence
	noRedo           bool                  // the replay is left out
	noOverlay        bool                  // what is refused is not carried out on the lists
	dropEarly        bool                  // a swap drops what is not seen durable
	keepMemory       bool                  // a lost swap is tried again with the same memory
	blindPut         bool                  // a write does not check that the object is still as it was read
	anyTime          bool                  // effects of one process go out in any order
	onlyFirstWaits   bool                  // of each object only the first open entry is waited for
	grantsAtOnce     bool                  // a grant waits for nothing
	itemsAtOnce      bool                  // an item waits for nothing
	itemsForgotten   bool                  // nothing waits for an item
	anyOrder         func(objectKind) bool // effects of one object go out in any order
	believePhases    bool                  // phases come from the informer
	oldInformer      bool                  // the informer may be older than the lists of the load
	onlyForgets      bool                  // an audit forgets what is gone, and not that it is
	dropWithObject   bool                  // an entry is done once its reservation or document is gone
	keepsReservation bool                  // a deleted reservation goes on holding stock
	listsNotCounted  bool                  // numbers found in the lists of the load don't matter
	splitsTakeOver   bool                  // a basket ends in one swap, and who takes it over is granted in a later one

	// keepReplaced keeps the memory of processes that lost the journal. Only
	// with the whole protocol is it known to be dead.
	keepReplaced bool
	// harmOnly leaves out what must hold by the journal's order, which a mutant
	// may break at once, and waits for harm that can be seen from outside.
	harmOnly bool
}

// decideFunc is [stock.Ledger.DecideReservation], or what a mutant makes of it.
type decideFunc = func(*stock.Ledger, *v1alpha1.StockReservation, time.Time) (e, released *v1alpha1.JournalEntry)

func protocol() rules {
	return rules{
		decideReservation:  (*stock.Ledger).DecideReservation,
		decideDocument:     (*stock.Ledger).DecideDocument,
		applyToItem:        journal.ApplyToItem,
		applyToReservation: journal.ApplyToReservation,
		same:               journal.Same,
		fenced:             journal.Fenced,
		journaled:          func(v1alpha1.JournalEntryKind) bool { return true },
		anyOrder:           func(objectKind) bool { return false },
	}
}

// memo keeps what was worked out once.
type memo[K comparable, V any] map[K]V

func (m memo[K, V]) get(k K, work func() V) V {
	v, ok := m[k]
	if !ok {
		v = work()
		m[k] = v
	}
	return v
}

// decisions are the entries of one swap, in order.
type decisions [4]ref

func (d decisions) and(more decisions) decisions {
	n := 0
	for d[n] != unmade {
		n++
	}
	copy(d[n:], more[:])
	return d
}

// choice is one decision a process can take: what it would journal, and what
// it would remember.
type choice struct {
	entries decisions
	ledger  ref
}

type offer struct {
	ledger  ref
	kind    objectKind
	version ref
	fresh   bool // as the object is now, and with a clock that is right
}

// choices are the decisions that are due for an object in the eyes of a ledger
// that may see any state the object was ever in.
func (c *checker) choices(o offer) []choice {
	return c.memoChoices.get(o, func() (out []choice) {
		add := func(before *stock.Ledger, decide func(*stock.Ledger) (e, released *v1alpha1.JournalEntry)) {
			l := before.Clone()
			e, released := decide(l)
			if e == nil {
				return
			}
			found := choice{entries: decisions{c.tables.entry(e)}, ledger: c.tables.ledger(l)}
			if released != nil {
				found.entries = decisions{c.tables.entry(released), c.tables.entry(e)}
			}
			if released != nil && c.rules.splitsTakeOver {
				l = before.Clone()
				l.EndBasket(released.Name, stocktest.Noon())
				found = choice{entries: decisions{c.tables.entry(released)}, ledger: c.tables.ledger(l)}
			}
			for _, known := range out {
				if known.entries == found.entries {
					return
				}
			}
			out = append(out, found)
		}
		l := c.tables.ledgers.at(o.ledger)
		if o.kind == kindDocument {
			for _, d := range documentViews(c.tables.documents.at(o.version), o.fresh) {
				add(l, func(l *stock.Ledger) (e, released *v1alpha1.JournalEntry) {
					e, _ = c.rules.decideDocument(l, d, stocktest.Noon())
					if o.fresh && d.DeletionTimestamp != nil && e != nil && e.Kind == v1alpha1.EntryAdjust {
						c.breaks(deletedApplied)
					}
					return e, nil
				})
			}
			return out
		}
		r := c.tables.reservations.at(o.version)
		if o.fresh {
			add(l, func(l *stock.Ledger) (e, released *v1alpha1.JournalEntry) {
				return c.rules.decideReservation(l, r, stocktest.Noon())
			})
			if len(out) > 0 && !stock.MayBeDue(r) && !c.rules.harmOnly {
				c.breaks(notOffered)
			}
			return out
		}
		_, slot := slotOf(string(r.UID))
		for _, view := range views(r, c.world.reservations[slot].parts) {
			for _, now := range [...]time.Time{stocktest.Noon(), expiry} {
				add(l, func(l *stock.Ledger) (e, released *v1alpha1.JournalEntry) {
					return c.rules.decideReservation(l, view, now)
				})
				if c.rules.believePhases {
					for _, phase := range earlierPhases(l.Phase(r.UID)) {
						add(l, func(l *stock.Ledger) (e, released *v1alpha1.JournalEntry) {
							l.Believe(r.UID, phase)
							return c.rules.decideReservation(l, view, now)
						})
					}
				}
			}
		}
		return out
	})
}

// effect is one object that open entries are to be carried out on.
type effect struct {
	kind objectKind
	slot int
	// only is the one entry to carry out; zero for all of them, in order.
	only int64
	// upTo is the last entry to carry out; zero for all of them.
	upTo int64
}

// effects are the objects that were not yet seen to carry what is open.
func (c *checker) effects(open ref) []effect {
	return c.memoEffects.get(open, func() (out []effect) {
		add := func(uid string, seq int64) {
			kind, slot := slotOf(uid)
			e := effect{kind: kind, slot: slot}
			if c.rules.anyOrder(kind) {
				e.only = seq
			}
			if !slices.Contains(out, e) {
				out = append(out, e)
			}
		}
		for _, o := range c.tables.opens.at(open) {
			if !o.Object {
				add(o.Entry.UID, o.Entry.Seq)
			}
			for _, uid := range o.Items() {
				add(string(uid), o.Entry.Seq)
			}
		}
		return out
	})
}

type ordering struct {
	open    ref
	refused objectSet
}

// writable are the effects that may be written now, as journal.WriteOrder has it, when
// some objects can't be written.
func (c *checker) writable(open ref, refused objectSet) []effect {
	if !c.world.ordered || c.rules.anyTime {
		return c.effects(open)
	}
	return c.memoWritable.get(ordering{open, refused}, func() (out []effect) {
		order := journal.NewWriteOrder(c.waitedFor(open), func(uid string) bool {
			kind, slot := slotOf(uid)
			return refused&object(kind, slot) != 0 || c.rules.itemsForgotten && kind == kindItem
		})
		for _, e := range c.effects(open) {
			about := slices.DeleteFunc(slices.Clone(c.tables.opens.at(open)), func(o *journal.Pending) bool { return !e.concerns(o) })
			switch {
			case e.kind != kindItem:
				if !c.rules.grantsAtOnce && !order.Object(about) {
					continue
				}
			case !c.rules.itemsAtOnce:
				n := order.Item(slotUID(e.kind, e.slot), about)
				if n == 0 {
					continue
				}
				if n < len(about) {
					e.upTo = about[n-1].Entry.Seq
				}
			}
			out = append(out, e)
		}
		return out
	})
}

// waitedFor are the open entries that others wait for.
func (c *checker) waitedFor(open ref) []*journal.Pending {
	all := c.tables.opens.at(open)
	if !c.rules.onlyFirstWaits {
		return all
	}
	var firsts []*journal.Pending
	for _, o := range all {
		if !slices.ContainsFunc(firsts, func(f *journal.Pending) bool { return !f.Object && f.Entry.UID == o.Entry.UID }) {
			firsts = append(firsts, o)
		}
	}
	return firsts
}

// concerns reports whether an open entry still needs the effect's object.
func (e effect) concerns(o *journal.Pending) bool {
	if e.only != 0 && o.Entry.Seq != e.only || e.upTo != 0 && o.Entry.Seq > e.upTo {
		return false
	}
	uid := slotUID(e.kind, e.slot)
	if e.kind == kindItem {
		return o.NeedsItem(uid)
	}
	return !o.Object && o.Entry.UID == string(uid)
}

// applied is what one write comes to: the object afterwards, and the entries
// that changed it, in order.
type applied struct {
	version ref
	by      []*v1alpha1.JournalEntry
}

type applying struct {
	version, open ref
	effect        effect
}

// apply carries out on a version of an object what is open about it.
func (c *checker) apply(version, open ref, e effect) applied {
	return c.memoApply.get(applying{version, open, e}, func() applied {
		var entries []*v1alpha1.JournalEntry
		for _, o := range c.tables.opens.at(open) {
			if e.concerns(o) {
				entries = append(entries, o.Entry)
			}
		}
		switch e.kind {
		case kindItem:
			return c.applyToItem(entries, version)
		case kindReservation:
			out, r := applied{}, c.tables.reservations.at(version).DeepCopy()
			for _, entry := range entries {
				if c.rules.applyToReservation(entry, r) {
					out.by = append(out.by, entry)
				}
			}
			out.version = c.tables.reservation(r)
			return out
		}
		out, d := applied{}, c.tables.documents.at(version).DeepCopy()
		for _, entry := range entries {
			if journal.ApplyToDocument(entry, d) {
				out.by = append(out.by, entry)
			}
		}
		out.version = c.tables.document(d)
		return out
	})
}

// applyToItem writes an item once for all entries, and checks that this comes
// to the same as writing it for each.
func (c *checker) applyToItem(entries []*v1alpha1.JournalEntry, version ref) (out applied) {
	one, many := c.tables.items.at(version).DeepCopy(), c.tables.items.at(version).DeepCopy()
	c.rules.applyToItem(entries, one)
	for _, e := range entries {
		if c.rules.applyToItem([]*v1alpha1.JournalEntry{e}, many) {
			out.by = append(out.by, e)
		}
	}
	out.version = c.tables.item(one)
	if c.tables.item(many) != out.version {
		c.broken = "one write of an item for many decisions is not the same as one for each"
	}
	return out
}

type marking struct {
	open   ref
	effect effect
}

// markDone notes that an object was seen to carry what is open about it.
func (c *checker) markDone(open ref, e effect) ref {
	return c.memoMark.get(marking{open, e}, func() ref {
		var out []*journal.Pending
		for _, o := range c.tables.opens.at(open) {
			if e.concerns(o) {
				o = openOf(o.Entry, o)
				if e.kind == kindItem {
					o.ItemDone(slotUID(e.kind, e.slot))
				} else {
					o.Object = true
				}
			}
			out = append(out, o)
		}
		return c.tables.open(out)
	})
}

// markGone is markDone for an object that was found to be gone.
func (c *checker) markGone(open ref, e effect) ref {
	if !c.rules.dropWithObject || e.kind == kindItem {
		return c.markDone(open, e)
	}
	var out []*journal.Pending
	for _, o := range c.tables.opens.at(open) {
		if !e.concerns(o) {
			out = append(out, o)
		}
	}
	return c.tables.open(out)
}

// keep is what of the open entries must stay.
func (c *checker) keep(open ref) ref {
	return c.memoKeep.get(open, func() ref { return c.tables.open(journal.Keep(c.tables.opens.at(open))) })
}

// remember is a ledger after something was seen.
func (c *checker) remember(l ref, kind objectKind, version ref, isGone bool, slot int) ref {
	return c.memoSeen.get(seen{l, kind, version, isGone, slot}, func() ref {
		after := c.tables.ledgers.at(l).Clone()
		uid := slotUID(kind, slot)
		switch {
		case !isGone:
			after.ObserveItem(c.tables.items.at(version))
		case kind == kindItem:
			after.ForgetItem(uid)
		case kind == kindDocument:
			after.ForgetDocument(uid)
		case !c.rules.keepsReservation:
			after.ForgetReservation(uid)
		}
		return c.tables.ledger(after)
	})
}

type seen struct {
	ledger  ref
	kind    objectKind
	version ref
	isGone  bool
	slot    int
}
