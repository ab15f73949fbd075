package stock_test

import (
	"slices"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// effects of open entries, one an object, each a live GET, the redo rule and a
// PUT; the order in which objects are written is drawn.
func (h *history) writeObjects(t *rapid.T, entries []*v1alpha1.JournalEntry, most int) (done []string) {
	var keys []string
	byKey := map[string][]*v1alpha1.JournalEntry{}
	note := func(key string, e *v1alpha1.JournalEntry) {
		if byKey[key] == nil {
			keys = append(keys, key)
		}
		byKey[key] = append(byKey[key], e)
	}
	for _, e := range entries {
		note(e.UID, e)
		if journal.MovesStock(e.Kind) {
			for _, l := range e.Lines {
				note(l.ItemUID, e)
			}
		}
	}
	if len(keys) > 1 {
		keys = rapid.Permutation(keys).Draw(t, "order")
	}
	for _, key := range keys[:min(most, len(keys))] {
		h.put(t, key, byKey[key])
		done = append(done, key)
	}
	return done
}

// put carries entries out on one object, found by name: it may be gone, and
// another of its name be there.
func (h *history) put(t *rapid.T, uid string, entries []*v1alpha1.JournalEntry) {
	for _, l := range entries[0].Lines {
		if l.ItemUID == uid {
			h.putItem(t, h.items[l.ProductID], uid, entries)
		}
	}
	for _, e := range entries {
		if e.UID != uid {
			continue
		}
		if d := h.documents[e.Name]; d != nil {
			journal.ApplyToDocument(e, d)
		}
		if r := h.reservations[e.Name]; r != nil {
			r = r.DeepCopy()
			journal.ApplyToReservation(e, r)
			h.reservations[r.Name] = r
		}
	}
}

// putItem writes an item and notes which decisions changed it: each only once.
func (h *history) putItem(t *rapid.T, o *v1alpha1.StockItem, meant string, entries []*v1alpha1.JournalEntry) {
	for _, e := range entries {
		if !journal.ApplyToItem([]*v1alpha1.JournalEntry{e}, o) {
			continue
		}
		if string(o.UID) != meant {
			t.Fatalf("decision %d about %s changed %s, which was made again", e.Seq, meant, o.UID)
		}
		if slices.Contains(h.written[o.UID], e.Seq) {
			t.Fatalf("decision %d changed %s a second time", e.Seq, o.Name)
		}
		h.written[o.UID] = append(h.written[o.UID], e.Seq)
	}
	if level, known := h.ledger.Level(o.UID); known && rapid.Bool().Draw(t, "project") {
		stock.Project(o, level.Reserved, metav1.NewTime(h.now))
	}
}

// carryOut writes some objects for the leader, and lets it see some of them.
func (h *history) carryOut(t *rapid.T) {
	var entries []*v1alpha1.JournalEntry
	for _, o := range journal.Keep(h.open) {
		entries = append(entries, o.Entry)
	}
	if len(entries) == 0 {
		t.Skip("nothing is open")
	}
	for _, uid := range h.writeObjects(t, entries, rapid.IntRange(1, 4).Draw(t, "objects")) {
		if rapid.IntRange(0, 5).Draw(t, "answer lost") == 0 {
			continue
		}
		h.seen(uid)
	}
}

// seen marks an object as seen to carry everything open about it.
func (h *history) seen(uid string) {
	for _, o := range h.open {
		if o.Entry.UID == uid {
			o.Object = true
		}
		o.ItemDone(types.UID(uid))
	}
}

// writeLate has a leader that was replaced finish writes of entries it held.
func (h *history) writeLate(t *rapid.T) {
	if len(h.late) == 0 {
		t.Skip("nobody was replaced")
	}
	h.writeObjects(t, rapid.SampledFrom(h.late).Draw(t, "who"), rapid.IntRange(1, 4).Draw(t, "objects"))
}

// takeOver is how a new leader acquires the journal (fence, replay, load), with some of the replay repeated.
func (h *history) takeOver(t *rapid.T) {
	if h.ledger != nil {
		held := make([]*v1alpha1.JournalEntry, 0, len(h.open))
		for _, o := range h.open {
			held = append(held, o.Entry)
		}
		h.late = append(h.late, held)
	} else {
		h.ledger = stock.NewLedger(0, nil, nil, nil)
	}
	h.journal.Epoch++
	h.open = journal.AllPending(h.journal.Entries)
	entries := make([]*v1alpha1.JournalEntry, 0, len(h.open))
	for _, o := range h.open {
		entries = append(entries, o.Entry)
	}
	for range rapid.IntRange(1, 2).Draw(t, "redo") {
		for _, uid := range h.writeObjects(t, entries, len(entries)*8) {
			h.seen(uid)
		}
	}
	for _, o := range h.open {
		if !o.Durable() {
			t.Fatalf("decision %d is not carried out after the redo", o.Entry.Seq)
		}
	}
	h.ledger = stock.NewLedger(h.journal.Seq, nil, nil, nil)
	items, reservations, documents := h.list()
	for _, see := range h.unseen { // the lists show what is gone
		see()
	}
	h.unseen = nil
	for i := range items {
		if !h.book.known(items[i].UID) {
			h.book.stocks(&items[i])
		}
	}
	h.ledger = stock.NewLedger(h.journal.Seq, items, reservations, documents)
	h.agree(t)
}

// settle carries everything out and holds the objects against the book.
func (h *history) settle(t *rapid.T) {
	for _, see := range h.unseen {
		see()
	}
	h.unseen = nil
	var entries []*v1alpha1.JournalEntry
	for _, o := range h.open {
		entries = append(entries, o.Entry)
	}
	for _, uid := range h.writeObjects(t, entries, len(entries)*8) {
		h.seen(uid)
	}
	if left := journal.Keep(h.open); len(left) > 0 {
		t.Fatalf("decision %d is still open", left[0].Entry.Seq)
	}
	h.agree(t)
	for _, r := range h.reservations {
		var phases []v1alpha1.StockReservationPhase
		for _, e := range r.Status.History {
			phases = append(phases, e.Phase)
		}
		var want []v1alpha1.StockReservationPhase
		if c := h.book.reservations[r.UID]; c != nil {
			want = c.phases
		}
		if diff := cmp.Diff(want, phases); diff != "" {
			t.Fatalf("history of %s (-book +object):\n%s", r.Name, diff)
		}
	}
	for _, d := range h.documents {
		applied := h.book.settled[d.UID] == journal.ReasonApplied || h.book.settled[d.UID] == journal.ReasonAlreadyApplied
		if (d.Status.Phase == v1alpha1.AdjustmentApplied) != applied || (d.Status.Phase == v1alpha1.AdjustmentRefused) != (h.book.settled[d.UID] != "" && !applied) {
			t.Fatalf("document %s is %q, the book says %q", d.Name, d.Status.Phase, h.book.settled[d.UID])
		}
		if (d.Status.Delta != nil) != applied {
			t.Fatalf("document %s, %s, says that it changed %v", d.Name, h.book.settled[d.UID], d.Status.Delta)
		}
	}
	items, reservations, _ := h.list()
	for _, d := range h.ledger.Audit(items, reservations) {
		t.Fatalf("drift: %s", d)
	}
	for _, o := range h.items {
		if want := h.book.shelves[o.UID].onHand(); journal.OnHand(o) != want {
			t.Fatalf("%s says %d on hand, the book %d", o.Name, journal.OnHand(o), want)
		}
	}
}

// agree holds the leader's memory against the book.
func (h *history) agree(t *rapid.T) {
	for _, o := range h.items {
		s := h.book.shelves[o.UID]
		want := stock.Level{OnHand: s.onHand(), Reserved: h.book.reserved(s), Available: h.book.available(s)}
		level, _ := h.ledger.Level(o.UID)
		if diff := cmp.Diff(want, level); diff != "" {
			t.Fatalf("level of %s (-book +ledger):\n%s", o.Name, diff)
		}
	}
	for _, r := range h.reservations {
		if phase := h.ledger.Phase(r.UID); phase != h.book.phase(r.UID) {
			t.Fatalf("the ledger has %s %s, the book %s", r.Name, phase, h.book.phase(r.UID))
		}
	}
	for _, d := range h.documents {
		if h.ledger.Settled(d.UID) != (h.book.settled[d.UID] != "") {
			t.Fatalf("the ledger has document %s settled: %t, the book says %q", d.Name, h.ledger.Settled(d.UID), h.book.settled[d.UID])
		}
	}
}
