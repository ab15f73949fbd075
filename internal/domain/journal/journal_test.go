package journal_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/stock/stocktest"
)

func TestPendingIsDurableOnceEveryEffectWasSeen(t *testing.T) {
	two := []v1alpha1.JournalLine{stocktest.Line("widget", 1, 0), stocktest.Line("gadget", 1, 0)}
	for name, c := range map[string]struct {
		e     *v1alpha1.JournalEntry
		items []types.UID
	}{
		"a grant touches only the reservation":         {stocktest.Entry(1, v1alpha1.EntryGrant, "r", "", two...), nil},
		"a refusal touches only the reservation":       {stocktest.Entry(1, v1alpha1.EntryReject, "r", "", two...), nil},
		"a release touches only the reservation":       {stocktest.Entry(1, v1alpha1.EntryRelease, "r", "", two...), nil},
		"a commit touches the reservation and items":   {stocktest.Entry(1, v1alpha1.EntryCommit, "r", "", two...), []types.UID{"widget-uid", "gadget-uid"}},
		"a restock touches the reservation and items":  {stocktest.Entry(1, v1alpha1.EntryRestock, "r", "", two...), []types.UID{"widget-uid", "gadget-uid"}},
		"a restock of nothing touches the reservation": {stocktest.Entry(1, v1alpha1.EntryRestock, "r", ""), nil},
		"a document touches itself and the item":       {stocktest.Entry(1, v1alpha1.EntryAdjust, "d", "Applied", two[0]), []types.UID{"widget-uid"}},
		"a refused document touches only itself":       {stocktest.Entry(1, v1alpha1.EntryAdjustReject, "d", "BelowZero", two[0]), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := journal.NewPending(c.e)
			if diff := cmp.Diff(c.items, o.Items()); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			for _, uid := range c.items {
				if o.Durable() || !o.NeedsItem(uid) {
					t.Errorf("before %s: durable %t, needs it %t", uid, o.Durable(), o.NeedsItem(uid))
				}
				o.ItemDone(uid)
				if o.NeedsItem(uid) {
					t.Errorf("still needs %s", uid)
				}
			}
			if o.Durable() {
				t.Error("durable before the object was seen")
			}
			if o.Object = true; !o.Durable() || len(journal.Keep([]*journal.Pending{o})) != 0 {
				t.Error("not durable, or kept, after everything was seen")
			}
		})
	}
}

func TestANewJournalNumbersByTheClock(t *testing.T) {
	t.Parallel()
	noon := stocktest.Noon()
	if got, want := journal.FirstSeq(noon), noon.Unix()<<20; got != want {
		t.Errorf("at noon the first number is %d, want %d", got, want)
	}
	if a, b := journal.FirstSeq(noon.Add(999*time.Millisecond)), journal.FirstSeq(noon.Add(time.Second)); a >= b || a-journal.FirstSeq(noon) < 1_000_000 {
		t.Errorf("within a second numbers go from %d to %d", a, b)
	}
	const exact = 1 << 53 // the largest number that JSON readers with doubles keep
	if got := journal.FirstSeq(time.Date(2242, time.January, 1, 0, 0, 0, 0, time.UTC)); got >= exact {
		t.Errorf("in 2242 numbers begin at %d, which is not exact in JSON any more", got)
	}
	if got := journal.FirstSeq(time.Unix(0, 0)); got != 0 {
		t.Errorf("a clock that was never set begins at %d", got)
	}
}

