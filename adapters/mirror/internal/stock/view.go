package stock

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
)

// window is how many decisions ahead of the cursor are kept.
const window = 10_000

// view is what the watches showed. Safe for concurrent use.
type view struct {
	clock clock.PassiveClock
	// news has a token when something was seen.
	news chan struct{}

	mu           sync.Mutex
	journal      *v1alpha1.StockJournal // nil when there is none
	seen         *sightings
	items        *shelf[*v1alpha1.StockItem]
	reservations *shelf[*v1alpha1.StockReservation]
	documents    *shelf[*v1alpha1.StockAdjustment]
	// uncompared are items whose movements could not be compared yet, with the decision that
	// has to be told first.
	uncompared map[string]int64
	// overlooked is true when the rows of objects that are gone were not kept.
	overlooked bool
}

func newView(c clock.PassiveClock) *view {
	return &view{
		clock: c, news: make(chan struct{}, 1), seen: newSightings(window), uncompared: map[string]int64{},
		items: newShelf[*v1alpha1.StockItem](), reservations: newShelf[*v1alpha1.StockReservation](), documents: newShelf[*v1alpha1.StockAdjustment](),
	}
}

// see takes a version of an object; gone is true for the last one of an object that is gone.
func (v *view) see(o client.Object, gone bool) {
	v.mu.Lock()
	now := v.clock.Now()
	switch o := o.(type) {
	case *v1alpha1.StockJournal:
		v.journal = o
		if gone || cachedclient.IsSetAside(o) {
			v.journal = nil
		}
		v.seen.inJournal(o, now)
	case *v1alpha1.StockReservation:
		v.seen.onReservation(o, now)
		place(v, v.reservations, o, gone)
	case *v1alpha1.StockAdjustment:
		v.seen.onDocument(o, now)
		place(v, v.documents, o, gone)
	case *v1alpha1.StockItem:
		delete(v.uncompared, o.Name)
		place(v, v.items, o, gone)
	}
	v.mu.Unlock()
	v.ring()
}

func (v *view) ring() {
	select {
	case v.news <- struct{}{}:
	default: // somebody has been told already
	}
}

func place[O client.Object](v *view, s *shelf[O], o O, gone bool) {
	switch {
	case !gone:
		s.see(o)
	case !s.lose(o):
		v.overlooked = true
	}
}

// soil is the end of a connection: every row may be out of date (rule 7).
func (v *view) soil() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.items.soil()
	v.reservations.soil()
	v.documents.soil()
}

// moved notes where the cursor is.
func (v *view) moved(cursor int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.move(cursor)
}

func (v *view) move(cursor int64) {
	if v.seen.move(cursor) {
		v.seeAgain()
	}
	for name, seq := range v.uncompared {
		if seq <= cursor {
			delete(v.uncompared, name)
			if _, ok := v.items.objects[name]; ok {
				v.items.dirty[name] = struct{}{}
			}
		}
	}
}

// seeAgain looks for decisions in everything there is.
func (v *view) seeAgain() {
	now := v.clock.Now()
	if v.journal != nil {
		v.seen.inJournal(v.journal, now)
	}
	for _, r := range v.reservations.objects {
		v.seen.onReservation(r, now)
	}
	for _, d := range v.documents.objects {
		v.seen.onDocument(d, now)
	}
}

// known is the number of the last decision that is known: the journal's, or where there is
// none the highest that was seen.
func (v *view) known() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.journal != nil {
		return v.journal.Status.Seq
	}
	return v.seen.last()
}

// batch is what one transaction is to write.
type batch struct {
	cursor       int64
	decisions    []sighting
	items        work[*v1alpha1.StockItem]
	reservations work[*v1alpha1.StockReservation]
	documents    work[*v1alpha1.StockAdjustment]
}

func (b *batch) isEmpty() bool {
	return len(b.decisions)+len(b.items.dirty)+len(b.items.gone)+len(b.reservations.dirty)+len(b.reservations.gone)+
		len(b.documents.dirty)+len(b.documents.gone) == 0
}

// take gives what is to be written next, at most so many decisions, and rows of each kind.
func (v *view) take(decisions, rows int) batch {
	v.mu.Lock()
	defer v.mu.Unlock()
	return batch{
		cursor: v.seen.cursor, decisions: v.seen.following(decisions),
		items: v.items.take(rows), reservations: v.reservations.take(rows), documents: v.documents.take(rows),
	}
}

// done notes that a batch was committed, that the cursor is there now, and which items could
// not be compared yet.
func (v *view) done(b *batch, cursor int64, uncompared []*v1alpha1.StockItem) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.items.done(b.items)
	v.reservations.done(b.reservations)
	v.documents.done(b.documents)
	for _, o := range uncompared {
		if there, ok := v.items.objects[o.Name]; ok && there.UID == o.UID && there.ResourceVersion == o.ResourceVersion {
			v.uncompared[o.Name] = o.Status.JournalSeq
		}
	}
	v.move(cursor)
}

// find is an object by name, as it was seen last; uid is empty when any is meant.
func find[O client.Object](v *view, s *shelf[O], name, uid string) (o O, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	o, ok = s.objects[name]
	return o, ok && (uid == "" || string(o.GetUID()) == uid)
}

// waiting is how much waits for the database, and since when.
func (v *view) waiting() (records int, oldest time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seen.waiting()
}

// mayGo are the objects that the mirror has no reason to keep: they are at their end, their
// newest version that was seen is committed, and all about them was told. In a namespace that
// is being deleted nobody decides any more, so that whatever is committed and told may go
// (rule 24). rest is how many others wait.
func (v *view) mayGo(terminating bool) (free []client.Object, rest int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	cursor := v.seen.cursor
	for _, r := range v.reservations.committed() {
		if stock.MayLetGoReservation(r, cursor) || terminating && stock.ToldReservation(r, cursor) {
			free = append(free, r)
		}
	}
	for _, d := range v.documents.committed() {
		if stock.MayLetGoDocument(d, cursor) || terminating && stock.ToldDocument(d, cursor) {
			free = append(free, d)
		}
	}
	for _, o := range v.items.committed() {
		if stock.MayLetGoItem(o, cursor) || terminating && stock.ToldItem(o, cursor) {
			free = append(free, o)
		}
	}
	return free, len(v.reservations.held) + len(v.documents.held) + len(v.items.held) - len(free)
}

// lacking are some of the objects that lack the mirror's finalizer.
func (v *view) lacking(most int) (lacking []client.Object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, o := range v.items.without(most) {
		lacking = append(lacking, o)
	}
	for _, o := range v.documents.without(most) {
		lacking = append(lacking, o)
	}
	for _, o := range v.reservations.without(most) {
		lacking = append(lacking, o)
	}
	return lacking[:min(len(lacking), most)]
}

// wasOverlooked reports whether rows of objects that are gone were not kept since the last time
// that it was asked.
func (v *view) wasOverlooked() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	was := v.overlooked
	v.overlooked = false
	return was
}
