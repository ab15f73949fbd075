package stock_test

import (
	"testing"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	journalrules "github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
)

// mutant is the protocol less one rule, in the world that shows what the rule is for.
type mutant struct {
	name, world, problem string
	set                  func(w *world)
}

const (
	misordered = "a decision was told although an earlier one about the product was not"
	early      = "at rest: " + misordered
	unmirrored = "at rest: a decision that is there is not in the database"
	untold     = "at rest: a decision is never told"
	stays      = "at rest: a deleted object never goes"
)

func mutants() []mutant {
	return []mutant{
		{"decisions told as they are seen", "three objects", misordered, func(w *world) {
			w.rules.follows = func(cursor, seq int64) bool { return seq > cursor }
		}},
		{"a gap closed by what a cache shows", "basket and document, deleted", early, func(w *world) { w.without.lists = true }},
		{"a gap closed by a list before the journal", "basket and document, deleted", early, func(w *world) { w.without.order = true }},
		{"a gap closed without the journal", "basket and document, deleted", early, func(w *world) { w.without.journal = true }},
		{"gaps never closed", "forced away", untold, func(w *world) {
			w.rules.needsSync = func(int64, int64, time.Duration) bool { return false }
		}},
		{"a jump never closed", "journal made again", untold, func(w *world) {
			w.rules.needsSync = func(int64, int64, time.Duration) bool { return false }
		}},
		{"a sync that tells though the cursor moved", "database from a backup", unmirrored, func(w *world) {
			w.rules.tells = func(s stock.Sync, _ int64, found []event.Decision) ([]event.Decision, int64) {
				tell, next := s.Tells(s.Cursor, found)
				return tell, next(len(tell))
			}
		}},
		{"a sync that tells what is beyond the journal it read", "three objects", misordered, func(w *world) {
			w.rules.tells = func(s stock.Sync, cursor int64, found []event.Decision) ([]event.Decision, int64) {
				for _, d := range found {
					s.Upto = max(s.Upto, d.Seq)
				}
				return tells(s, cursor, found)
			}
		}},
		{"undecided objects let go", "basket and document, deleted", early, func(w *world) {
			w.rules.mayLetGoDocument = func(d *v1alpha1.StockAdjustment, cursor int64) bool {
				return stock.IsHeld(d) && stock.ToldDocument(d, cursor)
			}
		}},
		{"objects let go without version", "order", untold, func(w *world) { w.without.fence = true }},
		{"Committed is an end whatever is wanted", "order", untold, func(w *world) {
			w.rules.mayLetGoReservation = func(r *v1alpha1.StockReservation, cursor int64) bool {
				committed := r.Status.Phase == v1alpha1.ReservationCommitted && stock.IsHeld(r) && stock.ToldReservation(r, cursor)
				return committed || stock.MayLetGoReservation(r, cursor)
			}
		}},
		{"Restocked is an end whatever is owed", "comes back twice", untold, func(w *world) {
			w.rules.mayLetGoReservation = func(r *v1alpha1.StockReservation, cursor int64) bool {
				restocked := r.Status.Phase == v1alpha1.ReservationRestocked && stock.IsHeld(r) && stock.ToldReservation(r, cursor)
				return restocked || stock.MayLetGoReservation(r, cursor)
			}
		}},
		{"objects let go before they are told", "basket and document, deleted", early, func(w *world) {
			w.rules.mayLetGoDocument = func(d *v1alpha1.StockAdjustment, _ int64) bool { return stock.IsHeld(d) && journalrules.Settled(d) }
		}},
		{"deleted documents are never decided", "basket and document, deleted", stays, func(w *world) { w.without.withdrawals = true }},
		{"numbers given again by a new journal", "journal made again", untold, func(w *world) { w.without.newNumbers = true }},
	}
}

func TestEveryRuleIsNeeded(t *testing.T) {
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for _, w := range worlds() {
				if w.name != m.world {
					continue
				}
				w.rules = asWritten()
				m.set(&w)
				got := w.explore()
				if got.Problem != m.problem {
					t.Errorf("%d states, found %q, want %q", got.States, got.Problem, m.problem)
				}
				t.Logf("%d states, %q by %q", got.States, got.Problem, got.Trace)
				return
			}
			t.Errorf("there is no world %q", m.world)
		})
	}
}
