package faults

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// book is the tests' own ledger of one namespace. It replays what etcd recorded,
// change by change, and notes every change that must not be.
//
// Decisions are read from the journal when they are journaled, and judged
// there; what then happens to reservations, items and documents must be those
// decisions, each once and in order, and nothing else.
type book struct {
	ns string

	mu           sync.Mutex
	items        map[types.UID]*itemPage
	byName       map[string]types.UID
	reservations map[types.UID]*reservationPage
	documents    map[types.UID]*documentPage
	journal      journalPage
	lostSeq      int64 // the last decision of journals that were deleted
	largest      int   // bytes of the journal object
	changes      int64
	granted      []string // names of reservations in the order of their grants
	takenOver    int      // baskets that became something else
	broken       []string
	// unfinalized are items whose finalizer a test forces off.
	unfinalized map[string]bool
	// parked are reservations and items whose status a test has the API server refuse.
	parked map[string]bool
	// shown adds up, by item, the reservations that show phase Reserved.
	shown map[types.UID]int64
}

func newBook(ns string) *book {
	return &book{
		ns: ns, items: map[types.UID]*itemPage{}, byName: map[string]types.UID{},
		reservations: map[types.UID]*reservationPage{}, documents: map[types.UID]*documentPage{},
		unfinalized: map[string]bool{}, parked: map[string]bool{}, shown: map[types.UID]int64{},
	}
}

// itemPage is an item: what it should have, by the journal, and what it shows.
type itemPage struct {
	name            string
	gone, finalized bool
	deleting        bool
	opening         int64
	moves           []move
	onHand          int64 // opening and all moves
	reserved        int64 // by the journal
	oversold        bool  // a count found less than is reserved
	shownOnHand     int64
	shownReserved   int64
	shownAvailable  int64
	safety          int64
	shownSeq        int64
	shortOnPurpose  bool // has been oversold since what it shows was last covered
	// shortBy is the last count that found less than was reserved by then, and
	// shortOf how much that was, until the item has shown it and been covered with
	// every grant before it shown: a release decided right behind it may be shown
	// after it, and after those.
	shortBy, shortOf int64
	appliedByName    map[string]bool
	generation, seen int64
}

type move struct{ seq, quantity int64 }

// reservationPage is a reservation: what was decided about it, and what it shows.
type reservationPage struct {
	name      string
	gone      bool
	basket    bool // it belongs to no order
	customer  string
	takesOver string                           // the name of the basket that it takes over
	restocks  map[int64][]v1alpha1.JournalLine // by decision
	lines     map[string]int64
	phase     v1alpha1.StockReservationPhase // by the journal
	holds     []v1alpha1.StockAllocation
	decisions []decision
	shown     v1alpha1.StockReservationStatus
}

type decision struct {
	seq   int64
	phase v1alpha1.StockReservationPhase
}

type documentPage struct {
	name      string
	gone      bool
	spec      v1alpha1.StockAdjustmentSpec
	generated bool
	decided   *v1alpha1.JournalEntry
	shown     v1alpha1.StockAdjustmentStatus
}

type journalPage struct {
	uid        types.UID
	epoch, seq int64
	entries    map[int64]v1alpha1.JournalEntry // that are in it
}

func (b *book) breaks(c *change, format string, args ...any) {
	if len(b.broken) < 20 {
		b.broken = append(b.broken, fmt.Sprintf("revision %d, %s %s: %s", c.revision, c.plural, c.key, fmt.Sprintf(format, args...)))
	}
}

// record checks one change.
func (b *book) record(c change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changes++
	switch c.plural {
	case "stockjournals":
		b.recordJournal(&c)
	case "stockreservations":
		b.recordReservation(&c)
	case "stockitems":
		b.recordItem(&c)
	case "stockadjustments":
		b.recordDocument(&c)
	default:
		return
	}
	b.checkLevels(&c)
}

func decode[T any](b *book, c *change) (*T, bool) {
	o := new(T)
	if err := json.Unmarshal(c.value, o); err != nil {
		b.breaks(c, "can't be read: %v", err)
		return o, false
	}
	return o, true
}

