package relay_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/internal/domain/mirror/relay"
)

const (
	waiting = relay.Waiting
	sent    = relay.Sent
	acked   = relay.Acked
)

func rows(first int64, states ...relay.State) []relay.Row {
	var key []relay.Row
	for i, s := range states {
		key = append(key, relay.Row{No: first + int64(i), State: s})
	}
	return key
}

func TestNext(t *testing.T) {
	for name, test := range map[string]struct {
		key  []relay.Row
		want int
	}{
		"nothing held":                          {nil, -1},
		"the first":                             {rows(1, waiting, waiting), 0},
		"one in flight":                         {rows(1, sent, waiting), -1},
		"the one after what is acknowledged":    {rows(1, acked, acked, waiting), 2},
		"one in flight after what is":           {rows(1, acked, sent, waiting), -1},
		"all acknowledged":                      {rows(1, acked, acked), -1},
		"one that showed up before goes first":  {rows(1, waiting, acked, waiting), 0},
		"and waits while another is in flight":  {rows(1, acked, sent), -1},
		"a single one":                          {rows(7, waiting), 0},
		"a single one that is acknowledged":     {rows(7, acked), -1},
		"a single one that is on its way":       {rows(7, sent), -1},
		"two on their way: the rule was broken": {rows(1, sent, sent, waiting), -1},
	} {
		if got := relay.Next(test.key); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestMergeKeepsWhatIsHeldAndOrdersByPlace(t *testing.T) {
	held := []relay.Row{{No: 3, State: sent}, {No: 7}}
	want := []relay.Row{{No: 2}, {No: 3, State: sent}, {No: 5}, {No: 7}, {No: 9}}
	if diff := cmp.Diff(want, relay.Merge(held, 9, 3, 2, 5)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTrimForgetsWaitingRowsAtTheEndOnly(t *testing.T) {
	for name, test := range map[string]struct {
		key  []relay.Row
		keep int
		want int
	}{
		"all but the first": {rows(1, waiting, waiting, waiting), 1, 1},
		"none is beyond":    {rows(1, waiting, waiting), 2, 2},
		"sent ones stay":    {rows(1, acked, acked, sent, waiting), 1, 3},
		"all":               {rows(1, waiting, waiting), 0, 0},
	} {
		if got := relay.Trim(test.key, test.keep); len(got) != test.want {
			t.Errorf("%s: %d stay, want %d", name, len(got), test.want)
		}
	}
}

func TestDeletedTakesOutWhatWasAcknowledged(t *testing.T) {
	got := relay.Deleted(rows(1, acked, sent, waiting), func(no int64) bool { return no <= 2 })
	if diff := cmp.Diff(rows(2, sent, waiting), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
