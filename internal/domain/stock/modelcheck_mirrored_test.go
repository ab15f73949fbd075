package stock_test

import (
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// The rules that a mirror relies on, each broken: what is deleted is decided before it goes,
// and a number is given once.
func mirroredMutants() map[string]mutant {
	kept := life{kept: true}
	holds := reservationSlot{name: "r", lines: unit("a"), life: kept}
	mortal := reservationSlot{name: "r", lines: unit("a"), commit: true, life: life{dies: true}}
	waits := smallWorld(reservationSlot{name: "r", lines: unit("a")}).with(documentSlot{name: "d", product: "a", kind: receives, quantity: 1, life: kept})
	waits.items = []itemSlot{{name: "a", onHand: 1, life: life{late: true}}}
	known := smallWorld(reservationSlot{name: "r", lines: unit("a")}).with(documentSlot{name: "d", product: "a", kind: receives, quantity: 1, life: kept})
	journalDies := smallWorld(mortal).with(documentSlot{name: "d", product: "a", kind: receives, quantity: 1})
	journalDies.journalDies = true
	clockBack := journalDies
	clockBack.clockBack = true
	return map[string]mutant{
		"a deleted document that waits on for its item": {
			func(r *rules) { r.decideDocument = undeletedDocument }, waits, stuck,
		},
		"a deleted document applied all the same": {
			func(r *rules) { r.decideDocument = undeletedDocument }, known, deletedApplied,
		},
		"a withdrawn document forgotten": {
			func(r *rules) { r.decideDocument = forgettingWithdrawn }, known, documentUntrue,
		},
		"a deleted reservation that is kept holds on": {
			func(r *rules) { r.decideReservation = undeletedReservation }, smallWorld(holds), stuck,
		},
		"a new journal that numbers from the lists alone": {
			func(r *rules) { r.fenced = fromZero }, journalDies, numberAgain,
		},
		"a new journal that numbers by the clock alone": {
			func(r *rules) { r.listsNotCounted = true }, clockBack, documentUntrue,
		},
	}
}

func undeletedDocument(l *stock.Ledger, d *v1alpha1.StockAdjustment, now time.Time) (e *v1alpha1.JournalEntry, waits bool) {
	d = d.DeepCopy()
	d.DeletionTimestamp = nil
	return l.DecideDocument(d, now)
}

func forgettingWithdrawn(l *stock.Ledger, d *v1alpha1.StockAdjustment, now time.Time) (e *v1alpha1.JournalEntry, waits bool) {
	if e, waits = l.DecideDocument(d, now); e != nil && e.Reason == journal.ReasonWithdrawn {
		l.ForgetDocument(d.UID)
	}
	return e, waits
}

func undeletedReservation(l *stock.Ledger, r *v1alpha1.StockReservation, now time.Time) (e, released *v1alpha1.JournalEntry) {
	r = r.DeepCopy()
	r.DeletionTimestamp = nil
	return l.DecideReservation(r, now)
}

// fromZero takes a journal without the clock.
func fromZero(current v1alpha1.StockJournalStatus, holder string, now time.Time) v1alpha1.StockJournalStatus {
	next := journal.Fenced(current, holder, now)
	next.Seq = current.Seq
	return next
}
