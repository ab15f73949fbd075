package stock_test

import (
	"testing"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/mirror/explore"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
)

// rules are the functions of this package that the model runs. A mutant has one replaced.
type rules struct {
	follows             func(cursor, seq int64) bool
	needsSync           func(cursor, known int64, missing time.Duration) bool
	tells               func(s stock.Sync, cursor int64, found []event.Decision) ([]event.Decision, int64)
	mayLetGoReservation func(r *v1alpha1.StockReservation, cursor int64) bool
	mayLetGoDocument    func(d *v1alpha1.StockAdjustment, cursor int64) bool
}

func asWritten() rules {
	return rules{stock.Follows, stock.NeedsSync, tells, stock.MayLetGoReservation, stock.MayLetGoDocument}
}

func tells(s stock.Sync, cursor int64, found []event.Decision) ([]event.Decision, int64) {
	tell, next := s.Tells(cursor, found)
	return tell, next(len(tell))
}

// without is what a mutant leaves out of the world around the rules.
type without struct {
	lists, order, journal bool // of a sync: the live lists, that they come second, the journal
	fence                 bool
	withdrawals           bool // a deleted document is never decided
	newNumbers            bool // a journal that is made again numbers from what is found
}

// world is one configuration. objects has a bit for each that there is.
type world struct {
	name     string
	mirrors  int
	objects  uint8
	back     uint8 // how often units may come back
	trims    bool  // the history has room for one restock
	takeOver bool  // the order takes the basket over
	left     budget
	rules    rules
	without  without
	answers  map[question]bool
}

func worlds() []world {
	return []world{
		{name: "three objects", mirrors: 1, objects: 7},
		{name: "order", mirrors: 2, objects: 1, back: 1, left: budget{deletions: 1}},
		{name: "basket and document, deleted", mirrors: 1, objects: 6, left: budget{deletions: 2}},
		{name: "two mirrors", mirrors: 2, objects: 6, left: budget{deletions: 1}},
		{name: "forced away", mirrors: 1, objects: 6, left: budget{force: 1, deletions: 1}},
		{name: "journal made again", mirrors: 1, objects: 6, left: budget{remakes: 1, deletions: 1}},
		{name: "database from a backup", mirrors: 1, objects: 6, left: budget{deletions: 1, copies: 1, restores: 1}},

		{name: "comes back twice", mirrors: 1, objects: 1, back: 2, left: budget{deletions: 1}},
		{name: "comes back twice, history trimmed", mirrors: 1, objects: 1, back: 2, trims: true, left: budget{deletions: 1}},
		{name: "comes back twice, trimmed, from a backup", mirrors: 1, objects: 1, back: 2, trims: true, left: budget{copies: 1, restores: 1}},
		{name: "basket taken over", mirrors: 1, objects: 3, takeOver: true, left: budget{deletions: 1}},
	}
}

// mostStates bounds an exploration that goes wrong.
const mostStates = 3_000_000

func (w *world) explore() explore.Result {
	w.answers = map[question]bool{}
	first := state{Left: w.left}
	for o := range first.Objects {
		if w.objects>>o&1 == 1 {
			first.Objects[o].Exists = there
		}
	}
	return explore.Explore(explore.Model[state]{
		First: first, Next: w.next, Broken: wrong,
		Rest: func(s *state) string {
			fresh, goesOn := *s, *s
			fresh.Mirrors[0] = mirror{}
			if problem := w.settle(&fresh); problem != "" {
				return problem
			}
			return w.settle(&goesOn)
		},
	}, mostStates)
}

// next emits what may happen.
func (w *world) next(s *state, emit func(string, *state)) {
	if s.Wrong != 0 {
		return
	}
	do := func(step string, f func(t *state)) {
		t := *s
		f(&t)
		if w.mirrors == 2 && !inOrder(&t.Mirrors[0], &t.Mirrors[1]) {
			t.Mirrors[0], t.Mirrors[1] = t.Mirrors[1], t.Mirrors[0]
		}
		if t != *s {
			emit(step, &t)
		}
	}
	w.leaderSteps(s, do)
	for o := range s.Objects {
		if s.Objects[o].Exists == there {
			w.objectSteps(s, o, do)
		}
	}
	if s.Left.remakes > 0 && s.Journal.Open == 0 && s.Journal.Seq > 0 {
		do("person: deletes the journal, another is made", func(t *state) { w.remake(t); t.Left.remakes-- })
	}
	if s.Left.copies > 0 {
		do("backup", func(t *state) { t.Copy, t.HasCopy = t.DB, 1; t.Left.copies-- })
	}
	if s.Left.restores > 0 && s.HasCopy == 1 {
		do("the database is restored from the backup", func(t *state) { t.DB, t.Restored = t.Copy, 1; t.Left.restores-- })
	}
	for m := range w.mirrors {
		w.mirrorSteps(s, m, do)
	}
}

type doing func(step string, f func(t *state))

