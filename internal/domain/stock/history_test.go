package stock_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// Random histories of one namespace: clients, one leader after another, late
// writes of those that were replaced. The ledger's decisions must be the
// book's, and once everything is carried out the objects must say the same.
func TestHistories(t *testing.T) {
	for round := range 20 {
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) { rapid.Check(t, someHistory) })
	}
}

func someHistory(t *rapid.T) {
	h := newHistory(t)
	h.takeOver(t)
	t.Repeat(map[string]func(*rapid.T){
		"a client places":             h.place,
		"a client wants":              h.want,
		"somebody writes a document":  h.writeDocument,
		"somebody writes another":     h.writeDocument,
		"somebody deletes":            h.deleteSomething,
		"an item is deleted and made": h.remakeItem,
		"time passes":                 h.passTime,
		"the leader sees deletions":   h.notice,
		"the leader decides":          h.decide,
		"the leader decides more":     h.decide,
		"the leader carries out":      h.carryOut,
		"a replaced leader writes":    h.writeLate,
		"another leader takes over":   h.takeOver,
		"all is carried out":          h.settle,
	})
	h.settle(t)
}

// history is the cluster's objects, the leader's memory and the book.
type history struct {
	now          time.Time
	made         int // numbers for names and uids
	items        map[string]*v1alpha1.StockItem
	reservations map[string]*v1alpha1.StockReservation
	documents    map[string]*v1alpha1.StockAdjustment
	journal      v1alpha1.StockJournalStatus
	written      map[types.UID][]int64 // seqs that changed an item

	ledger *stock.Ledger
	open   []*journal.Pending
	// unseen are deletions the leader's informers did not show yet.
	unseen []func()
	// late is what leaders that were replaced still hold.
	late [][]*v1alpha1.JournalEntry

	book *book
}

var products = []string{"anvil", "bell", "candle"}

func newHistory(t *rapid.T) *history {
	h := &history{
		now: stocktest.Noon(), items: map[string]*v1alpha1.StockItem{}, reservations: map[string]*v1alpha1.StockReservation{},
		documents: map[string]*v1alpha1.StockAdjustment{}, written: map[types.UID][]int64{}, book: newBook(),
	}
	for _, p := range products {
		h.makeItem(t, p)
	}
	return h
}

func (h *history) number() int { h.made++; return h.made }

func (h *history) makeItem(t *rapid.T, product string) *v1alpha1.StockItem {
	o := &stocktest.AnItem(product, rapid.Int64Range(0, 12).Draw(t, "opening")).WithUID(types.UID(fmt.Sprint("item-", h.number()))).
		Safety(rapid.SampledFrom([]int64{0, 0, 2}).Draw(t, "safety")).StockItem
	h.items[product] = o
	return o
}

func (h *history) place(t *rapid.T) {
	var lines []v1alpha1.StockLine
	for _, p := range append(products, "nothing") {
		if n := rapid.Int64Range(-4, 5).Draw(t, p); n > 0 && (p != "nothing" || n == 5) {
			lines = append(lines, stocktest.Units(p, n))
		}
	}
	if len(lines) == 0 {
		t.Skip("an order for nothing")
	}
	n := h.number()
	b := stocktest.AReservation(fmt.Sprint("r", n), lines...)
	if rapid.Bool().Draw(t, "basket") {
		expires := metav1.NewTime(h.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute))
		b.Spec.ExpiresAt = &expires
	}
	b.Spec.CustomerID = rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(t, "customer")
	if b.Spec.ExpiresAt == nil && rapid.Bool().Draw(t, "an order") {
		b.Spec.OrderRef = &v1alpha1.OrderReference{Name: b.Name, UID: "order"}
	}
	if n > 1 && rapid.Bool().Draw(t, "takes over") {
		b.Spec.TakeOver = &v1alpha1.ReservationReference{Name: fmt.Sprint("r", n-rapid.IntRange(1, min(n-1, 4)).Draw(t, "which"))}
	}
	h.reservations[b.Name] = &b.StockReservation
}

