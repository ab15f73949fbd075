package stock_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/stock"
)

// Who waits for whom, one pair at a time. That this is neither too little nor
// against the sums people see is the model check's to show.
func TestTurns(t *testing.T) {
	entry := func(seq int64, kind v1alpha1.JournalEntryKind, uid string, items ...string) *stock.Open {
		e := &v1alpha1.JournalEntry{Seq: seq, Kind: kind, UID: uid}
		for _, item := range items {
			e.Lines = append(e.Lines, v1alpha1.JournalLine{ItemUID: item, Quantity: 1})
		}
		return stock.NewOpen(e)
	}
	done := func(o *stock.Open) *stock.Open { o.Object = true; return o }
	grant := func(seq int64, items ...string) *stock.Open { return entry(seq, v1alpha1.EntryGrant, "r", items...) }
	release := func(seq int64, items ...string) *stock.Open { return entry(seq, v1alpha1.EntryRelease, "s", items...) }
	commit := func(seq int64, items ...string) *stock.Open { return entry(seq, v1alpha1.EntryCommit, "c", items...) }
	receive := func(seq int64, item string) *stock.Open { return entry(seq, v1alpha1.EntryAdjust, "d", item) }

	for name, tc := range map[string]struct {
		before, this []*stock.Open
		givenUp      string
		want         bool
	}{
		"a grant waits for an earlier release":              {before: []*stock.Open{release(1, "a")}, this: []*stock.Open{grant(2, "b", "a")}},
		"not when it is on its reservation":                 {before: []*stock.Open{done(release(1, "a"))}, this: []*stock.Open{grant(2, "a")}, want: true},
		"nor for one of another item":                       {before: []*stock.Open{release(1, "b")}, this: []*stock.Open{grant(2, "a")}, want: true},
		"nor for a later one":                               {before: []*stock.Open{release(3, "a")}, this: []*stock.Open{grant(2, "a")}, want: true},
		"nor for one that is given up on":                   {before: []*stock.Open{release(1, "a")}, this: []*stock.Open{grant(2, "a")}, givenUp: "s", want: true},
		"a grant waits for what came in":                    {before: []*stock.Open{receive(1, "a")}, this: []*stock.Open{grant(2, "a")}},
		"also when only the item lacks it":                  {before: []*stock.Open{done(receive(1, "a"))}, this: []*stock.Open{grant(2, "a")}},
		"not when the item is given up on":                  {before: []*stock.Open{receive(1, "a")}, this: []*stock.Open{grant(2, "a")}, givenUp: "a", want: true},
		"not for another grant":                             {before: []*stock.Open{entry(1, v1alpha1.EntryGrant, "q", "a")}, this: []*stock.Open{grant(2, "a")}, want: true},
		"a release waits for nobody":                        {before: []*stock.Open{commit(1, "a"), receive(2, "a")}, this: []*stock.Open{release(3, "a")}, want: true},
		"a grant with a release behind it ends up giving":   {before: []*stock.Open{commit(1, "a")}, this: []*stock.Open{grant(2, "a"), entry(3, v1alpha1.EntryRelease, "r", "a")}, want: true},
		"a refusal waits for nobody, whatever it was about": {before: []*stock.Open{release(1, "a")}, this: []*stock.Open{entry(2, v1alpha1.EntryReject, "r", "a")}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			turns := stock.NewTurns(append(tc.before, tc.this...), func(uid string) bool { return uid == tc.givenUp })
			if got := turns.Object(tc.this); got != tc.want {
				t.Errorf("it is its turn: %t, expected %t", got, tc.want)
			}
		})
	}

	t.Run("an item takes in what is on the reservations, and nothing behind that", func(t *testing.T) {
		first, second, third := done(commit(1, "a")), commit(2, "a"), receive(3, "a")
		open := []*stock.Open{first, second, third}
		turn := func() int {
			return stock.NewTurns(open, func(string) bool { return false }).Item(types.UID("a"), open)
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