func (w *world) leaderSteps(s *state, do doing) {
	for o := range s.Objects {
		if w.objects>>o&1 == 0 {
			continue
		}
		for _, kind := range w.due(s, o, false) {
			step := [...]string{grant: "leader: grants", release: "leader: releases", commit: "leader: commits", restock: "leader: restocks", adjust: "leader: adjusts", withdraw: "leader: withdraws"}[kind]
			do(step, func(t *state) { w.decide(t, o, kind) })
		}
		if s.mayShow(o) {
			do("leader: a decision is shown on its object", func(t *state) { w.show(t, o) })
		}
	}
	for i := uint8(0); i < s.Decided; i++ {
		if s.mayMove(i) {
			do("leader: the item takes a decision in", func(t *state) { t.Moved |= bit(i) })
		}
		if s.mayDrop(i) {
			do("leader: an entry leaves the journal", func(t *state) { t.Journal.Open &^= bit(i) })
		}
	}
}

func (w *world) objectSteps(s *state, o int, do doing) {
	x := &s.Objects[o]
	if o == order && x.Intent == hold && x.Deleted == 0 {
		do("order: intent Commit", func(t *state) { t.Objects[o].Intent = take; t.Objects[o].Version++ })
	}
	if o == order && x.Intent != hold && x.Back < w.back && (s.last(o, x.Shown) == commit || s.last(o, x.Shown) == restock) {
		do("order: units are wanted back", func(t *state) {
			t.Objects[o].Intent = giveBack
			t.Objects[o].Back++
			t.Objects[o].Version++
		})
	}
	if x.Deleted == 0 && s.Left.deletions > 0 {
		do("person: deletes an object", func(t *state) { t.Objects[o].Deleted = 1; t.Objects[o].Version++; t.Left.deletions-- })
	}
	if s.Left.force > 0 {
		do("person: forces an object away", func(t *state) {
			t.Objects[o].view = view{Exists: gone, Shown: t.Objects[o].Shown, Trimmed: t.Objects[o].Trimmed}
			t.Forced |= 1 << o
			t.Left.force--
		})
	}
}

func (w *world) mirrorSteps(s *state, m int, do doing) {
	mi := &s.Mirrors[m]
	for o := range s.Objects {
		if v := s.Objects[o].view; v.Exists == there && v.Deleted == 1 && mi.Seen == 0 {
			do("mirror: sees that an object is being deleted", func(t *state) { t.Mirrors[m].Seen, t.Mirrors[m].View = uint8(o)+1, v })
		}
	}
	for i := uint8(0); m == 0 && i < s.Decided; i++ {
		if w.mayTell(s, i, false) {
			do("mirror: tells the following decision", func(t *state) { w.tellNext(t, i) })
		}
	}
	if mi.Seen != 0 && w.mayGo(s, int(mi.Seen)-1, &mi.View) {
		do("mirror: lets an object go", func(t *state) { w.letGo(t, &t.Mirrors[m]) })
	}
	switch {
	case mi.Sync == 1:
		do("mirror: lists, and ends the sync", func(t *state) { w.endSync(t, &t.Mirrors[m]) })
	case w.needsSync(s):
		do("mirror: begins to sync", func(t *state) { w.beginSync(t, &t.Mirrors[m]) })
	}
	if mi.Seen != 0 || mi.Sync != 0 {
		do("mirror: crashes, or looks again", func(t *state) { t.Mirrors[m] = mirror{} })
	}
}

// settle leaves the leader and one mirror to themselves and says what is wrong at rest.
func (w *world) settle(s *state) string {
	s.Mirrors[1] = mirror{}
	for range 300 {
		if s.Wrong != 0 {
			return wrong(s)
		}
		if !w.lead(s) && !w.mirror(s, &s.Mirrors[0]) {
			return restProblem(s)
		}
	}
	return "it never comes to rest"
}

func restProblem(s *state) string {
	for o := range s.Objects {
		if s.Objects[o].Exists == there && s.Objects[o].Deleted == 1 {
			return "a deleted object never goes"
		}
	}
	for i := uint8(0); i < s.Decided; i++ {
		if (s.Ever|s.Lost)&bit(i) == 0 && s.Forced>>s.Decisions[i].Object&1 == 0 {
			return "a decision is never told"
		}
		if s.DB.Told&bit(i) == 0 && s.knows(i, true) {
			return "a decision that is there is not in the database"
		}
		told, moved := s.DB.Told&bit(i), s.Moved&bit(i)
		if moves(s.Decisions[i].Kind) && told != moved && s.Forced == 0 && s.Restored == 0 && s.Lost == 0 {
			return "the movements do not add up to what is on hand"
		}
	}
	if s.DB.Cursor < s.Journal.Seq {
		return "the cursor is stuck"
	}
	return ""
}

func TestTheProtocolHolds(t *testing.T) {
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			w.rules = asWritten()
			got := w.explore()
			if got.Problem != "" || got.Incomplete {
				t.Errorf("%d states, all visited %v: %s\n%q", got.States, !got.Incomplete, got.Problem, got.Trace)
			}
			t.Logf("%d states", got.States)
		})
	}
}
