package stock_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// checker explores one world under one set of rules.
type checker struct {
	world  *world
	rules  rules
	tables *tables
	// broken is a violation found while working something out.
	broken violation
	// settled are states of one process alone that were followed to rest;
	// alonePart is the process whose way to rest broke something, or -1.
	settled   *store
	alonePart int

	memoChoices    memo[offer, []choice]
	memoEffects    memo[ref, []effect]
	memoWritable   memo[ordering, []effect]
	memoApply      memo[applying, applied]
	memoMark       memo[marking, ref]
	memoKeep       memo[ref, ref]
	memoSeen       memo[seen, ref]
	memoSwap       memo[swapping, swapped]
	memoAllPending memo[ref, ref]
	memoNewLedger  memo[listed, listedLedger]
	memoAudit      memo[auditing, ref]
	memoWants      memo[wanting, ref]
	memoBare       memo[ref, ref]
	memoMade       memo[objectSet, ref]
	memoDeleted    memo[versionKey, ref]
	memoPending    memo[pendingKey, int64]
	memoPath       memo[pathKey, path]
	renumbered     memo[renumbering, ref]
}

func newChecker(w world, r rules) *checker {
	return &checker{
		world: &w, rules: r, tables: newTables(), settled: newStore(), alonePart: -1,
		memoChoices: memo[offer, []choice]{}, memoEffects: memo[ref, []effect]{}, memoWritable: memo[ordering, []effect]{}, memoApply: memo[applying, applied]{},
		memoMark: memo[marking, ref]{}, memoKeep: memo[ref, ref]{}, memoSeen: memo[seen, ref]{}, memoSwap: memo[swapping, swapped]{},
		memoAllPending: memo[ref, ref]{}, memoNewLedger: memo[listed, listedLedger]{}, memoAudit: memo[auditing, ref]{}, memoWants: memo[wanting, ref]{}, memoBare: memo[ref, ref]{},
		memoMade: memo[objectSet, ref]{}, memoDeleted: memo[versionKey, ref]{},
		memoPending: memo[pendingKey, int64]{}, memoPath: memo[pathKey, path]{}, renumbered: memo[renumbering, ref]{},
	}
}

// action is one step, told to people only when it is part of the way to a violation.
type action struct {
	verb    verb
	who     int
	kind    objectKind
	slot    int
	entries decisions
}

type verb uint8

const (
	makes verb = iota
	wantsCommit
	wantsRelease
	wantsRestock
	deletes
	deletesKept
	letsGo
	deletesJournal
	heals
	crashes
	takesOver
	lists
	serves
	writes
	writesLost
	findsDone
	reads
	noticesGone
	noticesItem
	swaps
	swapsUnclear
	swapFailsUnclear
	readsJournal
	decidesAlone
	keepsMemory
	audits
)

func (c *checker) tell(a action) string {
	what := fmt.Sprintf("%s (%s)", slotUID(a.kind, a.slot), "a name")
	if a.kind < kinds && a.slot < c.world.slots(a.kind) {
		what = fmt.Sprintf("%s (%s)", slotUID(a.kind, a.slot), c.world.name(a.kind, a.slot))
	}
	var told []string
	for _, r := range a.entries {
		if r >= firstRow {
			e := c.tables.entries.at(r)
			told = append(told, fmt.Sprintf("%d %s %s", e.Seq, e.Kind, e.UID))
		}
	}
	entries := strings.Join(told, " + ")
	if entries == "" {
		entries = "only drops"
	}
	switch a.verb {
	case makes:
		return "a client makes " + what
	case wantsCommit, wantsRelease, wantsRestock:
		return fmt.Sprintf("a client wants %s of %s", [...]string{"Commit", "Release", "Restock"}[a.verb-wantsCommit], what)
	case deletes:
		return "a client deletes " + what
	case deletesKept:
		return "a client deletes " + what + ", which is kept"
	case letsGo:
		return "the mirror lets " + what + " go"
	case deletesJournal:
		return "somebody deletes the journal"
	case heals:
		return "the API server accepts writes of everything again"
	}
	does := map[verb]string{
		crashes: "crashes", takesOver: "fences: takes the journal over", lists: fmt.Sprintf("loads: lists kind %d", a.kind), serves: "serves",
		writes: "writes " + what, writesLost: "writes " + what + ", the answer is lost", findsDone: "finds nothing left to do on " + what,
		reads: "reads " + what, noticesGone: "sees that " + what + " is gone", noticesItem: "sees the new item " + what,
		swaps: "swaps the journal: " + entries, swapsUnclear: "swaps the journal, the answer is lost: " + entries,
		swapFailsUnclear: "fails to swap the journal, the answer is lost: " + entries, readsJournal: "reads the journal and goes on",
		audits:       "audits, and forgets what is gone",
		decidesAlone: "decides without the journal: " + entries, keepsMemory: "loses a swap, reads the journal, keeps its memory: " + entries,
	}
	return fmt.Sprintf("p%d %s", a.who, does[a.verb])
}

