package stock_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// A checker that finds nothing proves something only if it would find it. Each
// of these takes one rule out of the protocol and must be caught by the harm it
// does, which people would see; what only the journal's order would tell is not
// looked at.
func TestProtocolLessOneRule(t *testing.T) {
	all := mutants()
	maps.Copy(all, mirroredMutants())
	for name, m := range all {
		t.Run(name, func(t *testing.T) {
			r := protocol()
			r.harmOnly, r.keepReplaced = true, true
			m.without(&r)
			got := newChecker(m.in, r).explore(1_000_000)
			t.Logf("%d states, %.1fs: %s\n  %s", got.states, got.took.Seconds(), got.broken, strings.Join(got.way, "\n  "))
			if got.broken == "" {
				t.Fatalf("not caught in %d states (complete: %t)", got.states, got.complete)
			}
			if got.broken != m.breaks {
				t.Errorf("caught by %q, expected %q", got.broken, m.breaks)
			}
			whole := protocol()
			whole.harmOnly, whole.keepReplaced = true, true
			if got := newChecker(m.in, whole).explore(300_000); got.broken != "" {
				t.Errorf("the whole protocol breaks here too: %s", got.broken)
			}
		})
	}
}

type mutant struct {
	without func(*rules)
	in      world
	breaks  violation
}

// Small worlds that show what a rule is for.
func smallWorld(reservations ...reservationSlot) world {
	return world{items: []itemSlot{{name: "a", onHand: 1}}, reservations: reservations, processes: 2, batch: 1}
}

func (w world) having(onHand int64) world {
	w.items = []itemSlot{{name: "a", onHand: onHand}}
	return w
}

func (w world) with(documents ...documentSlot) world { w.documents = documents; return w }

func (w world) withUnclearAnswers() world { w.unclear = true; return w }