func (h *history) want(t *rapid.T) {
	r := drawObject(t, h.reservations)
	intent := rapid.SampledFrom([]v1alpha1.ReservationIntent{v1alpha1.IntentCommit, v1alpha1.IntentCommit, v1alpha1.IntentRelease, v1alpha1.IntentRestock}).Draw(t, "intent")
	more := r.Spec.Intent == v1alpha1.IntentRestock && intent == v1alpha1.IntentRestock && r.Spec.Restock != nil
	if r.Spec.Intent != v1alpha1.IntentHold && !(r.Spec.Intent == v1alpha1.IntentCommit && intent == v1alpha1.IntentRestock) && !more {
		t.Skip("admission refuses it")
	}
	r = r.DeepCopy()
	r.Spec.Intent = intent
	if more || intent == v1alpha1.IntentRestock && rapid.Bool().Draw(t, "part") {
		part := []v1alpha1.StockLine{}
		for _, l := range r.Spec.Lines {
			least := int64(0)
			if more {
				least = quantityOf(*r.Spec.Restock, l.ProductID)
			}
			if n := rapid.Int64Range(least, l.Quantity).Draw(t, l.ProductID); n > 0 {
				part = append(part, stocktest.Units(l.ProductID, n))
			}
		}
		r.Spec.Restock = &part
	}
	h.reservations[r.Name] = r
}

func (h *history) writeDocument(t *rapid.T) {
	product := rapid.SampledFrom(append(products, "nothing")).Draw(t, "product")
	name := fmt.Sprint("d", rapid.IntRange(1, 5).Draw(t, "name"))
	if h.documents[name] != nil {
		t.Skip("there is one of that name")
	}
	var b *stocktest.Document
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		b = stocktest.Received(name, product, rapid.Int64Range(1, 6).Draw(t, "quantity"))
	case 1:
		b = stocktest.Adjusted(name, product, rapid.Int64Range(-9, 3).Draw(t, "quantity"))
	default:
		minutes := rapid.IntRange(-30, 7).Draw(t, "countedAt")
		b = stocktest.Counted(name, product, rapid.Int64Range(0, 12).Draw(t, "quantity"), h.now.Sub(stocktest.Noon())+time.Duration(minutes)*time.Minute)
		if rapid.IntRange(0, 3).Draw(t, "expects") == 0 {
			b.Expecting(rapid.Int64Range(0, 12).Draw(t, "expectedOnHand"))
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "generated") == 0 {
		b.Generated()
	}
	b.UID = types.UID(fmt.Sprint("document-", h.number()))
	h.documents[name] = &b.StockAdjustment
}

func (h *history) deleteSomething(t *rapid.T) {
	if rapid.Bool().Draw(t, "a document") {
		d := drawObject(t, h.documents)
		if rapid.Bool().Draw(t, "kept") {
			d = d.DeepCopy()
			d.DeletionTimestamp = &metav1.Time{Time: h.now}
			h.documents[d.Name] = d
			return
		}
		delete(h.documents, d.Name)
		h.unseen = append(h.unseen, func() { h.ledger.ForgetDocument(d.UID) })
		return
	}
	r := drawObject(t, h.reservations)
	delete(h.reservations, r.Name)
	h.unseen = append(h.unseen, func() {
		h.ledger.ForgetReservation(r.UID)
		if c := h.book.reservations[r.UID]; c != nil {
			c.gone = true
		}
	})
}

func (h *history) remakeItem(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "rarely") > 0 {
		t.Skip("not this time")
	}
	old := h.items[rapid.SampledFrom(products).Draw(t, "product")]
	made := h.makeItem(t, old.Name)
	h.unseen = append(h.unseen, func() {
		h.ledger.ForgetItem(old.UID)
		if s := h.book.shelves[old.UID]; s != nil {
			s.gone = true
		}
		h.ledger.ObserveItem(made)
		h.book.stocks(made)
	})
}

func (b *book) known(item types.UID) bool { return b.shelves[item] != nil }

func (h *history) passTime(t *rapid.T) {
	h.now = h.now.Add(time.Duration(rapid.IntRange(1, 40*60).Draw(t, "seconds")) * time.Second)
}

// notice shows the leader some of what is gone.
func (h *history) notice(t *rapid.T) {
	if len(h.unseen) == 0 {
		t.Skip("nothing is gone")
	}
	for range rapid.IntRange(1, len(h.unseen)).Draw(t, "how many") {
		h.unseen[0]()
		h.unseen = h.unseen[1:]
	}
}