type emit func(state, action)

// start is the state in which nobody did anything yet.
func (c *checker) start() state {
	var s state
	for kind := range kinds {
		for slot := range c.world.slots(kind) {
			if l := c.world.life(kind, slot); !l.late && l.after == 0 {
				c.create(&s, kind, slot)
			}
		}
	}
	for i, item := range c.world.items {
		s.ghost.onHand[i] = int8(item.onHand)
	}
	s.journal = narrow(c.tables.journal(v1alpha1.StockJournalStatus{}))
	s.refuses = uint16(c.world.refuses)
	return s
}

func (c *checker) create(s *state, kind objectKind, slot int) {
	s.setVersion(kind, slot, c.asMade(kind, slot))
}

// asMade is an object as its client makes it.
func (c *checker) asMade(kind objectKind, slot int) ref {
	return c.memoMade.get(object(kind, slot), func() ref {
		switch kind {
		case kindItem:
			return c.tables.item(c.world.newItem(slot))
		case kindReservation:
			return c.tables.reservation(c.world.newReservation(slot))
		default:
			return c.tables.document(c.world.newDocument(slot))
		}
	})
}

func narrow(r ref) uint16 {
	if r > 1<<16-1 {
		panic("a table of the model checker grew beyond 65535 rows; make the world smaller")
	}
	return uint16(r)
}

// clients emits what people may do.
func (c *checker) clients(s *state, next emit) {
	for kind := range kinds {
		for slot := range c.world.slots(kind) {
			l := c.world.life(kind, slot)
			t := *s
			switch v := s.version(kind, slot); {
			case v == unmade && (l.after == 0 || s.version(kind, l.after-1) == gone):
				c.create(&t, kind, slot)
				next(t, action{verb: makes, kind: kind, slot: slot})
			case v >= firstRow && l.dies:
				c.delete(&t, kind, slot)
				next(t, action{verb: deletes, kind: kind, slot: slot})
			case v >= firstRow && l.kept && !c.deleting(kind, v):
				t.setVersion(kind, slot, c.withDeletion(kind, v))
				next(t, action{verb: deletesKept, kind: kind, slot: slot})
			case v >= firstRow && l.kept && c.isAtItsEnd(kind, v):
				c.delete(&t, kind, slot)
				next(t, action{verb: letsGo, kind: kind, slot: slot})
			}
		}
	}
	if c.world.journalDies && ref(s.journal) != gone && c.isCarriedOut(s) {
		t := *s
		t.journal = uint16(gone)
		replaceOthers(&t, nobody)
		next(t, action{verb: deletesJournal})
	}
	for slot, r := range c.world.reservations {
		v := s.version(kindReservation, slot)
		if v < firstRow {
			continue
		}
		want := func(may bool, intent v1alpha1.ReservationIntent, told verb) {
			if !may {
				return
			}
			if wanting := c.wants(v, intent, r.parts); wanting != v {
				t := *s
				t.setVersion(kindReservation, slot, wanting)
				next(t, action{verb: told, kind: kindReservation, slot: slot})
			}
		}
		want(r.commit, v1alpha1.IntentCommit, wantsCommit)
		want(r.release, v1alpha1.IntentRelease, wantsRelease)
		want(r.restock, v1alpha1.IntentRestock, wantsRestock)
	}
	if s.refuses != 0 {
		t := *s
		t.refuses = 0
		next(t, action{verb: heals})
	}
}

// intents by number.
var intents = [...]v1alpha1.ReservationIntent{v1alpha1.IntentHold, v1alpha1.IntentCommit, v1alpha1.IntentRelease, v1alpha1.IntentRestock}

func (c *checker) delete(s *state, kind objectKind, slot int) {
	if kind == kindReservation {
		r := c.tables.reservations.at(s.version(kind, slot))
		s.ghost.wanted[slot] = uint8(slices.Index(intents[:], r.Spec.Intent))
		if part := partOf(r, c.world.reservations[slot].parts); part > 0 {
			s.ghost.wanted[slot] += uint8(part)
		}
	}
	s.setVersion(kind, slot, gone)
}

// partOf is which of the parts a client wants back by now; -1 when none.
func partOf(r *v1alpha1.StockReservation, parts [][]v1alpha1.StockLine) int {
	return slices.IndexFunc(parts, func(p []v1alpha1.StockLine) bool { return r.Spec.Restock != nil && slices.Equal(p, *r.Spec.Restock) })
}

// wantedBy is what a client that is gone wanted last: an intent, and which part with it.
func wantedBy(n uint8) (intent v1alpha1.ReservationIntent, part int) {
	last := len(intents) - 1
	return intents[min(int(n), last)], max(int(n)-last, 0)
}

type wanting struct {
	version ref
	intent  v1alpha1.ReservationIntent
}