func mutants() map[string]mutant {
	holds := reservationSlot{name: "r", lines: unit("a")}
	commits := reservationSlot{name: "r", lines: unit("a"), commit: true}
	restocks := reservationSlot{name: "r", lines: unit("a"), commit: true, restock: true}
	releases := reservationSlot{name: "s", lines: unit("a"), release: true}
	expires := reservationSlot{name: "s", lines: unit("a"), expires: true}
	mortal := commits
	mortal.dies = true
	another := commits
	another.name = "s"
	basket := reservationSlot{name: "b", lines: unit("a"), customer: "c"}
	order := reservationSlot{name: "o", lines: unit("a"), order: true, takeOver: "b", customer: "c"}
	greedy := order
	greedy.lines = units2("a")
	twice := reservationSlot{name: "r", lines: units2("a"), commit: true, restock: true, parts: [][]v1alpha1.StockLine{unit("a"), units2("a")}}
	takesOne := documentSlot{name: "d", product: "a", kind: adjusts, quantity: -1}
	bringsOne := documentSlot{name: "d", product: "a", kind: receives, quantity: 1, generated: true, life: life{dies: true}}
	never := func(kinds ...v1alpha1.JournalEntryKind) func(*rules) {
		return func(r *rules) {
			r.journaled = func(k v1alpha1.JournalEntryKind) bool { return !slices.Contains(kinds, k) }
		}
	}
	return map[string]mutant{
		"no journal swap before effects": {
			func(r *rules) { r.journaled = func(v1alpha1.JournalEntryKind) bool { return false } },
			smallWorld(holds, holds.named("s")), oversold,
		},
		"entries dropped before they are durable": {
			func(r *rules) { r.dropEarly = true }, smallWorld(commits, releases), againstGraph,
		},
		"lists before the take-over": {
			func(r *rules) { r.listsFirst = true }, smallWorld(commits, releases), oversold,
		},
		"no redo": {
			func(r *rules) { r.noRedo = true }, smallWorld(commits, releases), oversold,
		},
		"no journalSeq on items": {
			func(r *rules) { r.applyToItem = forgettingJournalSeq }, smallWorld(restocks), changedTwice,
		},
		"writes without resourceVersion": {
			func(r *rules) { r.blindPut = true }, smallWorld(commits, another).having(2), changedTwice,
		},
		"memory kept after a lost swap": {
			func(r *rules) { r.keepMemory = true }, smallWorld(commits, releases), oversold,
		},
		"releases not journaled": {
			never(v1alpha1.EntryRelease), smallWorld(expires, expires.named("r")), oversold,
		},
		"refusals of documents not journaled": {
			never(v1alpha1.EntryAdjustReject), smallWorld(commits, releases).with(takesOne), documentUntrue,
		},
		"a correction held against zero, not against what is reserved": {
			func(r *rules) { r.decideDocument = againstZero }, smallWorld(commits).with(takesOne), oversold,
		},
		"phases believed from an informer": {
			func(r *rules) { r.believePhases = true }, smallWorld(commits, releases), memoryIsWrong,
		},
		"an informer older than the lists, reservations": {
			func(r *rules) { r.oldInformer = true }, smallWorld(mortal).having(2), changedTwice,
		},
		"an informer older than the lists, documents": {
			func(r *rules) { r.oldInformer = true }, smallWorld(holds).with(bringsOne), changedTwice,
		},
		"an unclear swap judged by seq only": {
			func(r *rules) { r.same = bySeqOnly }, smallWorld(holds, holds.named("s")).withUnclearAnswers(), oversold,
		},
		"effects of one item out of order": {
			func(r *rules) { r.anyOrder = only(kindItem) }, smallWorld(commits, another).having(2), notTaken,
		},
		"effects of one reservation out of order": {
			func(r *rules) { r.anyOrder = only(kindReservation) }, smallWorld(commits), againstGraph,
		},
		"done tested by equality": {
			func(r *rules) { r.applyToReservation = untilEqual }, smallWorld(commits, releases), againstGraph,
		},
		"no rule for Commit on a Pending reservation": {
			func(r *rules) {
				r.decideReservation = withoutRuleFor(v1alpha1.ReservationPending, v1alpha1.IntentCommit)
			}, smallWorld(commits), stuck,
		},
		"no rule for Restock on a Pending reservation": {
			func(r *rules) {
				r.decideReservation = withoutRuleFor(v1alpha1.ReservationPending, v1alpha1.IntentRestock)
			}, smallWorld(restocks), stuck,
		},
		"no rule for Restock on a Reserved reservation": {
			func(r *rules) {
				r.decideReservation = withoutRuleFor(v1alpha1.ReservationReserved, v1alpha1.IntentRestock)
			}, smallWorld(restocks), stuck,
		},
		"an entry dropped whole when its reservation is gone": {
			func(r *rules) { r.dropWithObject = true }, smallWorld(mortal), commitLost,
		},
		"a deleted reservation holds on": {
			func(r *rules) { r.keepsReservation = true }, smallWorld(mortal), memoryIsWrong,
		},
		"an item made again taken for its predecessor": {
			func(r *rules) { r.applyToItem = whateverUID },
			world{
				items:        []itemSlot{{name: "a", onHand: 1, life: life{dies: true}}, {name: "a", onHand: 1, life: life{after: 1}}},
				reservations: []reservationSlot{commits}, processes: 2, batch: 1,
			}, anotherItem,
		},
		"refused writes not carried out on the lists": {
			func(r *rules) { r.noOverlay = true },
			world{
				items: []itemSlot{{name: "a", onHand: 1}}, reservations: []reservationSlot{holds, holds.named("s")},
				processes: 2, batch: 1, refuses: object(kindReservation, 0),
			}, oversold,
		},
		"an audit that forgets what is gone, and not that it is": {
			func(r *rules) { r.onlyForgets = true },
			world{items: []itemSlot{{name: "a", onHand: 2}}, reservations: []reservationSlot{mortal}, processes: 2, batch: 1, audits: true}, changedTwice,
		},
		"a basket that ends in one swap, its order granted in another": {
			func(r *rules) { r.splitsTakeOver = true }, smallWorld(basket, order, another), basketLost,
		},
		"a basket that ends although its order is short": {
			func(r *rules) { r.decideReservation = endingBasketsAnyway }, smallWorld(basket, greedy), basketLost,
		},
		"an order granted in place of a basket that goes on": {
			func(r *rules) { r.decideReservation = keepingTheBasket }, smallWorld(basket, order), oversold,
		},
		"a basket taken over by a stranger": {
			func(r *rules) { r.decideReservation = whoeverItIs }, smallWorld(basket, order.of("d")), basketLost,
		},
		"a basket that became an order, committed all the same": {
			func(r *rules) { r.applyToReservation = notTakenOver }, smallWorld(basket, order), oversold,
		},
		"a second restock told by the phase": {
			func(r *rules) { r.applyToReservation = oneRestockOnly }, smallWorld(twice).having(2), stuck,
		},
		"a restock carried out again on its reservation": {
			func(r *rules) { r.applyToReservation = everyRestock }, lostAnswers(smallWorld(twice).having(2)), answeredTwice,
		},
		"what was put back forgotten": {
			func(r *rules) { r.decideReservation = forgettingWhatCameBack }, smallWorld(twice).having(2), answeredTwice,
		},
		"a restock counted although its item is gone": {
			func(r *rules) { r.decideReservation = asIfItWereThere },
			world{
				items: []itemSlot{{name: "a", onHand: 1, life: life{dies: true}}}, reservations: []reservationSlot{restocks}, processes: 1, batch: 1,
			}, toldPutBack,
		},
		"effects in any order": {
			func(r *rules) { r.anyTime = true },
			world{
				items: []itemSlot{{name: "a", onHand: 1}}, reservations: []reservationSlot{commits}, processes: 2, batch: 1, ordered: true,
			}, readerSeesLess,
		},
		"grants that wait for nothing": {
			func(r *rules) { r.grantsAtOnce = true },
			world{
				items: []itemSlot{{name: "a", onHand: 1}}, reservations: []reservationSlot{releases, holds}, processes: 1, batch: 1, ordered: true,
			}, readerSeesLess,
		},
		"items that wait for nothing": {
			func(r *rules) { r.itemsAtOnce = true },
			world{
				items: []itemSlot{{name: "a", onHand: 1}}, reservations: []reservationSlot{commits}, processes: 1, batch: 1, ordered: true,
			}, readerSeesLess,
		},
		"grants that don't wait for what came in": {
			func(r *rules) { r.itemsForgotten = true },
			world{
				items: []itemSlot{{name: "a"}}, reservations: []reservationSlot{holds},
				documents: []documentSlot{{name: "d", product: "a", kind: receives, quantity: 1}}, processes: 1, batch: 2, ordered: true,
			}, readerSeesLess,
		},
		"a commit behind a grant whose answer was lost is not waited for": {
			func(r *rules) { r.onlyFirstWaits = true },
			world{
				items: []itemSlot{{name: "a", onHand: 1}}, reservations: []reservationSlot{commits}, processes: 2, batch: 1, ordered: true, lost: true,
			}, readerSeesLess,
		},
	}
}