func TestFenced(t *testing.T) {
	t.Parallel()
	first := journal.FirstSeq(stocktest.Noon())
	entries := []v1alpha1.JournalEntry{*stocktest.Entry(7, v1alpha1.EntryGrant, "r", "")}
	for name, c := range map[string]struct{ current, want v1alpha1.StockJournalStatus }{
		"a journal that is new": {
			v1alpha1.StockJournalStatus{}, v1alpha1.StockJournalStatus{Epoch: 1, Holder: "me", Seq: first},
		},
		"an older journal goes on with its small numbers": {
			v1alpha1.StockJournalStatus{Epoch: 4, Holder: "other", Seq: 7, Entries: entries},
			v1alpha1.StockJournalStatus{Epoch: 5, Holder: "me", Seq: 7, Entries: entries},
		},
		"one in which nothing was decided yet": {
			v1alpha1.StockJournalStatus{Epoch: 1, Holder: "other"}, v1alpha1.StockJournalStatus{Epoch: 2, Holder: "me"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, journal.Fenced(c.current, "me", stocktest.Noon())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	current := v1alpha1.StockJournalStatus{Epoch: 3, Holder: "a", Seq: 9, Entries: []v1alpha1.JournalEntry{
		*stocktest.Entry(8, v1alpha1.EntryGrant, "done", ""), *stocktest.Entry(9, v1alpha1.EntryGrant, "open", "")}}
	open := journal.AllPending(current.Entries)
	open[0].Object = true
	kept := journal.Keep(open)
	decided := []*v1alpha1.JournalEntry{stocktest.Entry(10, v1alpha1.EntryGrant, "new", ""), stocktest.Entry(11, v1alpha1.EntryGrant, "newer", "")}

	got := journal.Next(current, kept, decided)
	want := v1alpha1.StockJournalStatus{Epoch: 3, Holder: "a", Seq: 11, Entries: []v1alpha1.JournalEntry{
		*stocktest.Entry(9, v1alpha1.EntryGrant, "open", ""), *decided[0], *decided[1]}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with new decisions (-want +got):\n%s", diff)
	}
	got = journal.Next(current, kept, nil)
	want = v1alpha1.StockJournalStatus{Epoch: 3, Holder: "a", Seq: 9, Entries: []v1alpha1.JournalEntry{*stocktest.Entry(9, v1alpha1.EntryGrant, "open", "")}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("only dropping (-want +got):\n%s", diff)
	}
	if len(current.Entries) != 2 || current.Seq != 9 || len(open) != 2 {
		t.Error("what was read from the journal changed")
	}
}

// What a leader holds of a journal does not change with the object it was read from.
func TestAllPendingCopies(t *testing.T) {
	t.Parallel()
	entries := []v1alpha1.JournalEntry{*stocktest.Entry(1, v1alpha1.EntryCommit, "r", "", stocktest.Line("widget", 1, 0))}
	open := journal.AllPending(entries)
	entries[0].Lines[0].Quantity = 9
	if open[0].Entry.Lines[0].Quantity != 1 {
		t.Error("the entry is shared")
	}
}

func TestSame(t *testing.T) {
	base := func() v1alpha1.StockJournalStatus {
		return v1alpha1.StockJournalStatus{Epoch: 3, Holder: "a", Seq: 9, Entries: []v1alpha1.JournalEntry{
			*stocktest.Entry(9, v1alpha1.EntryAdjust, "d", "Applied", stocktest.Leaving(stocktest.Line("widget", 1, 4), 5))}}
	}
	for name, c := range map[string]struct {
		change func(*v1alpha1.StockJournalStatus)
		want   bool
	}{
		"itself": {func(*v1alpha1.StockJournalStatus) {}, true},
		"itself in another zone": {func(s *v1alpha1.StockJournalStatus) {
			s.Entries[0].At.Time = stocktest.Noon().In(time.FixedZone("", 7200))
		}, true},
		"another epoch":             {func(s *v1alpha1.StockJournalStatus) { s.Epoch++ }, false},
		"another holder":            {func(s *v1alpha1.StockJournalStatus) { s.Holder = "b" }, false},
		"another seq":               {func(s *v1alpha1.StockJournalStatus) { s.Seq++ }, false},
		"an entry dropped":          {func(s *v1alpha1.StockJournalStatus) { s.Entries = nil }, false},
		"an entry of another seq":   {func(s *v1alpha1.StockJournalStatus) { s.Entries[0].Seq++ }, false},
		"an entry of another uid":   {func(s *v1alpha1.StockJournalStatus) { s.Entries[0].UID = "x" }, false},
		"an entry of another kind":  {func(s *v1alpha1.StockJournalStatus) { s.Entries[0].Kind = v1alpha1.EntryAdjustReject }, false},
		"an entry of other lines":   {func(s *v1alpha1.StockJournalStatus) { s.Entries[0].Lines[0].Quantity++ }, false},
		"an entry with another end": {func(s *v1alpha1.StockJournalStatus) { *s.Entries[0].Lines[0].OnHand++ }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := base(), base()
			c.change(&b)
			if got := journal.Same(&a, &b); got != c.want {
				t.Errorf("same %t, want %t", got, c.want)
			}
		})
	}
	t.Run("an empty journal written and read back", func(t *testing.T) {
		t.Parallel()
		written := journal.Next(v1alpha1.StockJournalStatus{Epoch: 1}, nil, nil)
		if !journal.Same(&v1alpha1.StockJournalStatus{Epoch: 1}, &written) {
			t.Error("not the same")
		}
	})
}

// The schema's limits of an entry.
const (
	mostLines = 250
	mostText  = 65536
)

// largest is an entry as large as the schema lets it be.
func largest(kind v1alpha1.JournalEntryKind, lines int) *v1alpha1.JournalEntry {
	const uuid = "01234567-89ab-cdef-0123-456789abcdef"
	e := &v1alpha1.JournalEntry{
		Seq: math.MaxInt64, Kind: kind, Name: strings.Repeat("n", 253), UID: uuid, At: *stocktest.At(0), Reason: strings.Repeat("r", 64),
	}
	for i := range lines {
		l := v1alpha1.JournalLine{ProductID: fmt.Sprintf("%063d", i), ItemUID: uuid, Quantity: -2 * journal.MaxOnHand, Remaining: -2 * journal.MaxOnHand}
		if kind == v1alpha1.EntryAdjust || kind == v1alpha1.EntryAdjustReject {
			l.OnHand = new(-2 * journal.MaxOnHand)
		}
		if kind == v1alpha1.EntryReject {
			l.Shortage = v1alpha1.ShortageInsufficientStock
		}
		if kind == v1alpha1.EntryCommit || kind == v1alpha1.EntryRestock {
			l.NotMoved = l.Quantity
		}
		e.Lines = append(e.Lines, l)
	}
	if kind == v1alpha1.EntryAdjust || kind == v1alpha1.EntryAdjustReject {
		e.CountedAt, e.Generated = stocktest.At(0), true
	}
	return e
}

func TestSizeIsAnUpperBound(t *testing.T) {
	for _, c := range []struct {
		kind  v1alpha1.JournalEntryKind
		lines int
	}{
		{v1alpha1.EntryGrant, mostLines}, {v1alpha1.EntryReject, mostLines}, {v1alpha1.EntryRelease, mostLines}, {v1alpha1.EntryCommit, mostLines},
		{v1alpha1.EntryRestock, mostLines}, {v1alpha1.EntryGrant, 1}, {v1alpha1.EntryRestock, 0}, {v1alpha1.EntryAdjust, 1}, {v1alpha1.EntryAdjustReject, 1},
	} {
		e := largest(c.kind, c.lines)
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if got := journal.Size(e); got < len(raw)+len(",") {
			t.Errorf("Size of a %s with %d lines is %d, its JSON has %d bytes", c.kind, c.lines, got, len(raw))
		}
		var text string
		if err := json.Unmarshal(raw, &text); err != nil || len(text) > mostText {
			t.Errorf("the text of a %s with %d lines has %d bytes, the schema lets it have %d (%v)", c.kind, c.lines, len(text), mostText, err)
		}
	}
}

// What a journal may weigh, whatever is decided and however little gets done: the usual
// ones stay small, and the largest there can be always fit into a journal that is not full.
func TestJournalStaysSmall(t *testing.T) {
	one := func(e *v1alpha1.JournalEntry) []*v1alpha1.JournalEntry { return []*v1alpha1.JournalEntry{e} }
	for name, c := range map[string]struct {
		next func(i int) []*v1alpha1.JournalEntry
		most int // bytes of the object
	}{
		"the largest decisions": {func(int) []*v1alpha1.JournalEntry { return one(largest(v1alpha1.EntryReject, mostLines)) }, 96 << 10},
		"the largest baskets that become orders": {func(int) []*v1alpha1.JournalEntry {
			return append(one(largest(v1alpha1.EntryRelease, mostLines)), largest(v1alpha1.EntryGrant, mostLines))
		}, 160 << 10},
		"small ones, then the largest": {func(i int) []*v1alpha1.JournalEntry {
			if i < 40 {
				return one(largest(v1alpha1.EntryGrant, 1))
			}
			return append(one(largest(v1alpha1.EntryRelease, mostLines)), largest(v1alpha1.EntryGrant, mostLines))
		}, 160 << 10},
		"the usual ones": {func(i int) []*v1alpha1.JournalEntry {
			return one(stocktest.Entry(int64(i), v1alpha1.EntryGrant, fmt.Sprintf("ord-%020d", i), "", stocktest.Line("prod-001", 2, 5), stocktest.Line("prod-002", 1, 9)))
		}, 40 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var kept []*journal.Pending
			reached := 0
			for batch := range 20 {
				var decided []*v1alpha1.JournalEntry
				room := journal.NewRoom(kept, 64)
				for !room.Full() {
					for _, e := range c.next(len(kept) + len(decided)) {
						room.Take(e)
						decided = append(decided, e)
					}
				}
				if batch == 0 && len(decided) == 0 {
					t.Fatal("nothing fits in an empty journal")
				}
				status := journal.Next(v1alpha1.StockJournalStatus{Epoch: math.MaxInt64, Holder: strings.Repeat("h", 253), Seq: math.MaxInt64}, kept, decided)
				raw, err := json.Marshal(v1alpha1.StockJournal{Status: status})
				if err != nil {
					t.Fatal(err)
				}
				if reached = len(raw); reached > c.most {
					t.Fatalf("%d entries make %d bytes", len(status.Entries), reached)
				}
				for _, e := range decided {
					kept = append(kept, journal.NewPending(e)) // nothing gets done
				}
			}
			t.Logf("%d entries, %d bytes", len(kept), reached)
		})
	}
}

func TestRoomCountsNewDecisions(t *testing.T) {
	t.Parallel()
	small := stocktest.Entry(1, v1alpha1.EntryGrant, "r", "")
	room := journal.NewRoom([]*journal.Pending{journal.NewPending(small), journal.NewPending(small)}, 2)
	for taken := range 2 {
		if room.Full() {
			t.Fatalf("full after %d new decisions of 2", taken)
		}
		room.Take(small)
	}
	if !room.Full() {
		t.Error("not full with two new decisions of two")
	}
}

// The schema's limit on the number of entries is never met: bytes run out first.
func TestBytesRunOutBeforeTheSchemasLimitOfEntries(t *testing.T) {
	t.Parallel()
	const schemaLimit = 512
	if smallest := journal.Size(stocktest.Entry(1, v1alpha1.EntryRestock, "r", "")); journal.FullAt/smallest > schemaLimit {
		t.Errorf("%d entries of %d bytes fit", journal.FullAt/smallest, smallest)
	}
}
