package journal_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// Who waits for whom, one pair at a time. That this is neither too little nor
// against the sums people see is the model check's to show.
func TestWriteOrder(t *testing.T) {
	entry := func(seq int64, kind v1alpha1.JournalEntryKind, uid string, items ...string) *journal.Pending {
		e := &v1alpha1.JournalEntry{Seq: seq, Kind: kind, UID: uid}
		for _, item := range items {
			e.Lines = append(e.Lines, v1alpha1.JournalLine{ItemUID: item, Quantity: 1})
		}
		return journal.NewPending(e)
	}
	done := func(o *journal.Pending) *journal.Pending { o.Object = true; return o }
	grant := func(seq int64, items ...string) *journal.Pending {
		return entry(seq, v1alpha1.EntryGrant, "r", items...)
	}
	release := func(seq int64, items ...string) *journal.Pending {
		return entry(seq, v1alpha1.EntryRelease, "s", items...)
	}
	commit := func(seq int64, items ...string) *journal.Pending {
		return entry(seq, v1alpha1.EntryCommit, "c", items...)
	}
	receive := func(seq int64, item string) *journal.Pending { return entry(seq, v1alpha1.EntryAdjust, "d", item) }

	for name, tc := range map[string]struct {
		before, this []*journal.Pending
		givenUp      string
		want         bool
	}{
		"a grant waits for an earlier release":              {before: []*journal.Pending{release(1, "a")}, this: []*journal.Pending{grant(2, "b", "a")}},
		"not when it is on its reservation":                 {before: []*journal.Pending{done(release(1, "a"))}, this: []*journal.Pending{grant(2, "a")}, want: true},
		"nor for one of another item":                       {before: []*journal.Pending{release(1, "b")}, this: []*journal.Pending{grant(2, "a")}, want: true},
		"nor for a later one":                               {before: []*journal.Pending{release(3, "a")}, this: []*journal.Pending{grant(2, "a")}, want: true},
		"nor for one that is given up on":                   {before: []*journal.Pending{release(1, "a")}, this: []*journal.Pending{grant(2, "a")}, givenUp: "s", want: true},
		"a grant waits for what came in":                    {before: []*journal.Pending{receive(1, "a")}, this: []*journal.Pending{grant(2, "a")}},
		"also when only the item lacks it":                  {before: []*journal.Pending{done(receive(1, "a"))}, this: []*journal.Pending{grant(2, "a")}},
		"not when the item is given up on":                  {before: []*journal.Pending{receive(1, "a")}, this: []*journal.Pending{grant(2, "a")}, givenUp: "a", want: true},
		"not for another grant":                             {before: []*journal.Pending{entry(1, v1alpha1.EntryGrant, "q", "a")}, this: []*journal.Pending{grant(2, "a")}, want: true},
		"a release waits for nobody":                        {before: []*journal.Pending{commit(1, "a"), receive(2, "a")}, this: []*journal.Pending{release(3, "a")}, want: true},
		"a grant with a release behind it ends up giving":   {before: []*journal.Pending{commit(1, "a")}, this: []*journal.Pending{grant(2, "a"), entry(3, v1alpha1.EntryRelease, "r", "a")}, want: true},
		"a refusal waits for nobody, whatever it was about": {before: []*journal.Pending{release(1, "a")}, this: []*journal.Pending{entry(2, v1alpha1.EntryReject, "r", "a")}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			turns := journal.NewWriteOrder(append(tc.before, tc.this...), func(uid string) bool { return uid == tc.givenUp })
			if got := turns.Object(tc.this); got != tc.want {
				t.Errorf("it is its turn: %t, expected %t", got, tc.want)
			}
		})
	}

	t.Run("an item takes in what is on the reservations, and nothing behind that", func(t *testing.T) {
		first, second, third := done(commit(1, "a")), commit(2, "a"), receive(3, "a")
		open := []*journal.Pending{first, second, third}
		turn := func() int {
			return journal.NewWriteOrder(open, func(string) bool { return false }).Item(types.UID("a"), open)
		}
		if got := turn(); got != 1 {
			t.Errorf("%d decisions, expected the first alone", got)
		}
		second.Object = true
		if got := turn(); got != 3 {
			t.Errorf("%d decisions, expected all three", got)
		}
	})
}
