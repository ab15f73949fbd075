package event_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

// agree compares what journal entries tell with what the reservation shows that they
// were carried out on; the first gone of them are in the journal alone.
func agree(t interface {
	Helper()
	Errorf(string, ...any)
}, r *v1alpha1.StockReservation, entries []*v1alpha1.JournalEntry) (gone int) {
	t.Helper()
	shown := map[int64]event.Decision{}
	for _, d := range event.DecisionsOfReservation(r) {
		shown[d.Seq] = d
	}
	for _, e := range entries {
		// Through the API and back, as the mirror gets it.
		text, err := json.Marshal(e)
		var read v1alpha1.JournalEntry
		if err == nil {
			err = json.Unmarshal(text, &read)
		}
		if err != nil {
			t.Errorf("%v", err)
			return
		}
		d := event.DecisionOfEntry(&read)
		d.About(r)
		other, there := shown[e.Seq]
		if !there {
			gone++
			continue
		}
		if diff := cmp.Diff(event.OfDecision(d), event.OfDecision(other)); diff != "" {
			t.Errorf("%s %d (-journal +object)\n%s", e.Kind, e.Seq, diff)
		}
	}
	return gone
}

func TestJournalAndReservationTellTheSame(t *testing.T) {
	many := func(n int) (lines []v1alpha1.JournalLine) {
		for i := range n {
			lines = append(lines, stocktest.Line(fmt.Sprintf("prod-%03d", i), int64(i+1), int64(2*i)))
		}
		return lines
	}
	entry := stocktest.Entry
	two := many(2)
	for name, c := range map[string]struct {
		entries []*v1alpha1.JournalEntry
		// records of all of them; gone are the entries that the object shows no more.
		records, gone int
	}{
		"granted":                  {[]*v1alpha1.JournalEntry{entry(7, v1alpha1.EntryGrant, "r", "", two...)}, 2, 0},
		"rejected, one line short": {[]*v1alpha1.JournalEntry{entry(7, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK", two[0], stocktest.Short(two[1], v1alpha1.ShortageOversold))}, 1, 0},
		"rejected, no such product": {[]*v1alpha1.JournalEntry{entry(7, v1alpha1.EntryReject, "r", "INSUFFICIENT_STOCK",
			v1alpha1.JournalLine{ProductID: "ghost", Quantity: 3, Shortage: v1alpha1.ShortageUnknownProduct})}, 1, 0},
		"released before it held":           {[]*v1alpha1.JournalEntry{entry(7, v1alpha1.EntryRelease, "r", "Requested")}, 0, 0},
		"granted and released":              {[]*v1alpha1.JournalEntry{entry(7, v1alpha1.EntryGrant, "r", "", two...), entry(9, v1alpha1.EntryRelease, "r", "Expired", two...)}, 4, 0},
		"taken over":                        {[]*v1alpha1.JournalEntry{entry(7, v1alpha1.EntryGrant, "r", "", two...), entry(9, v1alpha1.EntryRelease, "r", "TakenOver", two...)}, 4, 0},
		"committed, one item gone":          {[]*v1alpha1.JournalEntry{entry(7, v1alpha1.EntryGrant, "r", "", two...), entry(9, v1alpha1.EntryCommit, "r", "ItemGone", two[0], stocktest.NotMoved(two[1]))}, 4, 0},
		"restocked, one item is made again": {[]*v1alpha1.JournalEntry{entry(7, v1alpha1.EntryGrant, "r", "", two...), entry(9, v1alpha1.EntryCommit, "r", "", two...), entry(11, v1alpha1.EntryRestock, "r", "ItemMadeAgain", two[0], stocktest.NotMoved(two[1]))}, 6, 0},
		"restocked in parts":                {[]*v1alpha1.JournalEntry{entry(7, v1alpha1.EntryGrant, "r", "", two...), entry(9, v1alpha1.EntryCommit, "r", "", two...), entry(11, v1alpha1.EntryRestock, "r", "", two[1]), entry(12, v1alpha1.EntryRestock, "r", "", two[0])}, 6, 0},
		"restocked with nothing":            {[]*v1alpha1.JournalEntry{entry(7, v1alpha1.EntryGrant, "r", "", two...), entry(9, v1alpha1.EntryCommit, "r", "", two...), entry(11, v1alpha1.EntryRestock, "r", "")}, 4, 0},
		"250 lines":                         {[]*v1alpha1.JournalEntry{entry(7, v1alpha1.EntryGrant, "r", "", many(250)...), entry(9, v1alpha1.EntryCommit, "r", "", many(250)...), entry(11, v1alpha1.EntryRestock, "r", "", many(250)...)}, 750, 0},
		"more restocks than it shows":       {restocks(200, two[0]), 2 + 2 + 200, 200 + 2 - 64},
	} {
		r := &stocktest.AReservation("r").ForOrder().StockReservation
		r.Annotations = map[string]string{v1alpha1.TraceIDAnnotation: "trace-1"}
		records := 0
		for _, e := range c.entries {
			if !journal.ApplyToReservation(e, r) {
				t.Errorf("%s: %s %d was not carried out", name, e.Kind, e.Seq)
			}
			records += len(event.OfDecision(event.DecisionOfEntry(e)))
		}
		if gone := agree(t, r, c.entries); gone != c.gone {
			t.Errorf("%s: %d entries are in the journal alone, want %d", name, gone, c.gone)
		}
		if records != c.records {
			t.Errorf("%s: %d records, want %d", name, records, c.records)
		}
	}
}

func restocks(n int, line v1alpha1.JournalLine) []*v1alpha1.JournalEntry {
	line.Quantity = int64(n)
	all := []*v1alpha1.JournalEntry{
		stocktest.Entry(1, v1alpha1.EntryGrant, "r", "", line, stocktest.Line("other", 1, 1)),
		stocktest.Entry(2, v1alpha1.EntryCommit, "r", "", line, stocktest.Line("other", 1, 1)),
	}
	line.Quantity = 1
	for i := range n {
		line.Remaining++
		all = append(all, stocktest.Entry(int64(3+i), v1alpha1.EntryRestock, "r", "", line))
	}
	return all
}

// The decisions of the ledger itself, over whole lives of orders.
func TestLedgerAndReservationTellTheSame(t *testing.T) {
	kinds := map[v1alpha1.JournalEntryKind]int{}
	lives(t, func(w *world) {
		of := map[types.UID][]*v1alpha1.JournalEntry{}
		for _, e := range w.entries {
			of[types.UID(e.UID)] = append(of[types.UID(e.UID)], e)
			kinds[e.Kind]++
		}
		for uid, entries := range of {
			if gone := agree(w.t, w.reservations[uid], entries); gone != 0 {
				w.t.Errorf("%d of %d entries are not shown", gone, len(entries))
			}
		}
	})
	for _, kind := range []v1alpha1.JournalEntryKind{v1alpha1.EntryGrant, v1alpha1.EntryReject, v1alpha1.EntryRelease, v1alpha1.EntryCommit, v1alpha1.EntryRestock} {
		if kinds[kind] == 0 {
			t.Errorf("no %s was decided: the test shows little", kind)
		}
	}
}

func TestJournalAndDocumentTellTheSame(t *testing.T) {
	adjust, refuse := v1alpha1.EntryAdjust, v1alpha1.EntryAdjustReject
	line := func(delta, remaining, onHand int64) v1alpha1.JournalLine {
		return stocktest.Leaving(stocktest.Line("widget", delta, remaining), onHand)
	}
	for name, c := range map[string]struct {
		document *stocktest.Document
		entry    *v1alpha1.JournalEntry
		records  int
	}{
		"goods came in":               {stocktest.Received("d", "widget", 5), stocktest.Entry(7, adjust, "d", "Applied", line(5, 12, 15)), 1},
		"a correction":                {stocktest.Adjusted("d", "widget", -5), stocktest.Entry(7, adjust, "d", "Applied", line(-5, 2, 5)), 1},
		"a count":                     {stocktest.Counted("d", "widget", 8, 0), stocktest.Entry(7, adjust, "d", "Applied", line(-2, -1, 8)), 1},
		"a count that found it right": {stocktest.Counted("d", "widget", 8, 0), stocktest.Entry(7, adjust, "d", "Applied", line(0, 8, 8)), 1},
		"refused":                     {stocktest.Adjusted("d", "widget", -5), stocktest.Entry(7, refuse, "d", "BelowZero", line(0, 2, 2)), 0},
		"counted before":              {stocktest.Received("d", "widget", 5), stocktest.Entry(7, refuse, "d", "AlreadyApplied", line(0, 12, 15)), 0},
		"withdrawn":                   {stocktest.Received("d", "widget", 5).Deleting(), stocktest.Entry(7, refuse, "d", "Withdrawn", v1alpha1.JournalLine{ProductID: "widget"}), 0},
	} {
		doc := &c.document.StockAdjustment
		doc.Annotations = map[string]string{v1alpha1.TraceIDAnnotation: "trace-1"}
		if _, decided := event.DecisionOfDocument(doc); decided {
			t.Errorf("%s: it is decided before it was", name)
		}
		if !journal.ApplyToDocument(c.entry, doc) {
			t.Errorf("%s: not carried out", name)
		}
		shown, decided := event.DecisionOfDocument(doc)
		entry := event.DecisionOfEntry(c.entry)
		entry.AboutDocument(doc)
		if diff := cmp.Diff(event.OfDecision(entry), event.OfDecision(shown)); !decided || diff != "" {
			t.Errorf("%s: decided %v (-journal +document)\n%s", name, decided, diff)
		}
		if shown.Seq != c.entry.Seq || shown.Kind != c.entry.Kind || len(event.OfDecision(shown)) != c.records {
			t.Errorf("%s: %+v, want number %d, %s and %d records", name, shown, c.entry.Seq, c.entry.Kind, c.records)
		}
	}
}

// A document that a version decided which kept no delta tells what it asked for.
func TestDocumentsWithoutADelta(t *testing.T) {
	for name, c := range map[string]struct {
		document *stocktest.Document
		want     int64
	}{
		"goods came in": {stocktest.Received("d", "widget", 5), 5},
		"a correction":  {stocktest.Adjusted("d", "widget", -5), -5},
		"a count":       {stocktest.Counted("d", "widget", 8, 0), 0},
	} {
		doc := &c.document.StockAdjustment
		journal.ApplyToDocument(stocktest.Entry(7, v1alpha1.EntryAdjust, "d", "Applied", stocktest.Leaving(stocktest.Line("widget", 9, 9), 9)), doc)
		doc.Status.Delta = nil
		if d, _ := event.DecisionOfDocument(doc); d.Lines[0].Delta != c.want {
			t.Errorf("%s: %+v, want a delta of %d", name, d.Lines, c.want)
		}
	}
}

// What is of another object adds nothing, though it has the name.
func TestAnotherReservationOfTheName(t *testing.T) {
	d := event.DecisionOfEntry(stocktest.Entry(7, v1alpha1.EntryGrant, "r", "", stocktest.Line("widget", 1, 1)))
	other := &stocktest.AReservation("r").ForOrder().StockReservation
	other.UID = "another"
	d.About(other)
	if d.OrderID != "" || d.TraceID != "" {
		t.Errorf("%+v", d)
	}
}

// An order and its reservation have one trace id, also where no request said one.
func TestOneTraceForOrderAndReservation(t *testing.T) {
	o := anOrder("r")
	o.Annotations = nil
	records, err := event.OfOrder(o, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := &stocktest.AReservation("r").StockReservation
	r.Spec.OrderRef = &v1alpha1.OrderReference{Name: o.Name, UID: string(o.UID)}
	d := event.DecisionOfEntry(stocktest.Entry(7, v1alpha1.EntryGrant, "r", "", stocktest.Line("widget", 1, 1)))
	d.About(r)
	if got, want := event.OfDecision(d)[0].TraceID, records[0].TraceID; got != want || len(got) != 32 {
		t.Errorf("%q and %q", got, want)
	}
}
