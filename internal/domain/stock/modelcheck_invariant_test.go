package stock_test

import (
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// violation is an invariant that does not hold, in words; empty when all do.
type violation string

// What people would notice.
const (
	changedTwice    violation = "a decision changed what is on hand twice"
	anotherItem     violation = "a decision changed an item it was not made about"
	againstGraph    violation = "a phase moved against the graph"
	lostUpdate      violation = "on hand is not the opening quantity and all changes made"
	belowZero       violation = "on hand is below zero and no count said so"
	oversold        violation = "at rest more is reserved than is on hand"
	stuck           violation = "at rest somebody still waits for a decision"
	restless        violation = "a process alone does not come to rest"
	notTaken        violation = "a committed reservation took nothing off the shelf"
	taken           violation = "a reservation that was not committed took something off the shelf"
	commitLost      violation = "a reservation was committed, then deleted, and took nothing off the shelf"
	notReturned     violation = "of a restocked reservation something else came back than was wanted"
	answeredTwice   violation = "more is said to have come back than was wanted back"
	toldPutBack     violation = "units are told to be back on a shelf that is known to be gone"
	basketLost      violation = "a basket was released, and nobody who may take it over was granted"
	documentUntrue  violation = "a document says something else than what it did"
	deletedApplied  violation = "a document that was seen to be deleted was applied"
	numberAgain     violation = "a number was given twice: who goes by the numbers misses a decision"
	memoryIsWrong   violation = "at rest a leader remembers something else than the objects say"
	readerSeesLess  violation = "somebody who adds up what they see finds more reserved than on hand"
	neverCarriedOut violation = "the journal's decision was never carried out"
)

// What holds by the order of the journal.
const (
	illegalDecision  violation = "a decision was journaled that the life cycle does not allow"
	notOffered       violation = "what the ledger decides is not taken for due (MayBeDue)"
	notAsked         violation = "a decision was journaled that nobody asked for"
	grantedTooMuch   violation = "more was granted than is on hand"
	rejectedForNone  violation = "a reservation was rejected although there was enough"
	settledTwice     violation = "a document was settled twice"
	tookReserved     violation = "a correction took what is reserved"
	countNotBelieved violation = "a count did not set what is on hand"
	journalLost      violation = "the item and the journal together are not the truth"
	phaseLost        violation = "the reservation and the journal together are not the truth"
	documentLost     violation = "the document and the journal together are not the truth"
	tornTakeOver     violation = "a basket was taken over without a grant right behind it in the same swap"
	leaderIsWrong    violation = "the leader that can still journal does not remember the truth"
)

func (c *checker) breaks(v violation) {
	if c.broken == "" {
		c.broken = v
	}
}

// checkMove holds a write of a reservation against the graph.
func (c *checker) checkMove(before ref, after applied) {
	from, to := c.tables.reservations.at(before), c.tables.reservations.at(after.version)
	p := pathOf(from)
	for _, h := range to.Status.History[len(from.Status.History):] {
		p = p.step(h.Phase)
	}
	if p == illegal || pathPhase[p] != to.Status.Phase {
		c.breaks(againstGraph)
	}
	for _, l := range to.Status.Restocked {
		if wanted := to.Spec.Restock; l.Quantity > quantityOf(to.Spec.Lines, l.ProductID) || wanted != nil && l.Quantity > quantityOf(*wanted, l.ProductID) {
			c.breaks(answeredTwice)
		}
	}
}

// pathOf is the way a reservation's history says it went.
func pathOf(r *v1alpha1.StockReservation) path {
	p := undecided
	for _, h := range r.Status.History {
		p = p.step(h.Phase)
	}
	return p
}

// decided moves the truth on by what a process journaled at once, and checks it.
func (c *checker) decided(s *state, entries decisions, by *process) {
	for i, entry := range entries {
		if entry == unmade {
			return
		}
		var behind *v1alpha1.JournalEntry
		if i+1 < len(entries) && entries[i+1] != unmade {
			behind = c.tables.entries.at(entries[i+1])
		}
		c.decidedOne(s, c.tables.entries.at(entry), behind, by)
	}
}

// decidedOne does that for one entry; behind is the next one of the same swap, if any.
func (c *checker) decidedOne(s *state, e, behind *v1alpha1.JournalEntry, by *process) {
	kind, slot := slotOf(e.UID)
	strict := func(holds bool, v violation) {
		if !holds && !c.rules.harmOnly {
			c.breaks(v)
		}
	}
	g := &s.ghost
	c.numbered(g, e)
	if kind == kindDocument {
		c.decidedDocument(s, slot, e, strict)
		return
	}
	to := map[v1alpha1.JournalEntryKind]v1alpha1.StockReservationPhase{
		v1alpha1.EntryGrant: v1alpha1.ReservationReserved, v1alpha1.EntryReject: v1alpha1.ReservationRejected, v1alpha1.EntryRelease: v1alpha1.ReservationReleased,
		v1alpha1.EntryCommit: v1alpha1.ReservationCommitted, v1alpha1.EntryRestock: v1alpha1.ReservationRestocked,
	}[e.Kind]
	moved := g.path[slot].step(to)
	strict(moved != illegal, illegalDecision)
	if e.Kind == v1alpha1.EntryRelease && e.Reason == journal.ReasonTakenOver {
		strict(c.isTakeOver(e, behind), tornTakeOver)
	} else {
		strict(c.asked(s, slot, e.Kind), notAsked)
	}
	if e.Kind == v1alpha1.EntryRestock {
		for i := range e.Lines {
			if _, item := slotOf(e.Lines[i].ItemUID); change(e.Kind, &e.Lines[i]) != 0 && objectSet(by.gone)&object(kindItem, item) != 0 {
				c.breaks(toldPutBack)
			}
		}
	}
	switch e.Kind {
	case v1alpha1.EntryGrant:
		strict(c.fits(s, e), grantedTooMuch)
		for _, l := range e.Lines {
			_, item := slotOf(l.ItemUID)
			g.from[slot] |= 1 << item
		}
	case v1alpha1.EntryReject:
		strict(c.isShort(s, e), rejectedForNone)
	default:
		c.moveTruth(s, e)
	}
	g.path[slot] = moved
}

func (c *checker) decidedDocument(s *state, slot int, e *v1alpha1.JournalEntry, strict func(bool, violation)) {
	g, d := &s.ghost, c.world.documents[slot]
	strict(g.settled[slot] == 0, settledTwice)
	g.settled[slot] = 2
	if e.Kind == v1alpha1.EntryAdjustReject {
		return
	}
	g.settled[slot] = 1
	c.moveTruth(s, e)
	_, item := slotOf(e.Lines[0].ItemUID)
	held := c.reservedOf(s, item, false)
	if d.kind == v1alpha1.AdjustmentCounted {
		strict(int64(g.onHand[item]) == d.quantity, countNotBelieved)
		if c.reservedOf(s, item, true) > int64(g.onHand[item]) {
			g.sold |= 1 << item
		}
		return
	}
	strict(d.quantity > 0 || int64(g.onHand[item]) >= held, tookReserved)
}

func (c *checker) moveTruth(s *state, e *v1alpha1.JournalEntry) {
	for i := range e.Lines {
		_, item := slotOf(e.Lines[i].ItemUID)
		s.ghost.onHand[item] += int8(change(e.Kind, &e.Lines[i]))
	}
}

// isTakeOver reports whether a release of a basket and the entry behind it are one decision.
func (c *checker) isTakeOver(release, grant *v1alpha1.JournalEntry) bool {
	if grant == nil || grant.Kind != v1alpha1.EntryGrant || grant.Seq != release.Seq+1 {
		return false
	}
	_, basket := slotOf(release.UID)
	_, taker := slotOf(grant.UID)
	return c.mayTakeOver(c.world.reservations[taker], c.world.reservations[basket])
}

// asked reports whether the reservation's client, or time, wants this.
func (c *checker) asked(s *state, slot int, kind v1alpha1.JournalEntryKind) bool {
	intent, _ := wantedBy(s.ghost.wanted[slot])
	deleted := c.world.reservations[slot].kept
	if v := s.version(kindReservation, slot); v >= firstRow {
		intent, deleted = c.tables.reservations.at(v).Spec.Intent, c.deleting(kindReservation, v)
	}
	switch kind {
	case v1alpha1.EntryRelease:
		return intent == v1alpha1.IntentRelease || c.world.reservations[slot].expires || deleted
	case v1alpha1.EntryCommit:
		return intent == v1alpha1.IntentCommit || intent == v1alpha1.IntentRestock
	case v1alpha1.EntryRestock:
		return intent == v1alpha1.IntentRestock
	}
	return true
}

// reservedOf is the sum of the lines of an item's reservations that the journal
// holds Reserved, with those that were deleted or without.
func (c *checker) reservedOf(s *state, item int, deleted bool) (sum int64) {
	for slot, r := range c.world.reservations {
		if s.ghost.path[slot] != reserved || s.ghost.from[slot]&(1<<item) == 0 || !deleted && !s.exists(kindReservation, slot) {
			continue
		}
		for _, l := range r.lines {
			if l.ProductID == c.world.items[item].name {
				sum += l.Quantity
			}
		}
	}
	return sum
}

// fits reports whether a grant leaves the promises kept.
func (c *checker) fits(s *state, e *v1alpha1.JournalEntry) bool {
	for _, l := range e.Lines {
		_, item := slotOf(l.ItemUID)
		if s.exists(kindItem, item) && c.reservedOf(s, item, false)+l.Quantity+c.world.items[item].safety > int64(s.ghost.onHand[item]) {
			return false
		}
	}
	return true
}

// isShort reports whether a rejection was due, at least in the eyes of somebody
// who did not yet see which reservations were deleted and which items made.
func (c *checker) isShort(s *state, e *v1alpha1.JournalEntry) bool {
	for _, l := range e.Lines {
		if l.ItemUID == "" || !c.world.steady(l.ProductID) {
			return true
		}
		_, item := slotOf(l.ItemUID)
		if c.reservedOf(s, item, true)-c.inOwnBasket(s, e, item)+l.Quantity+c.world.items[item].safety > int64(s.ghost.onHand[item]) {
			return true
		}
	}
	return false
}

// inOwnBasket is what a basket holds that a rejected reservation could have taken over.
func (c *checker) inOwnBasket(s *state, e *v1alpha1.JournalEntry, item int) (sum int64) {
	_, taker := slotOf(e.UID)
	for slot, b := range c.world.reservations {
		if s.ghost.path[slot] == reserved && s.ghost.from[slot]&(1<<item) != 0 && c.mayTakeOver(c.world.reservations[taker], b) {
			sum += quantityOf(b.lines, c.world.items[item].name)
		}
	}
	return sum
}

// check is what must hold in every state.
func (c *checker) check(s *state) {
	for i := range c.world.items {
		if v := s.version(kindItem, i); v >= firstRow {
			c.checkItem(s, i, v)
		}
	}
	if c.rules.harmOnly {
		return
	}
	for slot := range c.world.reservations {
		if v := s.version(kindReservation, slot); v >= firstRow && c.pathAhead(ref(s.journal), v) != s.ghost.path[slot] {
			c.breaks(phaseLost)
		}
	}
	for slot := range c.world.documents {
		if v := s.version(kindDocument, slot); v >= firstRow && !c.documentHolds(s, slot, v) {
			c.breaks(documentLost)
		}
	}
	for n := range c.world.processes {
		if p := &s.processes[n]; p.doing == serving && p.current && !c.remembersTruth(s, p) {
			c.breaks(leaderIsWrong)
		}
	}
}

func (c *checker) checkItem(s *state, i int, version ref) {
	o := c.tables.items.at(version)
	onHand := journal.OnHand(o)
	if onHand != o.Spec.OpeningQuantity+int64(s.ghost.changed[i]) {
		c.breaks(lostUpdate)
	}
	if onHand < 0 && s.ghost.sold&(1<<i) == 0 {
		c.breaks(belowZero)
	}
	if c.world.ordered && s.ghost.sold&(1<<i) == 0 && c.seenReserved(s, i) > onHand {
		c.breaks(readerSeesLess)
	}
	if !c.rules.harmOnly && onHand+c.pending(ref(s.journal), version) != int64(s.ghost.onHand[i]) {
		c.breaks(journalLost)
	}
}

// seenReserved is what somebody finds who adds up the reservations as they are.
func (c *checker) seenReserved(s *state, item int) (sum int64) {
	for slot := range c.world.reservations {
		v := s.version(kindReservation, slot)
		if v < firstRow {
			continue
		}
		r := c.tables.reservations.at(v)
		if r.Status.Phase != v1alpha1.ReservationReserved {
			continue
		}
		for _, a := range r.Status.Allocations {
			if a.ItemUID == string(slotUID(kindItem, item)) {
				sum += a.Quantity
			}
		}
	}
	return sum
}

type pendingKey struct{ journal, item ref }

// pending is what the journal still has to do to an item.
func (c *checker) pending(journal, item ref) int64 {
	return c.memoPending.get(pendingKey{journal, item}, func() (sum int64) {
		o := c.tables.items.at(item)
		for _, e := range c.tables.journals.at(journal).Entries {
			for _, l := range e.Lines {
				if l.ItemUID == string(o.UID) && e.Seq > o.Status.JournalSeq {
					sum += change(e.Kind, &l)
				}
			}
		}
		return sum
	})
}

type pathKey struct{ journal, reservation ref }

// pathAhead is where a reservation gets once the journal is carried out: its
// history must say every decision, each once.
func (c *checker) pathAhead(journal, reservation ref) path {
	return c.memoPath.get(pathKey{journal, reservation}, func() path {
		r := c.tables.reservations.at(reservation).DeepCopy()
		if pathPhase[pathOf(r)] != r.Status.Phase && r.Status.Phase != "" {
			return illegal
		}
		for _, e := range c.tables.journals.at(journal).Entries {
			c.rules.applyToReservation(&e, r)
		}
		return pathOf(r)
	})
}

func (c *checker) documentHolds(s *state, slot int, version ref) bool {
	settled := s.ghost.settled[slot]
	switch c.tables.documents.at(version).Status.Phase {
	case v1alpha1.AdjustmentApplied:
		return settled == 1 || settled == 2 && c.world.documents[slot].after > 0 // its name counted already
	case v1alpha1.AdjustmentRefused:
		return settled == 2
	}
	if settled == 0 {
		return true
	}
	for _, e := range c.tables.journals.at(ref(s.journal)).Entries {
		if e.UID == string(slotUID(kindDocument, slot)) {
			return true
		}
	}
	return false
}

// remembersTruth holds a leader's memory against the order of the journal.
func (c *checker) remembersTruth(s *state, p *process) bool {
	l := c.tables.ledgers.at(p.ledger)
	knows := func(kind objectKind, slot int) bool {
		if kind == kindReservation && !s.exists(kind, slot) && !l.Known(slotUID(kind, slot)) {
			return false // an audit found it gone
		}
		return objectSet(p.gone)&object(kind, slot) == 0
	}
	for slot := range c.world.reservations {
		if knows(kindReservation, slot) && l.Phase(slotUID(kindReservation, slot)) != pathPhase[s.ghost.path[slot]] {
			return false
		}
	}
	for slot := range c.world.documents {
		if knows(kindDocument, slot) && l.Settled(slotUID(kindDocument, slot)) != (s.ghost.settled[slot] != 0) {
			return false
		}
	}
	for i := range c.world.items {
		level, known := l.Level(slotUID(kindItem, i))
		if !known {
			continue
		}
		held := c.reservedOf(s, i, true)
		for slot, r := range c.world.reservations {
			if !knows(kindReservation, slot) && s.ghost.path[slot] == reserved && s.ghost.from[slot]&(1<<i) != 0 {
				held -= quantityOf(r.lines, c.world.items[i].name)
			}
		}
		if level.OnHand != int64(s.ghost.onHand[i]) || level.Reserved != held {
			return false
		}
	}
	return true
}

func quantityOf(lines []v1alpha1.StockLine, product string) int64 {
	for _, l := range lines {
		if l.ProductID == product {
			return l.Quantity
		}
	}
	return 0
}
