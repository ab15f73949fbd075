package stock_test

import (
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// successors emits every state one step away.
func (c *checker) successors(s *state, next emit) {
	c.clients(s, next)
	for n := range c.world.processes {
		if s.processes[n].doing != idle {
			c.crash(s, n, next)
		}
		c.process(s, n, next)
	}
}

func (c *checker) crash(s *state, n int, next emit) {
	t := *s
	t.processes[n] = process{}
	next(t, action{verb: crashes, who: n})
}

// process emits what one process may do next.
func (c *checker) process(s *state, n int, next emit) {
	p := &s.processes[n]
	switch p.doing {
	case idle:
		if c.rules.listsFirst {
			c.list(s, n, next)
		} else {
			c.takeOver(s, n, next)
		}
	case redoing:
		c.carryOut(s, n, next)
		if c.redone(s, p) {
			c.afterRedo(s, n, next)
		}
	case listing:
		c.list(s, n, next)
	case unsure:
		c.readJournal(s, n, next)
	case late:
		c.carryOut(s, n, next)
	case serving:
		c.carryOut(s, n, next)
		c.notice(s, n, next)
		c.audit(s, n, next)
		c.decide(s, n, next)
		c.dropOnly(s, n, next)
	}
}

// takeOver is the fence: a live GET of the journal and a swap of its epoch.
func (c *checker) takeOver(s *state, n int, next emit) {
	t := *s
	p := &t.processes[n]
	p.doing, p.current = redoing, true
	if ref(s.journal) == gone {
		first := c.firstSeq(s)
		t.journal = narrow(c.tables.journal(v1alpha1.StockJournalStatus{Seq: first}))
	}
	p.seq, p.open = uint8(c.tables.journals.at(ref(t.journal)).Seq), c.allPending(ref(t.journal))
	replaceOthers(&t, n)
	next(t, action{verb: takesOver, who: n})
}

// nobody holds the journal.
const nobody = -1

func replaceOthers(s *state, n int) {
	for other := range s.processes {
		if other != n {
			s.processes[other].current = false
		}
	}
}

// redone reports whether the replay is over: all that is left undone is what the API
// server refuses.
func (c *checker) redone(s *state, p *process) bool {
	if c.rules.noRedo {
		return true
	}
	for _, e := range c.effects(p.open) {
		if !c.refused(s, e) {
			return false
		}
	}
	return true
}

func (c *checker) refused(s *state, e effect) bool {
	return objectSet(s.refuses)&object(e.kind, e.slot) != 0 && s.exists(e.kind, e.slot)
}

// allRefused are the objects whose writes the API server refuses now.
func (c *checker) allRefused(s *state) (all objectSet) {
	for kind := range kinds {
		for slot := range c.world.slots(kind) {
			if c.refused(s, effect{kind: kind, slot: slot}) {
				all |= object(kind, slot)
			}
		}
	}
	return all
}

func (c *checker) afterRedo(s *state, n int, next emit) {
	if !c.rules.listsFirst {
		c.list(s, n, next)
		return
	}
	t := *s
	c.serve(&t, n)
	next(t, action{verb: serves, who: n})
}

// list is the load: the kinds are listed one after the other, in any order.
func (c *checker) list(s *state, n int, next emit) {
	const all = 1<<kinds - 1
	if s.processes[n].listed == all { // only when lists come first
		c.takeOver(s, n, next)
		return
	}
	for kind := range kinds {
		if s.processes[n].listed&(1<<kind) != 0 {
			continue
		}
		t := *s
		p := &t.processes[n]
		p.doing = listing
		c.listOne(s, p, kind)
		if p.listed == all && !c.rules.listsFirst {
			c.serve(&t, n)
		}
		next(t, action{verb: lists, who: n, kind: kind})
	}
}

func (c *checker) listOne(s *state, p *process, kind objectKind) {
	var versions [maxReservations]ref
	for slot := range c.world.slots(kind) {
		switch v := s.version(kind, slot); {
		case v == gone && c.rules.oldInformer: // its informer is yet to show it, and then to see it go
		case v == gone:
			p.gone |= uint16(object(kind, slot))
		case v >= firstRow && kind == kindReservation:
			versions[slot] = c.bare(v)
		case v >= firstRow:
			versions[slot] = v
		}
	}
	p.listed |= 1<<kind | c.emptyKinds()
	p.lists[kind] = narrow(c.tables.list(kind, versions))
}

// emptyKinds need no list of their own.
func (c *checker) emptyKinds() (listed uint8) {
	for kind := range kinds {
		if c.world.slots(kind) == 0 {
			listed |= 1 << kind
		}
	}
	return listed
}

// bare is a reservation without its intent and deletion: a ledger does not read them from a list.
func (c *checker) bare(version ref) ref {
	return c.memoBare.get(version, func() ref {
		r := c.tables.reservations.at(version).DeepCopy()
		r.Spec.Intent, r.Spec.Restock, r.DeletionTimestamp = v1alpha1.IntentHold, nil, nil
		return c.tables.reservation(r)
	})
}

type listed struct {
	seq   uint8
	lists [kinds]uint16
	open  ref
}

type listedLedger struct{ ledger, open ref }

// serve makes the ledger from the lists of the load, with what the API server refuses
// to have written carried out on them.
func (c *checker) serve(s *state, n int) {
	p := &s.processes[n]
	made := c.memoNewLedger.get(listed{p.seq, p.lists, p.open}, func() listedLedger {
		var items []v1alpha1.StockItem
		var reservations []v1alpha1.StockReservation
		var documents []v1alpha1.StockAdjustment
		for slot := range maxReservations {
			if v := c.tables.lists.at(ref(p.lists[kindItem]))[slot]; v >= firstRow {
				items = append(items, *c.tables.items.at(v).DeepCopy())
			}
			if v := c.tables.lists.at(ref(p.lists[kindReservation]))[slot]; v >= firstRow {
				reservations = append(reservations, *c.tables.reservations.at(v).DeepCopy())
			}
			if v := c.tables.lists.at(ref(p.lists[kindDocument]))[slot]; v >= firstRow {
				documents = append(documents, *c.tables.documents.at(v).DeepCopy())
			}
		}
		kept := c.keep(p.open)
		if !c.rules.noOverlay && !c.rules.noRedo {
			journal.Overlay(c.tables.opens.at(kept), items, reservations, documents)
		}
		l := stock.NewLedger(int64(p.seq), items, reservations, documents)
		if c.rules.listsNotCounted {
			l.Renumber(int64(p.seq))
		}
		return listedLedger{c.tables.ledger(l), kept}
	})
	*p = process{doing: serving, current: p.current, seq: p.seq, gone: p.gone, ledger: made.ledger, open: made.open}
}

// carryOut emits the writes that may go out now.
func (c *checker) carryOut(s *state, n int, next emit) {
	p := &s.processes[n]
	if c.rules.blindPut {
		c.carryOutBlindly(s, n, next)
		return
	}
	for _, e := range c.writable(p.open, c.allRefused(s)) {
		if c.refused(s, e) {
			continue
		}
		t := *s
		found := c.get(s, e)
		if found < firstRow {
			t.processes[n].open = c.markGone(p.open, e)
			next(t, action{verb: findsDone, who: n, kind: e.kind, slot: e.slot})
			continue
		}
		t.processes[n].open = c.markDone(p.open, e)
		after := c.apply(found, p.open, e)
		if len(after.by) == 0 {
			next(t, action{verb: findsDone, who: n, kind: e.kind, slot: e.slot})
			continue
		}
		c.write(&t, e, found, after)
		next(t, action{verb: writes, who: n, kind: e.kind, slot: e.slot})
		if c.world.lost {
			t.processes[n].open = p.open
			next(t, action{verb: writesLost, who: n, kind: e.kind, slot: e.slot})
		}
	}
}

// carryOutBlindly is carryOut with a write that does not see what happened
// since the object was read.
func (c *checker) carryOutBlindly(s *state, n int, next emit) {
	p := &s.processes[n]
	for _, e := range c.effects(p.open) {
		t := *s
		q := &t.processes[n]
		a := action{verb: reads, who: n, kind: e.kind, slot: e.slot}
		what := uint16(object(e.kind, e.slot))
		switch {
		case !s.exists(e.kind, e.slot):
			q.open = c.markDone(p.open, e)
		case p.meant == 0:
			q.meant, q.read = what, narrow(s.version(e.kind, e.slot))
		case p.meant == what:
			before := ref(p.read)
			q.open, q.meant, q.read = c.markDone(p.open, e), 0, 0
			if after := c.apply(before, p.open, e); len(after.by) > 0 {
				c.write(&t, e, before, after)
			}
			a.verb = writes
		default:
			continue
		}
		next(t, a)
	}
}

// notice emits what an informer may show next: an object that is gone, or an item made since the load.
func (c *checker) notice(s *state, n int, next emit) {
	p := &s.processes[n]
	for kind := range kinds {
		for slot := range c.world.slots(kind) {
			known := objectSet(p.gone)&object(kind, slot) != 0
			t := *s
			q := &t.processes[n]
			switch v := s.version(kind, slot); {
			case v == gone && !known:
				if kind == kindItem { // an informer that lags may show it once more
					q.ledger = c.remember(p.ledger, kind, c.asMade(kind, slot), false, slot)
					if q.ledger != p.ledger {
						next(t, action{verb: noticesItem, who: n, kind: kind, slot: slot})
					}
				}
				q.gone |= uint16(object(kind, slot))
				q.ledger = c.remember(p.ledger, kind, 0, true, slot)
				next(t, action{verb: noticesGone, who: n, kind: kind, slot: slot})
			case kind == kindItem && v >= firstRow && !c.knowsItem(p.ledger, slot):
				q.ledger = c.remember(p.ledger, kind, v, false, slot)
				next(t, action{verb: noticesItem, who: n, kind: kind, slot: slot})
			}
		}
	}
}

func (c *checker) knowsItem(ledger ref, slot int) bool {
	_, known := c.tables.ledgers.at(ledger).Level(slotUID(kindItem, slot))
	return known
}

type auditing struct {
	ledger       ref
	items        [maxItems]uint16
	reservations [maxReservations]uint16
}

// audit has a leader compare what it remembers with fresh lists, while its
// informers may still lag behind them.
func (c *checker) audit(s *state, n int, next emit) {
	p := &s.processes[n]
	if !c.world.audits || !p.current || c.keep(p.open) != unmade {
		return
	}
	t := *s
	q := &t.processes[n]
	q.ledger = c.memoAudit.get(auditing{p.ledger, s.items, s.reservations}, func() ref {
		items, reservations := c.objects(s)
		l := c.tables.ledgers.at(p.ledger).Clone()
		l.ForgetAbsent(items, reservations)
		if c.rules.onlyForgets {
			l.ForgetAbsences()
		}
		if len(l.Audit(items, reservations)) > 0 {
			c.breaks(memoryIsWrong)
		}
		return c.tables.ledger(l)
	})
	if q.ledger != p.ledger {
		next(t, action{verb: audits, who: n})
	}
}

// objects are the items and reservations there are.
func (c *checker) objects(s *state) (items []v1alpha1.StockItem, reservations []v1alpha1.StockReservation) {
	for i := range c.world.items {
		if v := s.version(kindItem, i); v >= firstRow {
			items = append(items, *c.tables.items.at(v).DeepCopy())
		}
	}
	for slot := range c.world.reservations {
		if v := s.version(kindReservation, slot); v >= firstRow {
			reservations = append(reservations, *c.tables.reservations.at(v).DeepCopy())
		}
	}
	return items, reservations
}

// offered emits every decision a process may take with a ledger. A deleted
// object may still be seen until its deletion was; one that was gone before the load
// may not, whatever an informer shows.
func (c *checker) offered(s *state, p *process, l ref, fresh bool, each func(choice)) {
	for kind := kindReservation; kind < kinds; kind++ {
		for slot := range c.world.slots(kind) {
			v := s.version(kind, slot)
			if v == unmade || objectSet(p.gone)&object(kind, slot) != 0 {
				continue
			}
			if v == gone {
				if fresh {
					continue
				}
				v = c.asItWas(s, kind, slot)
			}
			for _, ch := range c.choices(offer{l, kind, v, fresh}) {
				each(ch)
			}
		}
	}
}

// decide emits every batch a process may try to journal.
func (c *checker) decide(s *state, n int, next emit) {
	p := &s.processes[n]
	c.offered(s, p, p.ledger, false, func(one choice) {
		c.swap(s, n, one.entries, one.ledger, next)
		if c.world.batch > 1 {
			c.offered(s, p, one.ledger, false, func(two choice) {
				c.swap(s, n, one.entries.and(two.entries), two.ledger, next)
			})
		}
	})
}

// dropOnly is a swap without a decision.
func (c *checker) dropOnly(s *state, n int, next emit) {
	if p := &s.processes[n]; p.current && c.keep(p.open) != p.open {
		c.swap(s, n, decisions{}, p.ledger, next)
	}
}