// wants is a reservation whose client wants something else now, as far as
// admission lets it.
func (c *checker) wants(version ref, intent v1alpha1.ReservationIntent, parts [][]v1alpha1.StockLine) ref {
	return c.memoWants.get(wanting{version, intent}, func() ref {
		r := c.tables.reservations.at(version).DeepCopy()
		was, next := r.Spec.Intent, 0
		switch {
		case was == v1alpha1.IntentHold, was == v1alpha1.IntentCommit && intent == v1alpha1.IntentRestock:
		case was == v1alpha1.IntentRestock && intent == v1alpha1.IntentRestock:
			if next = partOf(r, parts) + 1; next == 0 || next == len(parts) {
				return version
			}
		default:
			return version
		}
		if r.Spec.Intent = intent; intent == v1alpha1.IntentRestock && len(parts) > 0 {
			r.Spec.Restock = new(parts[next])
		}
		return c.tables.reservation(r)
	})
}

// get is a live GET by name: it may find another object than the one meant.
func (c *checker) get(s *state, e effect) ref {
	if v := s.version(e.kind, e.slot); v >= firstRow {
		return v
	}
	for slot := range c.world.slots(e.kind) {
		if c.world.name(e.kind, slot) == c.world.name(e.kind, e.slot) && s.exists(e.kind, slot) {
			return s.version(e.kind, slot)
		}
	}
	return gone
}

// write is a PUT that the API server accepted.
func (c *checker) write(s *state, e effect, before ref, after applied) {
	slot := e.slot
	if v := s.version(e.kind, slot); v < firstRow { // another object of the name, only when the uid rule is broken
		for other := range c.world.slots(e.kind) {
			if s.exists(e.kind, other) && c.world.name(e.kind, other) == c.world.name(e.kind, slot) {
				slot = other
			}
		}
	}
	s.setVersion(e.kind, slot, after.version)
	switch e.kind {
	case kindItem:
		for _, entry := range after.by {
			c.noteChange(s, slot, e.slot, entry)
		}
	case kindReservation:
		c.checkMove(before, after)
	}
}

// noteChange keeps count of which decision changed which item.
func (c *checker) noteChange(s *state, slot, meant int, e *v1alpha1.JournalEntry) {
	if slot != meant {
		c.breaks(anotherItem)
	}
	units := int64(0)
	for i := range e.Lines {
		if l := &e.Lines[i]; l.ItemUID == string(slotUID(kindItem, meant)) {
			units += change(e.Kind, l)
		}
	}
	s.ghost.changed[slot] += int8(units)
	if e.Kind == v1alpha1.EntryRestock {
		_, reservation := slotOf(e.UID)
		back := &s.ghost.back[reservation][slot]
		if *back += int8(units); int64(*back) > c.wantedBack(s, reservation, slot) {
			c.breaks(changedTwice)
		}
		return
	}
	bit := changeBit(e, slot)
	if s.ghost.done&bit != 0 {
		c.breaks(changedTwice)
	}
	s.ghost.done |= bit
}

// wantedBack is how many units of an item a reservation's client wants back by now.
func (c *checker) wantedBack(s *state, slot, item int) int64 {
	r := c.world.reservations[slot]
	intent, part := wantedBy(s.ghost.wanted[slot])
	if v := s.version(kindReservation, slot); v >= firstRow {
		o := c.tables.reservations.at(v)
		intent, part = o.Spec.Intent, partOf(o, r.parts)
	}
	switch {
	case intent != v1alpha1.IntentRestock:
		return 0
	case len(r.parts) == 0:
		return quantityOf(r.lines, c.world.items[item].name)
	}
	return quantityOf(r.parts[part], c.world.items[item].name)
}

// change is what a decision does to what is on hand, by the protocol's words.
func change(kind v1alpha1.JournalEntryKind, l *v1alpha1.JournalLine) int64 {
	switch kind {
	case v1alpha1.EntryCommit:
		return l.NotMoved - l.Quantity
	case v1alpha1.EntryRestock:
		return l.Quantity - l.NotMoved
	case v1alpha1.EntryAdjust:
		return l.Quantity
	}
	return 0
}

// changeBit stands for one decision's change of one item; restocks, of which there may
// be several, are counted in units.
func changeBit(e *v1alpha1.JournalEntry, item int) uint32 {
	_, slot := slotOf(e.UID)
	if e.Kind == v1alpha1.EntryAdjust {
		slot += maxReservations
	}
	return 1 << (slot*maxItems + item)
}

// journalHolds is the journal's status as a process would read it. Epochs are
// told apart only as far as somebody compares them: 1 is the process' own.
func (c *checker) journalHolds(s *state, n int) v1alpha1.StockJournalStatus {
	status := c.tables.journals.at(ref(s.journal))
	status.Epoch = 2
	if s.processes[n].current {
		status.Epoch = 1
	}
	return status
}

// openAll is what a process that takes over finds in the journal.
func (c *checker) allPending(of ref) ref {
	return c.memoAllPending.get(of, func() ref {
		return c.tables.open(journal.AllPending(c.tables.journals.at(of).Entries))
	})
}