// decide offers the leader some objects, journals the batch, and holds every
// decision against the book. A crash before the swap undoes it all.
func (h *history) decide(t *rapid.T) {
	if len(h.reservations) == 0 {
		t.Skip("there is none") // not later: what was decided must be journaled
	}
	room := journal.NewRoom(journal.Keep(h.open), 8)
	var decided []*v1alpha1.JournalEntry
	var offered []any
	for range rapid.IntRange(1, 6).Draw(t, "batch") {
		if room.Full() {
			break
		}
		var e, released *v1alpha1.JournalEntry
		var o any
		if len(h.documents) > 0 && rapid.IntRange(0, 3).Draw(t, "a document") == 0 {
			d := drawObject(t, h.documents)
			e, _ = h.ledger.DecideDocument(d, h.now)
			o = d
		} else {
			r := drawObject(t, h.reservations)
			e, released = h.ledger.DecideReservation(r, h.now)
			o = r
		}
		if released != nil {
			room.Take(released)
			decided, offered = append(decided, released), append(offered, nil)
		}
		if e != nil {
			room.Take(e)
			decided, offered = append(decided, e), append(offered, o)
		}
	}
	if len(decided) == 0 {
		return
	}
	if rapid.IntRange(0, 9).Draw(t, "crash") == 0 {
		h.takeOver(t)
		return
	}
	kept := journal.Keep(h.open)
	h.journal = *new(journal.Next(h.journal, kept, decided)).DeepCopy()
	h.open = kept
	for i, e := range decided {
		h.open = append(h.open, journal.NewPending(e))
		h.compare(t, e, offered[i])
		if i > 0 && offered[i-1] == nil {
			h.compareBasket(t, decided[i-1], e)
		} else if offered[i] != nil && h.book.ended != "" {
			t.Fatalf("the book says %s took over %s, the ledger nobody", e.Name, h.book.ended)
		}
		h.book.ended = ""
	}
}

// compare books what was journaled and holds the entry against the book.
func (h *history) compare(t *rapid.T, e *v1alpha1.JournalEntry, object any) {
	switch o := object.(type) {
	case *v1alpha1.StockReservation:
		kind, lines := h.book.decideReservation(o, h.now)
		if e.Kind != kind {
			t.Fatalf("decided %s for %s, the book says %s", e.Kind, o.Name, kind)
		}
		if diff := cmp.Diff(lines, e.Lines, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s of %s (-book +ledger):\n%s", kind, o.Name, diff)
		}
		h.neverOversold(t, e)
	case *v1alpha1.StockAdjustment:
		reason, change := h.book.decideDocument(o, h.now)
		if e.Reason != reason || e.Lines[0].Quantity != change {
			t.Fatalf("decided %s %d for %s, the book says %s %d", e.Reason, e.Lines[0].Quantity, o.Name, reason, change)
		}
	}
}

// compareBasket holds the end of a basket against the book, once its order was booked.
func (h *history) compareBasket(t *rapid.T, released, granted *v1alpha1.JournalEntry) {
	if released.Kind != v1alpha1.EntryRelease || released.Reason != journal.ReasonTakenOver || released.UID != string(h.book.ended) || granted.Seq != released.Seq+1 {
		t.Fatalf("%s of %s, decision %d, before decision %d; the book says %q was taken over", released.Kind, released.Name, released.Seq, granted.Seq, h.book.ended)
	}
}

// neverOversold: after a grant everything that is promised is there.
func (h *history) neverOversold(t *rapid.T, e *v1alpha1.JournalEntry) {
	if e.Kind != v1alpha1.EntryGrant {
		return
	}
	for _, l := range e.Lines {
		if s := h.book.shelves[types.UID(l.ItemUID)]; h.book.available(s)+s.safety < 0 || h.book.available(s) < 0 && h.book.ended == "" {
			t.Fatalf("granted %s: %d of %s available afterwards", e.Name, h.book.available(s), l.ProductID)
		}
	}
}

// drawObject draws one of the objects, by name.
func drawObject[O any](t *rapid.T, objects map[string]O) O {
	if len(objects) == 0 {
		t.Skip("there is none")
	}
	names := make([]string, 0, len(objects))
	for name := range objects {
		names = append(names, name)
	}
	slices.Sort(names)
	return objects[rapid.SampledFrom(names).Draw(t, "name")]
}

func (h *history) list() (items []v1alpha1.StockItem, reservations []v1alpha1.StockReservation, documents []v1alpha1.StockAdjustment) {
	for _, o := range h.items {
		items = append(items, *o.DeepCopy())
	}
	for _, o := range h.reservations {
		reservations = append(reservations, *o.DeepCopy())
	}
	for _, o := range h.documents {
		documents = append(documents, *o.DeepCopy())
	}
	return items, reservations, documents
}