// checkLevels checks what holds of every item after every change.
func (b *book) checkLevels(c *change) {
	for uid, i := range b.items {
		if i.gone {
			continue
		}
		// On hand may be below zero only where more is shipped of an oversold item
		// than was counted; then it is still less than what is reserved.
		if i.reserved < 0 {
			b.breaks(c, "item %s: by the journal %d reserved", i.name, i.reserved)
		}
		if i.reserved <= i.onHand {
			i.oversold = false
		} else if !i.oversold {
			b.breaks(c, "item %s: by the journal %d reserved of %d on hand", i.name, i.reserved, i.onHand)
			i.oversold = true
		}
		// What somebody sees who adds up phases, without a look at the journal.
		switch covered := b.shown[uid] <= i.shownOnHand; {
		case i.oversold:
			i.shortOnPurpose = true
		case covered || b.parked[i.name]:
			i.shortOnPurpose = false
			if i.shownSeq >= i.shortBy && !b.grantHidden(uid, i.shortBy) {
				i.shortBy = 0
			}
		case i.shortBy > 0 && i.shownSeq >= i.shortBy && b.shown[uid] <= i.shortOf:
		case !i.shortOnPurpose:
			b.breaks(c, "item %s: reservations that show Reserved hold %d, it shows %d on hand", i.name, b.shown[uid], i.shownOnHand)
			i.shortOnPurpose = true
		}
	}
}

// grantHidden reports whether an item's reservation was granted before a
// decision and does not show it yet.
func (b *book) grantHidden(item types.UID, before int64) bool {
	for seq, e := range b.journal.entries {
		r := b.reservations[types.UID(e.UID)]
		if seq >= before || e.Kind != v1alpha1.EntryGrant || r == nil || r.gone {
			continue
		}
		about := slices.ContainsFunc(e.Lines, func(l v1alpha1.JournalLine) bool { return l.ItemUID == string(item) })
		shown := slices.ContainsFunc(r.shown.History, func(h v1alpha1.ReservationHistoryEntry) bool { return h.Seq == seq })
		if about && !shown {
			return true
		}
	}
	return false
}

// show adds (+1) or takes back (-1) what a reservation shows that it holds.
func (b *book) show(r *reservationPage, sign int64) {
	if r.gone || r.shown.Phase != v1alpha1.ReservationReserved || b.parked[r.name] {
		return
	}
	for _, a := range r.shown.Allocations {
		b.shown[types.UID(a.ItemUID)] += sign * a.Quantity
	}
}

// park notes that a reservation's status can't be written from now on: what it
// shows is not what was decided, and that is no fault.
func (b *book) park(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.reservations {
		if r.name == name {
			b.show(r, -1)
		}
	}
	b.parked[name] = true
}

// problems are what was broken so far.
func (b *book) problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.broken...)
}

// unsettled says what does not yet show what was decided. When nothing is
// undecided and nothing unsettled, all is quiet.
func (b *book) unsettled() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	note := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, i := range b.items {
		if i.gone || b.parked[i.name] {
			continue
		}
		if i.shownOnHand != i.onHand || i.shownReserved != i.reserved || i.shownAvailable != i.onHand-i.reserved-i.safety {
			note("item %s shows %d/%d/%d on hand/reserved/available and has %d/%d/%d", i.name,
				i.shownOnHand, i.shownReserved, i.shownAvailable, i.onHand, i.reserved, i.onHand-i.reserved-i.safety)
		}
		if i.seen != i.generation {
			note("item %s answers for generation %d of %d", i.name, i.seen, i.generation)
		}
	}
	for _, r := range b.reservations {
		if !r.gone && !b.parked[r.name] && r.shown.Phase != r.phase {
			note("reservation %s shows %s, decided is %s", r.name, r.shown.Phase, r.phase)
		}
		if !r.gone && r.phase == v1alpha1.ReservationPending {
			note("reservation %s is not decided", r.name)
		}
	}
	for _, d := range b.documents {
		if !d.gone && d.decided != nil && d.shown.JournalSeq != d.decided.Seq {
			note("document %s does not show decision %d", d.name, d.decided.Seq)
		}
		if !d.gone && d.decided == nil && len(d.shown.Conditions) == 0 {
			note("document %s is not decided and does not say why", d.name)
		}
	}
	return out
}

// count is how many changes there were.
func (b *book) count() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changes
}

// largestJournal is how large the journal object ever was, in bytes.
func (b *book) largestJournal() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.largest
}

// takeOvers are how many baskets were taken over, and how many reservations had
// something put back again.
func (b *book) takeOvers() (baskets, again int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.reservations {
		if len(r.restocks) > 1 {
			again++
		}
	}
	return b.takenOver, again
}

// grants are the names of reservations in the order they were granted.
func (b *book) grants() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.granted)
}

// forceOff notes that a test takes an item's finalizer off by force.
func (b *book) forceOff(item string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unfinalized[item] = true
}