func lostAnswers(w world) world { w.lost = true; return w }

func (r reservationSlot) of(customer string) reservationSlot { r.customer = customer; return r }

func (r reservationSlot) named(name string) reservationSlot { r.name = name; return r }

func forgettingJournalSeq(entries []*v1alpha1.JournalEntry, o *v1alpha1.StockItem) bool {
	o.Status.JournalSeq = 0
	return journal.ApplyToItem(entries, o)
}

func only(kind objectKind) func(objectKind) bool {
	return func(k objectKind) bool { return k == kind }
}

func againstZero(l *stock.Ledger, d *v1alpha1.StockAdjustment, now time.Time) (e *v1alpha1.JournalEntry, waits bool) {
	l.WhileNothingIsReserved(func() { e, waits = l.DecideDocument(d, now) })
	return e, waits
}

func bySeqOnly(a, b *v1alpha1.StockJournalStatus) bool { return a.Seq == b.Seq }

// untilEqual takes a reservation for done only when it is exactly where the
// decision leads, and carries it there else.
func untilEqual(e *v1alpha1.JournalEntry, r *v1alpha1.StockReservation) bool {
	target := &v1alpha1.StockReservation{ObjectMeta: r.ObjectMeta}
	journal.ApplyToReservation(e, target)
	if string(r.UID) != e.UID || r.Status.Phase == target.Status.Phase {
		return false
	}
	r.Status.Phase = v1alpha1.ReservationPending
	return journal.ApplyToReservation(e, r)
}

func withoutRuleFor(phase v1alpha1.StockReservationPhase, intent v1alpha1.ReservationIntent) decideFunc {
	return func(l *stock.Ledger, r *v1alpha1.StockReservation, now time.Time) (e, released *v1alpha1.JournalEntry) {
		if l.Phase(r.UID) == phase && r.Spec.Intent == intent {
			return nil, nil
		}
		return l.DecideReservation(r, now)
	}
}

// whateverUID applies to an item what was decided about any other of its name.
func whateverUID(entries []*v1alpha1.JournalEntry, o *v1alpha1.StockItem) (changed bool) {
	own := o.UID
	for _, e := range entries {
		for _, l := range e.Lines {
			if l.ItemUID != "" && l.ProductID == o.Name {
				o.UID = slotUID(slotOf(l.ItemUID))
			}
		}
		changed = journal.ApplyToItem([]*v1alpha1.JournalEntry{e}, o) || changed
	}
	o.UID = own
	return changed
}
